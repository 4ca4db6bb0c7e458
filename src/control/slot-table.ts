import { LayeredMap } from '../zone/layered-map.ts';

/** A value and the slot that it stands in. */
export interface Entry<Value> {
  readonly slot: number;
  readonly value: Value;
}

/**
 * Gives things small, stable numbers. A slot that falls free is handed out again only by a later
 * copy, so that one update never says two things of one slot. A copy costs what was changed since
 * the one before, not what the table holds.
 */
export class SlotTable<Key, Value> {
  #settled: LayeredMap<Key, Entry<Value>>;
  /** What this copy put, and undefined for what it deleted. */
  #changes = new Map<Key, Entry<Value> | undefined>();
  #size: number;
  #free: number[];
  #freed: number[] = [];
  #next: number;

  constructor() {
    this.#settled = LayeredMap.from(new Map());
    this.#size = 0;
    this.#free = [];
    this.#next = 0;
  }

  /** An independent table with the same content. */
  copy(): SlotTable<Key, Value> {
    if (this.#changes.size > 0) {
      this.#settled = this.#settled.with(this.#changes);
      this.#changes = new Map();
    }
    const copy = new SlotTable<Key, Value>();
    copy.#settled = this.#settled;
    copy.#size = this.#size;
    copy.#free = [...this.#free, ...this.#freed];
    copy.#next = this.#next;
    return copy;
  }

  get size(): number {
    return this.#size;
  }

  /** Sets a value and returns its slot: the one it had, or a free one. */
  put(key: Key, value: Value): number {
    const known = this.entry(key);
    const slot = known?.slot ?? this.#free.pop() ?? this.#next++;
    if (known === undefined) this.#size += 1;
    this.#changes.set(key, { slot, value });
    return slot;
  }

  /** Removes a key and returns the slot that it had. */
  delete(key: Key): number | undefined {
    const slot = this.entry(key)?.slot;
    if (slot === undefined) return undefined;
    this.#changes.set(key, undefined);
    this.#size -= 1;
    this.#freed.push(slot);
    return slot;
  }

  get(key: Key): Value | undefined {
    return this.entry(key)?.value;
  }

  slot(key: Key): number | undefined {
    return this.entry(key)?.slot;
  }

  *keys(): Generator<Key> {
    for (const [key] of this.#entries()) yield key;
  }

  *values(): Generator<Value> {
    for (const [, { value }] of this.#entries()) yield value;
  }

  /** Key and slot of every entry. */
  *slots(): Generator<[Key, number]> {
    for (const [key, { slot }] of this.#entries()) yield [key, slot];
  }

  /** Value and slot at once. */
  entry(key: Key): Entry<Value> | undefined {
    return this.#changes.get(key) ?? (this.#changes.has(key) ? undefined : this.#settled.get(key));
  }

  *#entries(): Generator<[Key, Entry<Value>]> {
    for (const [key, entry] of this.#settled) {
      if (!this.#changes.has(key)) yield [key, entry];
    }
    for (const [key, entry] of this.#changes) if (entry !== undefined) yield [key, entry];
  }
}
