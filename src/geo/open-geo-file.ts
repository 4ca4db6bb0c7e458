import { setImmediate as nextTurn } from 'node:timers/promises';
import { errorText } from '../base/errors.ts';
import { formatIp } from '../base/ip.ts';
import type { ClientPlace } from './client.ts';
import type { FileLayer } from './geo-layer.ts';
import { damaged, geoFileError, type MmdbFile, readMmdbFile } from './mmdb-file.ts';
import { type GeoKind, layoutOf, placeOfRecord, type RecordLayout } from './mmdb-record.ts';
import { type PointerExample, walkTree } from './mmdb-walk.ts';
import { PlaceTable } from './place-table.ts';
import { mapRanges } from './ranges.ts';

/** Records decoded before other work gets a turn. */
const recordsPerTurn = 2000;

/**
 * Reads a database into a layer: its whole tree is walked and each distinct record decoded once, so
 * that a file which opens is a file which answers.
 *
 * @throws MeridianError with an E_GEO_… code, the path and a remedy.
 */
export async function openGeoFile(kind: GeoKind, path: string): Promise<FileLayer> {
  const file = await readMmdbFile(path);
  const tree = walkTree(file);
  await nextTurn();
  const table = new PlaceTable();
  // From index of pointer to index of place: many records say the same of what is used.
  const placeOf = new Uint32Array(tree.pointers.length);
  let layout: RecordLayout = 'unknown';
  for (let index = 1; index < tree.pointers.length; index++) {
    const example = tree.examples[index];
    if (example === undefined) continue;
    const record = decodeRecord(file, example);
    if (layout === 'unknown') layout = layoutOf(record);
    placeOf[index] = table.indexOf(placeOfRecord(record, kind));
    if (index % recordsPerTurn === 0) await nextTurn();
  }
  checkContent(path, kind, table.places, tree.networks4 + tree.networks6);
  return {
    kind,
    source: path,
    ranges4: mapRanges(tree.ranges4, (value) => placeOf[value]!),
    ranges6: mapRanges(tree.ranges6, (value) => placeOf[value]!),
    places: table.places,
    exact: false,
    layout,
    signature: file.signature,
    databaseType: file.metadata.databaseType,
    builtEpochMs: file.metadata.buildEpoch.getTime(),
    networks4: tree.networks4,
    networks6: tree.networks6,
  };
}

/** The record at the first network of a data pointer, by mmdb-lib; throws E_GEO_DAMAGED. */
export function decodeRecord(file: MmdbFile, example: PointerExample): unknown {
  try {
    return file.reader.get(formatIp(example));
  } catch (cause) {
    const what = `the record of ${formatIp(example)} cannot be decoded (${errorText(cause)})`;
    throw damaged(file.path, what, cause);
  }
}

/** Refuses a database that has nothing of what it was given for. */
function checkContent(
  path: string,
  kind: GeoKind,
  places: readonly ClientPlace[],
  networks: number,
): void {
  if (networks === 0) {
    throw damaged(path, 'it has no networks');
  }
  const has = (field: keyof ClientPlace) => places.some((place) => place[field] !== undefined);
  if (kind === 'asn' && !has('asn')) {
    throw layoutError(path, kind, 'AS numbers', 'autonomous_system_number');
  }
  if (kind === 'country' && !has('country') && !has('continent')) {
    throw layoutError(path, kind, 'countries', 'country.iso_code or country_code');
  }
  if (kind === 'city' && !has('coordinates') && !has('subdivision') && !has('city')) {
    throw layoutError(path, kind, 'cities', 'location.latitude or latitude');
  }
}

function layoutError(path: string, kind: GeoKind, what: string, keys: string) {
  const others = ['city', 'country', 'asn'].filter((other) => other !== kind).join(' or ');
  const message =
    `the database has no ${what} (looked for ${keys}); ` +
    `if it is a ${others} database, give it as such`;
  return geoFileError('E_GEO_LAYOUT', path, message);
}
