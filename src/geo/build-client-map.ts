import { MeridianError } from '../base/errors.ts';
import { type Family, type Prefix, parsePrefix } from '../base/ip.ts';
import { limits } from '../base/limits.ts';
import { carryingRanges } from './carried-ipv4.ts';
import { createClassifier } from './classify-place.ts';
import type { ClientClass, ClientDistinctions, ClientPlace, Coordinates } from './client.ts';
import { encodeClientMap } from './client-map.ts';
import type { GeoLayer } from './geo-layer.ts';
import type { GeoSources } from './geo-sources.ts';
import { mergePlaces } from './merge-places.ts';
import { PlaceTable } from './place-table.ts';
import { constantRanges, mapRanges, mergeRanges, type Ranges, rangesOfPrefixes } from './ranges.ts';

/** A compiled map and what its class indexes stand for. Class 0 is a client of whom nothing is known. */
export interface BuiltClientMap {
  readonly segment: SharedArrayBuffer;
  readonly classes: readonly ClientClass[];
  /** Ranges after equal neighbours were joined, by family. */
  readonly ranges4: number;
  readonly ranges6: number;
  /** Edge of the cells within which coordinates count as one, in degrees. */
  readonly gridDegrees: number;
}

/**
 * Locations of a city database are taken together in cells of 1° (at most 111 km, about 2 ms of
 * latency), each with the coordinates of its first location; coarser if there are too many classes.
 */
const gridSteps = [1, 2, 4, 8, 16] as const;

/** Marks values of IPv6 ranges whose addresses carry an IPv4 address; see client-map.ts. */
const carriesFlag = 0x8000_0000;

/**
 * Compiles the map that tells apart what `distinctions` name: lays all sources over one another,
 * reduces each place to its class, and joins neighbours of one class.
 *
 * @throws MeridianError E_GEO_CLASSES when even the coarsest grid has more classes than the limit.
 */
export function buildClientMap(geo: GeoSources, distinctions: ClientDistinctions): BuiltClientMap {
  for (const gridDegrees of distinctions.coordinates ? gridSteps : gridSteps.slice(0, 1)) {
    const builder = new MapBuilder(geo.layers, distinctions, gridDegrees);
    const ranges4 = builder.build(4);
    const ranges6 = uncarry(builder.build(6), ranges4);
    const { classes } = builder;
    if (classes.length > limits.clientClasses) continue;
    return {
      segment: encodeClientMap(ranges4, ranges6, classes.length),
      classes,
      ranges4: ranges4.count,
      ranges6: ranges6.count,
      gridDegrees,
    };
  }
  throw new MeridianError({
    code: 'E_GEO_CLASSES',
    message:
      `${distinctions.prefixes.length} prefixes and ${distinctions.asns.length} AS numbers make ` +
      `more than ${limits.clientClasses} kinds of clients; name fewer in rules and measurements`,
  });
}

class MapBuilder {
  readonly #layers: readonly GeoLayer[];
  readonly #distinctions: ClientDistinctions;
  readonly #classifier;
  readonly #table = new PlaceTable();
  /** Per layer: index of its place → index in the table, with only what can matter. */
  readonly #projections: readonly Uint32Array[];
  readonly #prefixes: readonly { readonly text: string; readonly prefix: Prefix }[];
  readonly #asns: ReadonlySet<number>;
  /** Index → prefixes that hold an address, innermost first; 0 is none. */
  readonly #prefixSets: (readonly string[])[] = [[]];
  readonly #classIndexes = new Map<string, number>();
  readonly classes: ClientClass[] = [{ prefixes: [] }];

