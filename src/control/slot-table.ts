/**
 * Gives things small, stable numbers. A slot that falls free is handed out again only by a later
 * copy, so that one update never says two things of one slot.
 */
export class SlotTable<Key, Value> {
  readonly #entries: Map<Key, { slot: number; value: Value }>;
  #free: number[];
  #freed: number[] = [];
  #next: number;

  constructor() {
    this.#entries = new Map();
    this.#free = [];
    this.#next = 0;
  }

  /** An independent table with the same content. */
  copy(): SlotTable<Key, Value> {
    const copy = new SlotTable<Key, Value>();
    for (const [key, entry] of this.#entries) copy.#entries.set(key, entry);
    copy.#free = [...this.#free, ...this.#freed];
    copy.#next = this.#next;
    return copy;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Sets a value and returns its slot: the one it had, or a free one. */
  put(key: Key, value: Value): number {
    const slot = this.#entries.get(key)?.slot ?? this.#free.pop() ?? this.#next++;
    this.#entries.set(key, { slot, value });
    return slot;
  }

  /** Removes a key and returns the slot that it had. */
  delete(key: Key): number | undefined {
    const slot = this.#entries.get(key)?.slot;
    if (slot === undefined) return undefined;
    this.#entries.delete(key);
    this.#freed.push(slot);
    return slot;
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)?.value;
  }

  slot(key: Key): number | undefined {
    return this.#entries.get(key)?.slot;
  }

  keys(): IterableIterator<Key> {
    return this.#entries.keys();
  }

  *values(): Generator<Value> {
    for (const { value } of this.#entries.values()) yield value;
  }

  /** Key and slot of every entry. */
  *slots(): Generator<[Key, number]> {
    for (const [key, { slot }] of this.#entries) yield [key, slot];
  }
}
