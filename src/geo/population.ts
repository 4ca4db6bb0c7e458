import { readFileSync } from 'node:fs';
import type { Coordinates } from './client.ts';
import { findCountry } from './countries.ts';

/** A city, or all smaller places of a subdivision together. */
export interface PopulatedPlace {
  /** The city's name; `elsewhere in …` for the smaller places. */
  readonly name: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** ISO 3166-2 with the country; in the table for the United States only. */
  readonly subdivision?: string;
  readonly coordinates: Coordinates;
  readonly inhabitants: number;
  /** True for a city of its own, false for smaller places taken together. */
  readonly city: boolean;
}

/** One row of geodata/cities.json: country, name, subdivision, latitude, longitude, inhabitants. */
type CityRow = readonly [string, string, string | 0, number, number, number];

let table: readonly PopulatedPlace[] | undefined;

/**
 * Where people live: about 4,300 cities and 3,500 rows for the places below 100,000 inhabitants, by
 * country, the largest first. The table is read on first use. Source: GeoNames, CC BY 4.0.
 */
export function loadPopulation(): readonly PopulatedPlace[] {
  table ??= readTable();
  return table;
}

function readTable(): readonly PopulatedPlace[] {
  const file = new URL('../../geodata/cities.json', import.meta.url);
  const rows = JSON.parse(readFileSync(file, 'utf8')) as readonly CityRow[];
  return rows.map(([country, name, subdivision, latitude, longitude, inhabitants]) => {
    const where = subdivision === 0 ? (findCountry(country)?.name ?? country) : subdivision;
    return {
      name: name === '' ? `elsewhere in ${where}` : name,
      country,
      ...(subdivision === 0 ? {} : { subdivision }),
      coordinates: { latitude, longitude },
      inhabitants,
      city: name !== '',
    };
  });
}
