import { parsePrefix } from '../base/ip.ts';
import type { ClientClass, ClientDistinctions, ClientPlace } from './client.ts';
import { withCentre } from './merge-places.ts';

/** Distinctions as sets, for many questions. */
export interface Classifier {
  readonly distinctions: ClientDistinctions;
  /** `prefixesHolding`: canonical prefixes that hold the client, in any order. */
  classify(place: ClientPlace, prefixesHolding: readonly string[]): ClientClass;
}

/** Makes a classifier: it keeps of a place only what the distinctions name. */
export function createClassifier(distinctions: ClientDistinctions): Classifier {
  const countries = new Set(distinctions.countries);
  const continents = new Set(distinctions.continents);
  const subdivisions = new Set(distinctions.subdivisions);
  const asns = new Set(distinctions.asns);
  const prefixes = new Set(distinctions.prefixes);
  const keep = <T>(value: T | undefined, set: ReadonlySet<T>) =>
    value !== undefined && set.has(value) ? value : undefined;
  return {
    distinctions,
    classify(place, prefixesHolding) {
      const country = keep(place.country, countries);
      const continent = keep(place.continent, continents);
      const subdivision = keep(place.subdivision, subdivisions);
      const asn = keep(place.asn, asns);
      const coordinates = distinctions.coordinates ? withCentre(place).coordinates : undefined;
      const held = prefixesHolding.filter((prefix) => prefixes.has(prefix));
      if (held.length > 1) held.sort((a, b) => lengthOf(b) - lengthOf(a));
      return {
        ...(country === undefined ? {} : { country }),
        ...(continent === undefined ? {} : { continent }),
        ...(subdivision === undefined ? {} : { subdivision }),
        ...(asn === undefined ? {} : { asn }),
        prefixes: held,
        ...(coordinates === undefined ? {} : { coordinates }),
      };
    },
  };
}

/**
 * The class of a client at a place, as far as a map with these distinctions tells clients apart.
 * Its coordinates are the place's own; a compiled map may use a neighbour's within its grid.
 */
export function classifyPlace(
  place: ClientPlace,
  prefixesHolding: readonly string[],
  distinctions: ClientDistinctions,
): ClientClass {
  return createClassifier(distinctions).classify(place, prefixesHolding);
}

function lengthOf(prefix: string): number {
  return parsePrefix(prefix)?.length ?? 0;
}
