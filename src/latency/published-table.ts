import type { Coordinates } from '../geo/client.ts';
import type { PublishedLatency } from './published.ts';

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
  #clientKeys = 0;

  /** Moves whenever an estimate may have moved. */
  get version(): number {
    return this.#version;
  }

  /** Moves when agents' places come or go. */
  get placesVersion(): number {
    return this.#placesVersion;
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
    if (before === undefined || !isAlike(before, entry)) this.#version += 1;
  }

  remove(key: string, region: string): void {
    const known = this.#keys.get(key);
    if (known === undefined || !known.regions.delete(region)) return;
    this.#version += 1;
    if (known.regions.size > 0) return;
    this.#keys.delete(key);
    if (known.coordinates === undefined) this.#clientKeys -= 1;
    else this.#placesVersion += 1;
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

  entries(): PublishedLatency[] {
    return [...this.#keys.values()].flatMap(({ regions }) => [...regions.values()]);
  }

  keys(): Iterable<PublishedKey> {
    return this.#keys.values();
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
    if (coordinates === undefined) this.#clientKeys += 1;
    else this.#placesVersion += 1;
    return added;
  }
}

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
