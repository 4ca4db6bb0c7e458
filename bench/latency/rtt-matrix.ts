import type { Coordinates } from '../../src/geo/client.ts';
import { findPlace } from '../../src/geo/places.ts';

/** One client city: where it is, and its round-trip time to each region in the matrix's order. */
export interface MatrixRow {
  readonly client: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly coordinates: Coordinates;
  /** Milliseconds; NaN where it is not known. */
  readonly ms: readonly number[];
}

export interface RttMatrix {
  readonly regions: readonly { readonly name: string; readonly coordinates: Coordinates }[];
  readonly rows: readonly MatrixRow[];
}

const fixedColumns = ['client', 'country', 'latitude', 'longitude'] as const;

/** Each row is a prefix of its own of 10.0.0.0/8 (choose.ts). */
const maxRows = 65_536;

/**
 * Reads a matrix: CSV with the columns client, country, latitude, longitude, and one for each region,
 * which is named by its place (`aws:eu-west-1`). Cells are milliseconds; an empty one is not known. A
 * row without coordinates stands at `city:CLIENT,COUNTRY`. Throws with the line where it cannot be read.
 */
export function parseMatrix(text: string): RttMatrix {
  const [first = '', ...lines] = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const head = cellsOf(first);
  if (fixedColumns.some((name, index) => head[index] !== name)) {
    throw new Error(`line 1: the first columns are not ${fixedColumns.join(',')}`);
  }
  const regions = head.slice(fixedColumns.length).map((name) => {
    const place = findPlace(name);
    if (place === undefined) throw new Error(`line 1: "${name}" is no place; write aws:eu-west-1`);
    return { name, coordinates: place.coordinates };
  });
  if (new Set(regions.map(({ name }) => name)).size < Math.max(2, regions.length)) {
    throw new Error('line 1: there are not two regions or more, each once');
  }
  const rows = lines.flatMap((line, index) =>
    line.trim() === '' ? [] : [parseRow(line, index + 2, regions.length)],
  );
  if (rows.length > maxRows) throw new Error(`there are ${rows.length} rows; at most ${maxRows}`);
  return { regions, rows };
}

function parseRow(line: string, number: number, regionCount: number): MatrixRow {
  const [client = '', country = '', latitude = '', longitude = '', ...times] = cellsOf(line);
  const refuse = (what: string) => new Error(`line ${number}: ${what}`);
  if (times.length !== regionCount) throw refuse(`not ${regionCount} times, but ${times.length}`);
  if (!/^[A-Z]{2}$/.test(country)) throw refuse(`"${country}" is no country; write IE`);
  const ms = times.map((cell) => {
    const value = cell === '' ? Number.NaN : Number(cell);
    if (cell === '' || (value > 0 && value < Number.POSITIVE_INFINITY)) return value;
    throw refuse(`"${cell}" is no time; write milliseconds, or nothing`);
  });
  if (latitude === '' && longitude === '') {
    const coordinates = findPlace(`city:${client},${country}`)?.coordinates;
    if (coordinates !== undefined) return { client, country, coordinates, ms };
    throw refuse(`nobody knows where "${client}", ${country} is; give latitude and longitude`);
  }
  const coordinates = { latitude: degrees(latitude, 90), longitude: degrees(longitude, 180) };
  if (!Number.isNaN(coordinates.latitude + coordinates.longitude)) {
    return { client, country, coordinates, ms };
  }
  throw refuse(`"${latitude}","${longitude}" is no place; write degrees north and east`);
}

function cellsOf(line: string): string[] {
  return line.split(',').map((cell) => cell.trim());
}

/** NaN for what is none. */
function degrees(text: string, most: number): number {
  const value = text === '' ? Number.NaN : Number(text);
  return Math.abs(value) <= most ? value : Number.NaN;
}

/** The text that `parseMatrix` reads. */
export function formatMatrix({ regions, rows }: RttMatrix): string {
  const head = [...fixedColumns, ...regions.map(({ name }) => name)].join(',');
  const lines = rows.map(({ client, country, coordinates, ms }) =>
    [
      client.replaceAll(',', ' '),
      country,
      coordinates.latitude,
      coordinates.longitude,
      ...ms.map((value) => (Number.isNaN(value) ? '' : value.toFixed(1))),
    ].join(','),
  );
  return `${head}\n${lines.join('\n')}\n`;
}