  constructor(layers: readonly GeoLayer[], distinctions: ClientDistinctions, gridDegrees: number) {
    this.#distinctions = distinctions;
    this.#classifier = createClassifier(distinctions);
    this.#classIndexes.set(classKey({ prefixes: [] }), 0);
    this.#asns = new Set(distinctions.asns);
    this.#layers = layers.filter((layer) => matters(layer, distinctions));
    const grid = new Grid(gridDegrees);
    this.#projections = this.#layers.map((layer) =>
      Uint32Array.from(layer.places, (place) =>
        this.#table.indexOf(this.#project(place, layer.exact ? undefined : grid)),
      ),
    );
    this.#prefixes = distinctions.prefixes.flatMap((text) => {
      const prefix = parsePrefix(text);
      return prefix === undefined ? [] : { text, prefix };
    });
  }

  build(family: Family): Ranges {
    const places = this.#placeRanges(family);
    const prefixes = this.#prefixRanges(family);
    const classOf = memoizePairs((set, place) => this.#classIndex(set, place));
    return mergeRanges(prefixes, places, (set, place) => {
      if (place < carriesFlag) return classOf(set, place);
      // A rule on the IPv6 address itself outranks the IPv4 address in it.
      return set === 0 ? -(place - carriesFlag) >>> 0 : classOf(set, 0);
    });
  }

  /** All layers over one another; values are indexes into the table, or marked with the flag. */
  #placeRanges(family: Family): Ranges {
    let merged = constantRanges(family);
    const lay = (index: number) => {
      const layer = this.#layers[index];
      const projection = this.#projections[index];
      if (layer === undefined || projection === undefined) return;
      const ranges = family === 4 ? layer.ranges4 : layer.ranges6;
      merged = this.#overlay(ranges, projection, merged);
    };
    const databases = this.#layers.findIndex((layer) => layer.kind !== 'override');
    const first = databases < 0 ? this.#layers.length : databases;
    for (let index = this.#layers.length - 1; index >= first; index--) lay(index);
    if (family === 6) {
      merged = mergeRanges(carryingRanges, merged, (carries, place) =>
        carries === 0 ? place : carriesFlag + carries,
      );
    }
    for (let index = first - 1; index >= 0; index--) lay(index);
    return merged;
  }

  #overlay(upper: Ranges, projection: Uint32Array, lower: Ranges): Ranges {
    const { places } = this.#table;
    const both = memoizePairs((a, b) =>
      this.#table.indexOf(mergePlaces(places[a] ?? {}, places[b] ?? {})),
    );
    return mergeRanges(upper, lower, (said, below) => {
      const above = projection[said]!;
      if (below >= carriesFlag) return said === 0 ? below : above;
      if (above === 0) return below;
      return below === 0 ? above : both(above, below);
    });
  }

  #prefixRanges(family: Family): Ranges {
    const prefixes = this.#prefixes.map(({ prefix }) => prefix);
    return rangesOfPrefixes(family, prefixes, (outer, index) => {
      const text = this.#prefixes[index]?.text ?? '';
      return this.#prefixSets.push([text, ...(this.#prefixSets[outer] ?? [])]) - 1;
    });
  }

  #classIndex(set: number, place: number): number {
    const found = this.#classifier.classify(
      this.#table.places[place] ?? {},
      this.#prefixSets[set] ?? [],
    );
    const key = classKey(found);
    let index = this.#classIndexes.get(key);
    if (index === undefined) {
      index = this.classes.push(found) - 1;
      this.#classIndexes.set(key, index);
    }
    return index;
  }

  /**
   * Leaves out of a place what no class can show, so that few places differ. Country and continent
   * stay: they decide which fields of a lower layer hold.
   */
  #project(place: ClientPlace, grid: Grid | undefined): ClientPlace {
    const { coordinates: needed, subdivisions } = this.#distinctions;
    const { country, continent } = place;
    const subdivision = needed || subdivisions.length > 0 ? place.subdivision : undefined;
    // An AS number that no rule names still hides that of a lower layer.
    const asn = place.asn === undefined || this.#asns.has(place.asn) ? place.asn : 0;
    const coordinates = needed ? place.coordinates : undefined;
    return {
      ...(country === undefined ? {} : { country }),
      ...(continent === undefined ? {} : { continent }),
      ...(subdivision === undefined ? {} : { subdivision }),
      ...(asn === undefined || this.#asns.size === 0 ? {} : { asn }),
      ...(coordinates === undefined
        ? {}
        : { coordinates: grid === undefined ? coordinates : grid.snap(coordinates, country) }),
    };
  }
}

/** Where all IPv4 addresses are of one class, so are the IPv6 addresses that carry them. */
function uncarry(ranges6: Ranges, ranges4: Ranges): Ranges {
  if (ranges4.count > 1) return ranges6;
  return mapRanges(ranges6, (value) => (value < carriesFlag ? value : ranges4.values[0]!));
}

/** Takes coordinates together by cell and country: all get those of the first. */
class Grid {
  readonly #degrees: number;
  readonly #first = new Map<string, Coordinates>();

  constructor(degrees: number) {
    this.#degrees = degrees;
  }

  snap(coordinates: Coordinates, country: string | undefined): Coordinates {
    const row = Math.floor(coordinates.latitude / this.#degrees);
    const column = Math.floor(coordinates.longitude / this.#degrees);
    const cell = `${row}/${column}/${country}`;
    const first = this.#first.get(cell);
    if (first !== undefined) return first;
    this.#first.set(cell, coordinates);
    return coordinates;
  }
}

function matters(layer: GeoLayer, distinctions: ClientDistinctions): boolean {
  const { countries, continents, subdivisions, asns, coordinates } = distinctions;
  const byPlace = coordinates || countries.length + continents.length + subdivisions.length > 0;
  const byAsn = asns.length > 0;
  return layer.kind === 'override' ? byPlace || byAsn : layer.kind === 'asn' ? byAsn : byPlace;
}

function memoizePairs(compute: (a: number, b: number) => number): (a: number, b: number) => number {
  const known = new Map<number, number>();
  return (a, b) => {
    // Both are below 2^26, so that their pair is an exact integer.
    const pair = a * 0x400_0000 + b;
    let value = known.get(pair);
    if (value === undefined) {
      value = compute(a, b);
      known.set(pair, value);
    }
    return value;
  };
}

function classKey(client: ClientClass): string {
  const { country, continent, subdivision, asn, prefixes, coordinates } = client;
  const point = coordinates === undefined ? '' : `${coordinates.latitude},${coordinates.longitude}`;
  return `${country}|${continent}|${subdivision}|${asn}|${point}|${prefixes.join(',')}`;
}
