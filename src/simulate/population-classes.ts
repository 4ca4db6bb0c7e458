import { createClassifier } from '../geo/classify-place.ts';
import type { ClientClass, ClientDistinctions, ClientPlace, Coordinates } from '../geo/client.ts';
import { findCountry } from '../geo/countries.ts';
import type { PopulatedPlace } from '../geo/population.ts';

/** How much the geo databases know of a client: decides what its class can tell. */
export type PlaceDetail = 'city' | 'country';

/** Everybody who is of one class for a service. */
export interface ClassPopulation {
  readonly client: ClientClass;
  readonly inhabitants: number;
  /** Where they really are; distances are measured from here, whatever the database knows. */
  readonly homes: readonly { readonly coordinates: Coordinates; readonly inhabitants: number }[];
}

/**
 * Sorts a population into the classes that a service's policy can tell apart. With `country` detail a
 * client's place is its country's centre, as it would be looked up; people stay where they live.
 */
export function populationClasses(
  population: readonly PopulatedPlace[],
  distinctions: ClientDistinctions | undefined,
  detail: PlaceDetail,
): readonly ClassPopulation[] {
  const byKey = new Map<
    string,
    { client: ClientClass; inhabitants: number; homes: ClassPopulation['homes'][number][] }
  >();
  const classifier = distinctions === undefined ? undefined : createClassifier(distinctions);
  for (const place of population) {
    const client = classifier?.classify(knownPlace(place, detail), []) ?? nobodyKnown;
    const key = JSON.stringify(client);
    const found = byKey.get(key) ?? { client, inhabitants: 0, homes: [] };
    found.inhabitants += place.inhabitants;
    found.homes.push({ coordinates: place.coordinates, inhabitants: place.inhabitants });
    byKey.set(key, found);
  }
  return [...byKey.values()];
}

const nobodyKnown: ClientClass = { prefixes: [] };

function knownPlace(place: PopulatedPlace, detail: PlaceDetail): ClientPlace {
  const continent = findCountry(place.country)?.continent;
  const country: ClientPlace = {
    country: place.country,
    ...(continent === undefined ? {} : { continent }),
  };
  if (detail === 'country') return country;
  return {
    ...country,
    ...(place.subdivision === undefined ? {} : { subdivision: place.subdivision }),
    coordinates: place.coordinates,
  };
}
