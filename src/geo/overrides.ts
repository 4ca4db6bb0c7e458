import { MeridianError, type Problem } from '../base/errors.ts';
import { type Prefix, parsePrefix } from '../base/ip.ts';
import type { ClientPlace, Coordinates } from './client.ts';
import { findCountry } from './countries.ts';
import type { GeoLayer } from './geo-layer.ts';
import { mergePlaces } from './merge-places.ts';
import { PlaceTable } from './place-table.ts';
import { rangesOfPrefixes } from './ranges.ts';

/** What the operator says of a prefix; fields left out come from the databases. */
export interface NetworkFacts {
  readonly cidr: string;
  readonly country?: string;
  readonly continent?: string;
  readonly subdivision?: string;
  readonly asn?: number;
  readonly coordinates?: Coordinates;
}

/**
 * Makes a layer of the operator's networks. Inside a prefix that lies in another one, each field is
 * that of the most specific prefix which sets it.
 *
 * @throws MeridianError E_GEO_OVERRIDE that names every malformed prefix.
 */
export function overrideLayer(networks: readonly NetworkFacts[]): GeoLayer {
  const problems: Problem[] = [];
  const prefixes: Prefix[] = [];
  const facts: ClientPlace[] = [];
  for (const network of networks) {
    const prefix = parsePrefix(network.cidr);
    if (prefix === undefined) {
      const message = `"${network.cidr}" is not a prefix; write it as 203.0.113.0/24`;
      problems.push({ code: 'E_GEO_OVERRIDE', message });
      continue;
    }
    prefixes.push(prefix);
    facts.push(placeOfNetwork(network));
  }
  if (problems.length > 0) throw new MeridianError(problems);
  const table = new PlaceTable();
  const value = (outer: number, index: number) =>
    table.indexOf(mergePlaces(facts[index] ?? {}, table.places[outer] ?? {}));
  return {
    kind: 'override',
    source: 'operator networks',
    ranges4: rangesOfPrefixes(4, prefixes, value),
    ranges6: rangesOfPrefixes(6, prefixes, value),
    places: table.places,
    exact: true,
  };
}

/** Fills in what follows: the country from the subdivision, the continent from the country. */
function placeOfNetwork(network: NetworkFacts): ClientPlace {
  const { subdivision, asn, coordinates } = network;
  const country = network.country ?? subdivision?.slice(0, 2);
  const continent =
    network.continent ?? (country === undefined ? undefined : findCountry(country)?.continent);
  return {
    ...(country === undefined ? {} : { country }),
    ...(continent === undefined ? {} : { continent }),
    ...(subdivision === undefined ? {} : { subdivision }),
    ...(asn === undefined ? {} : { asn }),
    ...(coordinates === undefined ? {} : { coordinates }),
  };
}
