import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Family, formatIp, fromBytes } from '../../src/base/ip.ts';
import { Random } from '../../src/base/random.ts';
import { findCountry } from '../../src/geo/countries.ts';
import { embeddedCountryDatabase, openGeoSources } from '../../src/geo/geo-sources.ts';
import type { Ranges } from '../../src/geo/ranges.ts';
import { rcodes, rrTypes } from '../../src/wire/types.ts';
import { writeMmdb } from '../../test/geo/mmdb-writer.ts';
import { encodeQuery } from '../dns-load.ts';

/** The zone that every server serves. */
export const origin = 'bench.test';

/** Where `www` leads to, by place of the client. */
export const sites = {
  us: { a: '192.0.2.10', aaaa: '2001:db8:1::10' },
  eu: { a: '198.51.100.10', aaaa: '2001:db8:2::10' },
  ap: { a: '203.0.113.10', aaaa: '2001:db8:3::10' },
  sa: { a: '192.0.2.130', aaaa: '2001:db8:4::10' },
} as const;
export type Site = keyof typeof sites;

/** Where everybody goes for whom no rule says more. */
export const elsewhere: Site = 'us';
export const byContinent: Readonly<Record<string, Site>> = {
  EU: 'eu',
  AF: 'eu',
  AS: 'ap',
  OC: 'ap',
  SA: 'sa',
};
/** Countries apart from their continent, with the continent that the database gives them. */
export const byCountry: Readonly<Record<string, { continent: string; site: Site }>> = {
  TR: { continent: 'AS', site: 'eu' },
  MX: { continent: 'NA', site: 'sa' },
};

export const ttlSeconds = 30;
export const staticNames = 100;

/** Lines of a master file without `www`; `$ORIGIN` is the file's name. */
export const zoneLines: readonly string[] = [
  '$TTL 300',
  '@ SOA ns1 hostmaster 1 7200 900 1209600 300',
  '@ NS ns1',
  'ns1 A 127.0.0.1',
  '*.wild A 192.0.2.200',
  ...Array.from({ length: staticNames }, (_, index) => `static${index} A 192.0.2.${index}`),
];

/** Countries that the load's own addresses are in: client k sends from 127.1.k.1. */
const loadCountries = ['US', 'DE', 'IN', 'BR', 'JP', 'TR', 'MX', 'ZA'];

/**
 * Writes the embedded country database in MaxMind's layout, which other servers can read, with the
 * addresses of the load in it. Returns its path and the number of networks.
 */
export async function writeCountryDatabase(
  folder: string,
): Promise<{ path: string; networks: number }> {
  const geo = await openGeoSources([{ kind: 'country', path: embeddedCountryDatabase() }]);
  const [layer] = geo.files;
  if (layer === undefined || layer.ranges4.count < 10_000) throw new Error('no country database');
  const records = layer.places.map(({ country }) => countryRecord(country));
  const networks: [string, ReturnType<typeof countryRecord> & object][] = [];
  for (const ranges of [layer.ranges4, layer.ranges6]) {
    forEachPrefix(ranges, (prefix, value) => {
      const record = records[value];
      if (record !== undefined) networks.push([prefix, record]);
    });
  }
  for (let client = 0; client < 256; client += 1) {
    const record = countryRecord(loadCountries[client % loadCountries.length]);
    if (record !== undefined) networks.push([`127.1.${client}.0/24`, record]);
  }
  const path = join(folder, 'GeoLite2-Country.mmdb');
  const epoch = Math.floor(Date.now() / 1000);
  writeFileSync(
    path,
    writeMmdb({ databaseType: 'GeoLite2-Country', recordSize: 28, networks, buildEpoch: epoch }),
  );
  return { path, networks: networks.length };
}

function countryRecord(code: string | undefined) {
  const country = code === undefined ? undefined : findCountry(code);
  if (country === undefined || code === undefined) return undefined;
  return {
    continent: { code: country.continent },
    country: { iso_code: code, names: { en: country.name } },
  };
}

/** Calls back for the prefixes that a sequence of ranges consists of; IPv4 in IPv6 is left out. */
function forEachPrefix(ranges: Ranges, each: (prefix: string, value: number) => void): void {
  const { family, count, starts, values } = ranges;
  const bits = family === 4 ? 32 : 128;
  const startOf = (index: number) =>
    index === count ? 1n << BigInt(bits) : bigAddress(family, starts, index);
  for (let index = 0; index < count; index += 1) {
    const end = startOf(index + 1);
    for (let at = startOf(index); at < end; ) {
      let hostBits = at === 0n ? bits : trailingZeros(at);
      while (at + (1n << BigInt(hostBits)) > end) hostBits -= 1;
      // Nothing but 2000::/3 is given out; below it stands what carries IPv4.
      if (family === 4 || at >> 125n === 1n) {
        each(`${formatBig(family, at)}/${bits - hostBits}`, values[index] ?? 0);
      }
      at += 1n << BigInt(hostBits);
    }
  }
}

function bigAddress(family: Family, starts: Uint32Array, index: number): bigint {
  const words = family === 4 ? 1 : 4;
  let value = 0n;
  for (let word = 0; word < words; word += 1) {
    value = (value << 32n) | BigInt(starts[index * words + word] ?? 0);
  }
  return value;
}

function trailingZeros(value: bigint): number {
  let count = 0;
  for (let rest = value; (rest & 1n) === 0n; rest >>= 1n) count += 1;
  return count;
}

function formatBig(family: Family, value: bigint): string {
  const octets = family === 4 ? 4 : 16;
  const bytes = Array.from({ length: octets }, (_, index) =>
    Number((value >> BigInt((octets - 1 - index) * 8)) & 255n),
  );
  return formatIp(fromBytes(bytes));
}

/** A query and what its answer must have. */
export interface BenchQuery {
  readonly packet: Uint8Array;
  readonly name: string;
  readonly type: number;
  readonly rcode: number;
  readonly answers: number;
}

/**
 * The mix: 60 % geo A, 15 % geo AAAA, 15 % static, 5 % wildcard, 5 % NXDOMAIN; all with EDNS, and with
 * `hasSubnet` a random /24 as client subnet in every query.
 */
export function makeBenchQueries(count: number, hasSubnet: boolean, seed = 1): BenchQuery[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, index) => {
    const draw = random.below(100);
    const label = `x${random.uint32().toString(36)}`;
    let name = `${label}.${origin}`;
    if (draw < 75) name = `www.${origin}`;
    else if (draw < 90) name = `static${random.below(staticNames)}.${origin}`;
    else if (draw < 95) name = `${label}.wild.${origin}`;
    const type = draw >= 60 && draw < 75 ? rrTypes.AAAA : rrTypes.A;
    const exists = draw < 95;
    return {
      packet: encodeQuery(index & 0xffff, name, type, hasSubnet ? random : undefined),
      name,
      type,
      rcode: exists ? rcodes.NOERROR : rcodes.NXDOMAIN,
      answers: exists ? 1 : 0,
    };
  });
}

/** Writes queries in the form that dns_load.c reads; returns the path. */
export function writeQueries(folder: string, name: string, queries: readonly BenchQuery[]): string {
  const path = join(folder, name);
  const parts = queries.flatMap(({ packet, rcode, answers }) => [
    Uint8Array.of(packet.length >> 8, packet.length & 255, rcode, answers),
    packet,
  ]);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}
