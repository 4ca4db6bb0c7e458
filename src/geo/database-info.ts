import type { ReaderModel } from '@maxmind/geoip2-node';
import type { Problem } from '../base/errors.ts';
import { formatIp, type IpAddress, maskIp } from '../base/ip.ts';
import type { ClientPlace } from './client.ts';
import { type MmdbFile, readMmdbFile } from './mmdb-file.ts';
import { layoutOf, placeOfRecord, type RecordLayout } from './mmdb-record.ts';
import { walkTree } from './mmdb-walk.ts';
import { decodeRecord } from './open-geo-file.ts';

/** Days after which doctor calls a database old: providers publish at least monthly. */
const oldAfterDays = 90;

/** A database file as doctor shows it. */
export interface DatabaseInfo {
  readonly path: string;
  readonly fileBytes: number;
  /** What the file calls itself: `GeoLite2-City`. */
  readonly databaseType: string;
  /** In English if there is one. */
  readonly description: string | undefined;
  /** ISO 8601, UTC. */
  readonly built: string;
  /** 4: the tree holds IPv4 addresses only; 6: both. */
  readonly ipVersion: number;
  readonly nodeCount: number;
  /** 24, 28 or 32. */
  readonly recordBits: number;
  readonly layout: RecordLayout;
  readonly networks4: number;
  readonly networks6: number;
  /** The first record of the database, as it stands there. */
  readonly example: { readonly address: string; readonly record: unknown } | undefined;
  /** Warnings: one family only, old, unknown layout. */
  readonly problems: readonly Problem[];
}

/**
 * Reads what a database says of itself and counts its networks.
 *
 * @throws MeridianError with an E_GEO_… code when the file is no whole MMDB.
 */
export async function databaseInfo(path: string, nowEpochMs = Date.now()): Promise<DatabaseInfo> {
  const file = await readMmdbFile(path);
  const { metadata } = file;
  const tree = walkTree(file);
  const first = tree.examples[1];
  const record = first === undefined ? undefined : decodeRecord(file, first);
  const layout = layoutOf(record);
  const descriptions = metadata.description as unknown as Record<string, unknown> | undefined;
  const description = descriptions?.['en'];
  return {
    path,
    fileBytes: file.bytes.length,
    databaseType: metadata.databaseType,
    description: typeof description === 'string' ? description : undefined,
    built: metadata.buildEpoch.toISOString(),
    ipVersion: metadata.ipVersion,
    nodeCount: metadata.nodeCount,
    recordBits: metadata.recordSize,
    layout,
    networks4: tree.networks4,
    networks6: tree.networks6,
    example: first === undefined ? undefined : { address: formatIp(first), record },
    problems: problemsOf(file, layout, tree.networks4, tree.networks6, nowEpochMs),
  };
}

function problemsOf(
  file: MmdbFile,
  layout: RecordLayout,
  networks4: number,
  networks6: number,
  nowEpochMs: number,
): Problem[] {
  const problems: Problem[] = [];
  const warn = (code: Problem['code'], message: string) =>
    problems.push({ code, message, where: file.path, severity: 'warning' });
  if (networks6 === 0) {
    const why =
      file.metadata.ipVersion === 4 ? 'holds IPv4 addresses only' : 'has no IPv6 networks';
    warn('E_GEO_FAMILY', `the database ${why}; add one for IPv6 clients`);
  }
  if (networks4 === 0) {
    warn('E_GEO_FAMILY', 'the database has no IPv4 networks; add one for IPv4 clients');
  }
  if (layout === 'unknown' && networks4 + networks6 > 0) {
    warn('E_GEO_LAYOUT', 'its first record has no field that Meridian knows');
  }
  const days = Math.floor((nowEpochMs - file.metadata.buildEpoch.getTime()) / 86_400_000);
  if (days > oldAfterDays) {
    warn('E_GEO_OLD', `the database was built ${days} days ago; give a newer one with --geo`);
  }
  return problems;
}

/** What one database says of one address. */
export interface AddressDescription {
  readonly layout: RecordLayout;
  /** The database's own network around the address; undefined where it cannot know the family. */
  readonly network: string | undefined;
  /**
   * The model of `@maxmind/geoip2-node` for databases that it serves (GeoIP2 and GeoLite2 types),
   * else the record as it stands; undefined where the database knows nothing.
   */
  readonly record: unknown;
  /** Which of the two `record` is. */
  readonly model: 'City' | 'Country' | 'ASN' | 'Enterprise' | 'ISP' | 'raw';
  /** What Meridian takes from it, of every kind. */
  readonly place: ClientPlace;
  /** Why nothing is known, where that is not plain. */
  readonly problem?: Problem;
}

/**
 * Describes an address by one database, for explain and doctor.
 *
 * @throws MeridianError with an E_GEO_… code when the file is no whole MMDB.
 */
export async function describeAddress(
  path: string,
  address: IpAddress,
): Promise<AddressDescription> {
  const file = await readMmdbFile(path);
  const text = formatIp(address);
  if (file.metadata.ipVersion === 4 && address.family === 6) {
    // The reader would walk the tree by the first 32 bits and find some other network.
    const message = `the database holds IPv4 addresses only and cannot know ${text}`;
    const problem: Problem = { code: 'E_GEO_FAMILY', message, where: path, severity: 'warning' };
    return {
      layout: 'unknown',
      network: undefined,
      record: undefined,
      model: 'raw',
      place: {},
      problem,
    };
  }
  const raw = decodeRecord(file, address);
  const [, prefixLength] = file.reader.getWithPrefixLength(text);
  const length = address.family === 6 ? prefixLength : Math.min(32, prefixLength);
  const place = {
    ...placeOfRecord(raw, 'asn'),
    ...placeOfRecord(raw, 'city'),
  };
  const typed = raw === null ? undefined : await typedModel(file, text);
  return {
    layout: layoutOf(raw),
    network: `${formatIp(maskIp(address, length))}/${length}`,
    record: typed?.record ?? raw ?? undefined,
    model: typed?.model ?? 'raw',
    place,
  };
}

async function typedModel(
  file: MmdbFile,
  address: string,
): Promise<{ record: unknown; model: AddressDescription['model'] } | undefined> {
  const ask = modelOf(file.metadata.databaseType);
  if (ask === undefined) return undefined;
  // Loaded on demand: it brings a web client that only these two commands would pay for.
  const { Reader } = await import('@maxmind/geoip2-node');
  try {
    return { record: ask.read(Reader.openBuffer(file.bytes), address), model: ask.model };
  } catch {
    // A database of that type with records of another shape: its raw record says more.
    return undefined;
  }
}

/** The model for a database type, by the rule of the library: the type contains its name. */
function modelOf(databaseType: string) {
  const models = [
    { model: 'Enterprise', read: (db: ReaderModel, ip: string) => db.enterprise(ip) },
    { model: 'City', read: (db: ReaderModel, ip: string) => db.city(ip) },
    { model: 'Country', read: (db: ReaderModel, ip: string) => db.country(ip) },
    { model: 'ASN', read: (db: ReaderModel, ip: string) => db.asn(ip) },
    { model: 'ISP', read: (db: ReaderModel, ip: string) => db.isp(ip) },
  ] as const;
  return models.find(({ model }) => databaseType.includes(model));
}
