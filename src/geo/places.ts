import { readFileSync } from 'node:fs';
import { editDistance } from '../base/edit-distance.ts';
import { limits } from '../base/limits.ts';
import type { Coordinates } from './client.ts';
import { loadPopulation } from './population.ts';

/** A place that an operator can name a region by. */
export interface Place {
  /** `aws:us-east-1`, `iata:FRA`, `city:Paris,FR`. */
  readonly id: string;
  readonly coordinates: Coordinates;
  /** The city or area. */
  readonly name: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
}

/** One row of geodata/places.json: id, country, latitude, longitude, name. */
type PlaceRow = readonly [string, string, number, number, string];

/** Suggestions given for one misspelt name. */
const maxSuggestions = 5;

interface PlaceTable {
  readonly places: ReadonlyMap<string, Place>;
  /** Cities by lower-case name and country, the largest of that name; plain letters as well. */
  readonly cities: ReadonlyMap<string, Place>;
}

let table: PlaceTable | undefined;

/**
 * Finds a place by name, without regard to case: cloud regions (`aws:`, `gcp:`, `azure:`, `oci:`,
 * `hetzner:`, `digitalocean:`), airports (`iata:FRA`), and cities of at least 100,000 inhabitants with
 * their country (`city:Frankfurt am Main,DE`, accents optional). Undefined when there is none.
 */
export function findPlace(text: string): Place | undefined {
  if (text.length > limits.placeNameChars) return undefined;
  const { places, cities } = placeTable();
  const key = plain(text);
  return places.get(key) ?? cities.get(key);
}

/** All places but the cities, in the order of the table. */
export function allPlaces(): Iterable<Place> {
  return placeTable().places.values();
}

/**
 * Up to five names that a misspelt one may have meant, the closest first: by edit distance, by the
 * part after the colon (`us-east-1`, `FRA`), and by the place's own name (`frankfurt`).
 */
export function suggestPlaces(text: string): string[] {
  if (text.length > limits.placeNameChars) return [];
  const { places, cities } = placeTable();
  const wanted = plain(text);
  const bare = wanted.slice(wanted.indexOf(':') + 1);
  const scored: { id: string; score: number }[] = [];
  for (const [key, place] of [...places, ...cities]) {
    const score = mismatch(wanted, bare, key, place);
    if (score !== undefined) scored.push({ id: place.id, score });
  }
  scored.sort((a, b) => a.score - b.score);
  return [...new Set(scored.map(({ id }) => id))].slice(0, maxSuggestions);
}

/** How far a place is from what was wanted; undefined when it cannot have been meant. */
function mismatch(wanted: string, bare: string, key: string, place: Place): number | undefined {
  const bareKey = key.slice(key.indexOf(':') + 1);
  if (bare === bareKey) return 0.5;
  // One slip in short names, a fifth of the letters in long ones.
  const slips = Math.max(1, Math.floor(wanted.length / 5));
  const distance = editDistance(wanted, key, slips);
  if (distance <= slips) return distance;
  if (bare.length < 3) return undefined;
  const name = plain(place.name);
  if (name === bare) return 1.5;
  return name.startsWith(bare) || bareKey.startsWith(bare) ? 2.5 : undefined;
}

function placeTable(): PlaceTable {
  table ??= readTable();
  return table;
}

function readTable(): PlaceTable {
  const file = new URL('../../geodata/places.json', import.meta.url);
  const rows = JSON.parse(readFileSync(file, 'utf8')) as readonly PlaceRow[];
  const places = new Map(
    rows.map(([id, country, latitude, longitude, name]) => [
      plain(id),
      { id, name, country, coordinates: { latitude, longitude } },
    ]),
  );
  const cities = new Map<string, Place>();
  for (const { city, name, country, coordinates } of loadPopulation()) {
    const id = `city:${name},${country}`;
    // The population table has the largest first.
    if (city && !cities.has(plain(id))) {
      cities.set(plain(id), { id, name, country, coordinates });
    }
  }
  return { places, cities };
}

/** Lower case, without accents and spaces around commas. */
function plain(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/\s*([,:])\s*/g, '$1')
    .trim();
}
