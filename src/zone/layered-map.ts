/**
 * An immutable map whose next version costs what changed, not what there is.
 *
 *   layers[0]  newest changes      { www -> node, old -> gone }
 *   layers[1]  older changes       { … a few times as many … }
 *   layers[n]  the first version   { … everything … }, never copied for a small change
 *
 * The newest layer that has a key decides. A layer is merged into the one below when it has grown to
 * a quarter of it, so there are few (logarithmically many) and a change costs a few copied entries
 * on average (Bentley and Saxe, "Decomposable searching problems", 1980).
 */
export class LayeredMap<K, V> implements ReadonlyMap<K, V> {
  readonly #layers: readonly ReadonlyMap<K, V | undefined>[];
  readonly size: number;

  private constructor(layers: readonly ReadonlyMap<K, V | undefined>[], size: number) {
    this.#layers = layers;
    this.size = size;
  }

  /** Wraps a map without copying it; the map must not change afterwards. */
  static from<K, V>(map: ReadonlyMap<K, V>): LayeredMap<K, V> {
    return map instanceof LayeredMap ? map : new LayeredMap<K, V>([map], map.size);
  }

  /** The next version: `changes` gives new values, undefined for a key that is to go. */
  with(changes: ReadonlyMap<K, V | undefined>): LayeredMap<K, V> {
    let size = this.size;
    for (const [key, value] of changes) {
      size += Number(value !== undefined) - Number(this.get(key) !== undefined);
    }
    const layers = [changes, ...this.#layers];
    for (;;) {
      const [top, below] = layers;
      if (top === undefined || below === undefined || top.size * 4 < below.size) break;
      layers.splice(0, 2, merged(top, below, layers.length === 2));
    }
    return new LayeredMap(layers, size);
  }

  get(key: K): V | undefined {
    for (const layer of this.#layers) {
      const value = layer.get(key);
      if (value !== undefined || layer.has(key)) return value;
    }
    return undefined;
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  forEach(callback: (value: V, key: K, map: ReadonlyMap<K, V>) => void, self?: unknown): void {
    for (const [key, value] of this.entries()) callback.call(self, value, key, this);
  }

  *entries(): MapIterator<[K, V]> {
    const layers = this.#layers;
    for (let index = 0; index < layers.length; index++) {
      for (const [key, value] of layers[index] ?? []) {
        if (value !== undefined && !hasKey(layers, index, key)) yield [key, value];
      }
    }
  }

  *keys(): MapIterator<K> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  /**
   * The keys whose values may differ between two versions; undefined when the two have no layer in
   * common, so that only a full comparison can tell.
   */
  static changedKeys<K, V>(a: ReadonlyMap<K, V>, b: ReadonlyMap<K, V>): Set<K> | undefined {
    const left = layersOf(a);
    const right = layersOf(b);
    let shared = 0;
    while (
      shared < Math.min(left.length, right.length) &&
      left[left.length - 1 - shared] === right[right.length - 1 - shared]
    ) {
      shared++;
    }
    if (shared === 0) return undefined;
    const keys = new Set<K>();
    for (const layer of left.slice(0, left.length - shared))
      for (const key of layer.keys()) keys.add(key);
    for (const layer of right.slice(0, right.length - shared))
      for (const key of layer.keys()) keys.add(key);
    return keys;
  }

  static layersOf<K, V>(map: LayeredMap<K, V>): readonly ReadonlyMap<K, V | undefined>[] {
    return map.#layers;
  }
}

function layersOf<K, V>(map: ReadonlyMap<K, V>): readonly ReadonlyMap<K, V | undefined>[] {
  return map instanceof LayeredMap ? LayeredMap.layersOf<K, V>(map) : [map];
}

function hasKey<K>(layers: readonly ReadonlyMap<K, unknown>[], above: number, key: K): boolean {
  for (let index = 0; index < above; index++) if (layers[index]?.has(key)) return true;
  return false;
}

/** `top` over `below`; marks of absence are dropped when nothing lies below them. */
function merged<K, V>(
  top: ReadonlyMap<K, V | undefined>,
  below: ReadonlyMap<K, V | undefined>,
  lowest: boolean,
): ReadonlyMap<K, V | undefined> {
  if (below.size === 0 && (!lowest || isWithoutMarks(top))) return top;
  const both = new Map(below);
  for (const [key, value] of top) {
    if (value === undefined && lowest) both.delete(key);
    else both.set(key, value);
  }
  return both;
}

function isWithoutMarks(map: ReadonlyMap<unknown, unknown>): boolean {
  for (const value of map.values()) if (value === undefined) return false;
  return true;
}
