import { readFileSync } from 'node:fs';
import type { Coordinates } from './client.ts';

/** A country or territory of ISO 3166-1 (and XK). */
export interface Country {
  /** Alpha-2, upper case. */
  readonly code: string;
  /** AF, AN, AS, EU, NA, OC or SA. */
  readonly continent: string;
  /** English short name. */
  readonly name: string;
  /** Where its people live on average; a point in it where nobody does. */
  readonly coordinates: Coordinates;
  /** Inhabitants of the places that GeoNames lists; 0 where nobody lives. */
  readonly inhabitants: number;
}

/** One row of geodata/countries.json: code, continent, latitude, longitude, inhabitants, name. */
type CountryRow = readonly [string, string, number, number, number, string];

/** The seven continents by code. */
export const continents: ReadonlyMap<string, string> = new Map([
  ['AF', 'Africa'],
  ['AN', 'Antarctica'],
  ['AS', 'Asia'],
  ['EU', 'Europe'],
  ['NA', 'North America'],
  ['OC', 'Oceania'],
  ['SA', 'South America'],
]);

let table: ReadonlyMap<string, Country> | undefined;

/** All countries by code. The table is read on first use. */
export function allCountries(): ReadonlyMap<string, Country> {
  if (table === undefined) {
    const file = new URL('../../geodata/countries.json', import.meta.url);
    const rows = JSON.parse(readFileSync(file, 'utf8')) as readonly CountryRow[];
    table = new Map(
      rows.map(([code, continent, latitude, longitude, inhabitants, name]) => [
        code,
        { code, continent, name, coordinates: { latitude, longitude }, inhabitants },
      ]),
    );
  }
  return table;
}

/** The country of an upper-case alpha-2 code; undefined for codes that ISO 3166-1 does not have. */
export function findCountry(code: string): Country | undefined {
  return allCountries().get(code);
}
