import type { RRset } from './zone.ts';

/**
 * The RRsets of one name by type. Most names own one or two, for which a list is a fifth of the
 * size of a Map: what a zone of a million names weighs is decided here.
 */
export class RRsetMap<R extends RRset = RRset> implements ReadonlyMap<number, R> {
  readonly #rrsets: R[];

  /** `rrsets` are of different types; the map takes the list over. */
  constructor(rrsets: R[]) {
    this.#rrsets = rrsets;
  }

  get size(): number {
    return this.#rrsets.length;
  }

  get(type: number): R | undefined {
    const rrsets = this.#rrsets;
    for (let index = 0; index < rrsets.length; index++) {
      if (rrsets[index]?.type === type) return rrsets[index];
    }
    return undefined;
  }

  has(type: number): boolean {
    return this.get(type) !== undefined;
  }

  /** Only for whoever builds the first version of a zone: adds a type that is not there yet. */
  grow(rrset: R): void {
    this.#rrsets.push(rrset);
  }

  forEach(
    callback: (rrset: R, type: number, map: ReadonlyMap<number, R>) => void,
    self?: unknown,
  ): void {
    for (const rrset of this.#rrsets) callback.call(self, rrset, rrset.type, this);
  }

  *entries(): MapIterator<[number, R]> {
    for (const rrset of this.#rrsets) yield [rrset.type, rrset];
  }

  *keys(): MapIterator<number> {
    for (const rrset of this.#rrsets) yield rrset.type;
  }

  values(): MapIterator<R> {
    return this.#rrsets.values();
  }

  [Symbol.iterator](): MapIterator<[number, R]> {
    return this.entries();
  }
}
