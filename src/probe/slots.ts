/** Lets so many things run at once; the others wait their turn, first come first served. */
export class Slots {
  readonly #count: number;
  #used = 0;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#count = count;
  }

  /** Calls back as soon as a slot is free; returns a function that leaves the queue. */
  take(start: () => void): () => void {
    if (this.#used < this.#count) {
      this.#used++;
      start();
      return () => {};
    }
    const waiter = () => start();
    this.#waiting.add(waiter);
    return () => void this.#waiting.delete(waiter);
  }

  /** Gives a slot back; whoever waited longest starts at once. */
  free(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#used--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
