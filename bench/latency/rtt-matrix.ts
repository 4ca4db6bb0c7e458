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

/**
 * Reads a matrix: CSV with the columns client, country, latitude, longitude, and one for each region,
 * which is named by its place (`aws:eu-west-1`). Cells are milliseconds; an empty one is not known. A
 * row without coordinates stands at `city:CLIENT,COUNTRY`. Throws with the line where it cannot be read.
 */
export function parseMatrix(text: string): RttMatrix {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const head = (lines[0] ?? '').split(',').map((cell) => cell.trim());
  if (fixedColumns.some((name, index) => head[index] !== name)) {
    throw new Error(`line 1: the first columns are not ${fixedColumns.join(',')}`);
  }
  const regions = head.slice(fixedColumns.length).map((name) => {
    const place = findPlace(name);
    if (place === undefined) throw new Error(`line 1: "${name}" is no place`);
    return { name, coordinates: place.coordinates };
  });
  const rows = lines.slice(1).map((line, index) => parseRow(line, index + 2, regions.length));
  return { regions, rows };
}

function parseRow(line: string, number: number, regionCount: number): MatrixRow {
  const cells = line.split(',').map((cell) => cell.trim());
  const [client = '', country = '', latitude = '', longitude = ''] = cells;
  const ms = cells
    .slice(fixedColumns.length)
    .map((cell) => (cell === '' ? Number.NaN : Number(cell)));
  if (ms.length !== regionCount) throw new Error(`line ${number}: not ${regionCount} times`);
  const known = latitude !== '' && longitude !== '';
  const coordinates = known
    ? { latitude: Number(latitude), longitude: Number(longitude) }
    : findPlace(`city:${client},${country}`)?.coordinates;
  if (coordinates === undefined) throw new Error(`line ${number}: nobody knows where that is`);
  return { client, country, coordinates, ms };
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
