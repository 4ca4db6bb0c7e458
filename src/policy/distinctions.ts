import type { ClientDistinctions } from '../geo/client.ts';
import type { Region, Service } from './traffic.ts';
import { nodesOf } from './tree.ts';

/** Client keys under which round-trip times have been measured. */
export interface MeasuredKeys {
  readonly prefixes: readonly string[];
  readonly asns: readonly number[];
  /** ISO 3166-1 alpha-2. */
  readonly countries: readonly string[];
}

/**
 * What a service's policy needs to know of a client, and nothing more: every distinction costs classes,
 * ranges and cache entries at resolvers. Undefined when every client is alike to it. Services of equal
 * needs get the same object while `measured` is the same, so that thousands cost no more than one.
 */
export function distinctionsOf(
  service: Service,
  _regions: ReadonlyMap<string, Region>,
  measured: MeasuredKeys,
): ClientDistinctions | undefined {
  const countries = new Set<string>();
  const continents = new Set<string>();
  const subdivisions = new Set<string>();
  const asns = new Set<number>();
  const prefixes = new Set<string>();
  let coordinates = false;
  let timed = false;
  for (const node of nodesOf(service.policy)) {
    if (node.kind === 'nearest' || node.kind === 'latency') coordinates = true;
    if (node.kind === 'latency') timed = true;
    if (node.kind !== 'geo') continue;
    for (const { match } of node.rules) {
      for (const prefix of match.cidr) prefixes.add(prefix);
      for (const asn of match.asn) asns.add(asn);
      for (const subdivision of match.subdivision) subdivisions.add(subdivision);
      for (const country of match.country) countries.add(country);
      for (const continent of match.continent) continents.add(continent);
    }
  }
  const named = [countries, continents, subdivisions, asns, prefixes];
  if (!coordinates && named.every((set) => set.size === 0)) return undefined;
  const own: ClientDistinctions = {
    countries: [...countries].sort(),
    continents: [...continents].sort(),
    subdivisions: [...subdivisions].sort(),
    asns: [...asns].sort((a, b) => a - b),
    prefixes: [...prefixes].sort(),
    coordinates,
  };
  return timed ? withMeasured(own, measured) : own;
}

const combined = new WeakMap<MeasuredKeys, Map<string, ClientDistinctions>>();

function withMeasured(own: ClientDistinctions, measured: MeasuredKeys): ClientDistinctions {
  let known = combined.get(measured);
  if (known === undefined) {
    known = new Map();
    combined.set(measured, known);
  }
  const key = distinctionsKey(own);
  let found = known.get(key);
  if (found === undefined) {
    found = {
      ...own,
      countries: [...new Set([...own.countries, ...measured.countries])].sort(),
      asns: [...new Set([...own.asns, ...measured.asns])].sort((a, b) => a - b),
      prefixes: [...new Set([...own.prefixes, ...measured.prefixes])].sort(),
    };
    known.set(key, found);
  }
  return found;
}

const texts = new WeakMap<ClientDistinctions, string>();

/** A text that is equal for equal distinctions, by which services share a client map. */
export function distinctionsKey(distinctions: ClientDistinctions): string {
  let text = texts.get(distinctions);
  if (text === undefined) {
    const { asns, continents, coordinates, countries, prefixes, subdivisions } = distinctions;
    text = JSON.stringify([countries, continents, subdivisions, asns, prefixes, coordinates]);
    texts.set(distinctions, text);
  }
  return text;
}
