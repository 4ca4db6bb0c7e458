import { limits } from '../base/limits.ts';
import type { Coordinates } from '../geo/client.ts';
import type { PublishedChanges, PublishedLatency } from './published.ts';

/** The published values of one key, by region. */
export interface PublishedKey {
  readonly key: string;
  readonly source: PublishedLatency['source'];
  readonly regions: ReadonlyMap<string, PublishedLatency>;
}

/** Where agents are, with what they measured. */
export interface AgentPlace extends PublishedKey {
  readonly coordinates: Coordinates;
}

/** Prefixes, ASNs and countries with a published value, each list sorted. */
export interface PublishedKeys {
  readonly prefixes: readonly string[];
  readonly asns: readonly number[];
  readonly countries: readonly string[];
}

interface Mutable {
  readonly key: string;
  readonly source: PublishedLatency['source'];
  readonly regions: Map<string, PublishedLatency>;
  readonly coordinates: Coordinates | undefined;
}

/** The list of published values as estimates look into it. Knows nothing of how it came about. */
export class PublishedTable {
  readonly #keys = new Map<string, Mutable>();
  #version = 0;
  #placesVersion = 0;
  #agentsVersion = 0;
  #clientKeys = 0;
  /** What moved with which version, oldest first; `#loggedSince` is the version before the first. */
  #log: { readonly version: number; readonly key: string; readonly region: string }[] = [];
  #loggedSince = 0;
  #clientKeyLists: PublishedKeys | undefined;

  /** Moves whenever an estimate may have moved. */
  get version(): number {
    return this.#version;
  }

  /** Moves when agents' places come or go. */
  get placesVersion(): number {
    return this.#placesVersion;
  }

  /** Moves with everything that agents' values say, for people to read or not. */
  get agentsVersion(): number {
    return this.#agentsVersion;
  }

  /** How many prefixes, ASNs and countries there are. */
  get clientKeyCount(): number {
    return this.#clientKeys;
  }

  get(key: string, region: string): PublishedLatency | undefined {
    return this.#keys.get(key)?.regions.get(region);
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  find(key: string): PublishedKey | undefined {
    return this.#keys.get(key);
  }

  /** Sets one value. Only a new time, trust or place moves the version. */
  put(entry: PublishedLatency): void {
    const known = this.#keys.get(entry.key) ?? this.#addKey(entry);
    const before = known.regions.get(entry.region);
    known.regions.set(entry.region, entry);
    if (known.coordinates !== undefined) this.#agentsVersion += 1;
    if (before === undefined || !isAlike(before, entry)) this.#moved(entry.key, entry.region);
  }

  remove(key: string, region: string): void {
    const known = this.#keys.get(key);
    if (known === undefined || !known.regions.delete(region)) return;
    this.#moved(key, region);
    if (known.coordinates !== undefined) this.#agentsVersion += 1;
    if (known.regions.size > 0) return;
    this.#keys.delete(key);
    this.#countKey(known.coordinates === undefined, -1);
  }

  /** Takes exactly these values and no others. */
  replace(entries: readonly PublishedLatency[]): void {
    const wanted = new Map<string, Set<string>>();
    for (const { key, region } of entries) {
      const regions = wanted.get(key);
      if (regions === undefined) wanted.set(key, new Set([region]));
      else regions.add(region);
    }
    for (const { key, region } of this.entries()) {
      if (wanted.get(key)?.has(region) !== true) this.remove(key, region);
    }
    for (const entry of entries) this.put(entry);
  }

  /** What moved after a version; undefined when that is too long ago to be known. */
  changesSince(version: number): PublishedChanges | undefined {
    if (version < this.#loggedSince || version > this.#version) return undefined;
    const put = new Map<string, PublishedLatency>();
    const removed = new Map<string, { key: string; region: string }>();
    for (let at = this.#log.length - 1; at >= 0; at -= 1) {
      const { key, region, version: moved } = this.#log[at]!;
      if (moved <= version) break;
      const entry = this.get(key, region);
      const name = `${key} ${region}`;
      if (entry === undefined) removed.set(name, { key, region });
      else put.set(name, entry);
    }
    return { put: [...put.values()], removed: [...removed.values()] };
  }

  entries(): PublishedLatency[] {
    return [...this.#keys.values()].flatMap(({ regions }) => [...regions.values()]);
  }

  /** The same object until a key comes or goes. */
  clientKeys(): PublishedKeys {
    this.#clientKeyLists ??= this.#listClientKeys();
    return this.#clientKeyLists;
  }

  places(): AgentPlace[] {
    const places: AgentPlace[] = [];
    for (const known of this.#keys.values()) {
      if (known.coordinates !== undefined) {
        places.push({ ...known, coordinates: known.coordinates });
      }
    }
    return places;
  }

  #addKey({ key, source }: PublishedLatency): Mutable {
    const coordinates = source === 'agents' ? readAgentsKey(key) : undefined;
    const added = { key, source, regions: new Map(), coordinates };
    this.#keys.set(key, added);
    this.#countKey(coordinates === undefined, 1);
    return added;
  }

  #moved(key: string, region: string): void {
    this.#version += 1;
    this.#log.push({ version: this.#version, key, region });
    if (this.#log.length <= 2 * loggedChanges) return;
    this.#log = this.#log.slice(-loggedChanges);
    this.#loggedSince = this.#log[0]!.version - 1;
  }

  #countKey(isOfClients: boolean, by: 1 | -1): void {
    if (isOfClients) {
      this.#clientKeys += by;
      this.#clientKeyLists = undefined;
    } else {
      this.#placesVersion += 1;
    }
  }

  #listClientKeys(): PublishedKeys {
    const prefixes: string[] = [];
    const asns: number[] = [];
    const countries: string[] = [];
    for (const { key, source } of this.#keys.values()) {
      const name = key.slice(key.indexOf(' ') + 1);
      if (source === 'measured-prefix') prefixes.push(name);
      else if (source === 'measured-asn') asns.push(Number(name));
      else if (source === 'measured-country') countries.push(name);
    }
    return {
      prefixes: prefixes.sort(),
      asns: asns.sort((a, b) => a - b),
      countries: countries.sort(),
    };
  }
}

/** Changes that are remembered at least: by then every value may have moved. */
const loggedChanges = limits.latencySeries;

/** The key of agents at a place: `agents 53.3,-6.3`. A tenth of a degree is at most 11 km. */
export function formatAgentsKey({ latitude, longitude }: Coordinates): string {
  return `agents ${latitude.toFixed(1)},${longitude.toFixed(1)}`;
}

function readAgentsKey(key: string): Coordinates {
  const [latitude = Number.NaN, longitude = Number.NaN] = key
    .slice('agents '.length)
    .split(',')
    .map(Number);
  return { latitude, longitude };
}

function isAlike(a: PublishedLatency, b: PublishedLatency): boolean {
  const samePlace =
    a.place.latitude === b.place.latitude && a.place.longitude === b.place.longitude;
  return a.ms === b.ms && a.trust === b.trust && samePlace;
}
