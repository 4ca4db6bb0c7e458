import type { RRset } from './zone.ts';

/**
 * The RRsets of one name by type. Nearly all names own one or two, for which this is a tenth of the
 * size of a Map: what a zone of a million names weighs is decided here.
 */
export class RRsetMap<R extends RRset = RRset> implements ReadonlyMap<number, R> {
  readonly #first: R;
  #others: R[] | undefined;

  /** `others` are of different types than `first` and each other; the map takes the list over. */
  constructor(first: R, others?: R[]) {
    this.#first = first;
    this.#others = others;
  }

  get size(): number {
    return 1 + (this.#others?.length ?? 0);
  }

  get(type: number): R | undefined {
    if (this.#first.type === type) return this.#first;
    return this.#others?.find((rrset) => rrset.type === type);
  }

  has(type: number): boolean {
    return this.get(type) !== undefined;
  }

  /** Only for whoever builds the first version of a zone: adds a type that is not there yet. */
  grow(rrset: R): void {
    if (this.#others === undefined) this.#others = [rrset];
    else this.#others.push(rrset);
  }

  forEach(
    callback: (rrset: R, type: number, map: ReadonlyMap<number, R>) => void,
    self?: unknown,
  ): void {
    for (const rrset of this.values()) callback.call(self, rrset, rrset.type, this);
  }

  *entries(): MapIterator<[number, R]> {
    for (const rrset of this.values()) yield [rrset.type, rrset];
  }

  *keys(): MapIterator<number> {
    for (const rrset of this.values()) yield rrset.type;
  }

  values(): MapIterator<R> {
    const all = this.#others === undefined ? [this.#first] : [this.#first, ...this.#others];
    return all.values();
  }

  [Symbol.iterator](): MapIterator<[number, R]> {
    return this.entries();
  }
}
