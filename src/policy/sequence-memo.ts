/**
 * Remembers what was made of a sequence of objects, by their identity and order. Thousands of client
 * classes come to the same few sequences (the three closest members in this order), and equal sequences
 * yield the same object, which is then compiled once. Holds its keys weakly.
 */
export class SequenceMemo<T extends object> {
  readonly #root: Step<T> = { next: new WeakMap(), made: undefined };

  get(sequence: readonly object[], make: () => T): T {
    let step = this.#root;
    for (const part of sequence) {
      let next = step.next.get(part);
      if (next === undefined) {
        next = { next: new WeakMap(), made: undefined };
        step.next.set(part, next);
      }
      step = next;
    }
    step.made ??= make();
    return step.made;
  }
}

/** One step of a trie. */
interface Step<T> {
  readonly next: WeakMap<object, Step<T>>;
  made: T | undefined;
}
