import { Random } from '../../src/base/random.ts';
import type { Coordinates } from '../../src/geo/client.ts';
import { distanceKm } from '../../src/geo/distance.ts';
import { findPlace } from '../../src/geo/places.ts';
import { loadPopulation } from '../../src/geo/population.ts';
import type { RttMatrix } from './rtt-matrix.ts';

/** Light in fibre: 200 km in a millisecond, there and back. */
const msPerKm = 2 / 200;

/** Regions that benches steer to, by their places. */
export const regionNames = [
  'aws:us-east-1',
  'aws:us-west-2',
  'aws:ca-central-1',
  'aws:sa-east-1',
  'aws:eu-west-1',
  'aws:eu-central-1',
  'aws:eu-north-1',
  'aws:af-south-1',
  'aws:me-south-1',
  'aws:ap-south-1',
  'aws:ap-southeast-1',
  'aws:ap-northeast-1',
  'aws:ap-southeast-2',
];

/** Where paths of whole countries are led round by, when their carriers meet nowhere nearer. */
const hubNames = ['iata:LHR', 'iata:FRA', 'iata:MIA', 'iata:SIN', 'iata:LAX', 'iata:MRS'];

/**
 * A made-up matrix, not a measured one: the largest cities of the population table against regions of
 * one cloud. Great circle at the speed of light in fibre × an inflation for each pair of countries
 * (median 1.7), or round by a hub for one pair in eight, plus the access line of the city, plus what is
 * of this one path. The same seed makes the same matrix.
 */
export function synthesizeMatrix(seed: number, cities: number): RttMatrix {
  const random = new Random(seed);
  const regions = regionNames.map((name) => {
    const place = findPlace(name);
    if (place === undefined) throw new Error(`${name} is no place`);
    return { name, country: place.country, coordinates: place.coordinates };
  });
  const hubs = hubNames.flatMap((name) => findPlace(name)?.coordinates ?? []);
  const drawn = new Map<string, { readonly inflation: number; readonly hub?: Coordinates }>();
  const pathOf = (a: string, b: string) => {
    const pair = `${a} ${b}`;
    let path = drawn.get(pair);
    if (path === undefined) {
      const inflation = Math.max(1.15, 1.7 * Math.exp(0.22 * normal(random)));
      const hub = hubs[random.below(hubs.length)];
      // Carriers of one country meet in it.
      const led = a !== b && random.fraction() < 1 / 8 && hub !== undefined;
      path = led ? { inflation, hub } : { inflation };
      drawn.set(pair, path);
    }
    return path;
  };
  const lines = new Map<string, number>();
  const lineOf = (country: string) => {
    const known = lines.get(country);
    if (known !== undefined) return known;
    const ms = 7 * Math.exp(0.5 * normal(random));
    lines.set(country, ms);
    return ms;
  };
  const rows = loadPopulation()
    .filter(({ city }) => city)
    .slice(0, cities)
    .map(({ name, country, coordinates }) => {
      const line = lineOf(country) * Math.exp(0.4 * normal(random));
      const ms = regions.map((region) => {
        const { inflation, hub } = pathOf(country, region.country);
        const km =
          hub === undefined
            ? distanceKm(coordinates, region.coordinates)
            : distanceKm(coordinates, hub) + distanceKm(hub, region.coordinates);
        const ofPath = Math.exp(0.1 * normal(random));
        return Math.round(10 * (1 + line + km * msPerKm * inflation * ofPath)) / 10;
      });
      return { client: name, country, coordinates, ms };
    });
  return { regions, rows };
}

/** A draw of the normal distribution (Box and Muller, 1958). */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.fraction()));
  return radius * Math.cos(2 * Math.PI * random.fraction());
}
