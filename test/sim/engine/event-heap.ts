/** One thing that happens at a moment of true time. */
export interface SimEvent {
  readonly atMs: number;
  /** Breaks ties: events of one moment happen in the order in which they were set. */
  readonly order: number;
  /** Undefined once it was taken back. */
  run: (() => void) | undefined;
}

/**
 * All that will happen, soonest first: a binary heap in an array.
 *
 *   events[0] ≤ events[1], events[2]; events[i] ≤ events[2i + 1], events[2i + 2]
 */
export class EventHeap {
  readonly #events: SimEvent[] = [];
  #order = 0;

  /** Sets an event; clear its `run` to take it back. */
  push(atMs: number, run: () => void): SimEvent {
    const event: SimEvent = { atMs, order: this.#order++, run };
    const events = this.#events;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = events[parent] as SimEvent;
      if (isBefore(above, event)) break;
      events[at] = above;
      at = parent;
    }
    events[at] = event;
    return event;
  }

  /** The moment of the next event, milliseconds; infinite when nothing will happen. */
  nextMs(): number {
    return this.#events[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Takes out the next event. */
  pop(): SimEvent | undefined {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (first === undefined || last === undefined || events.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= events.length) break;
      const right = events[child + 1];
      if (right !== undefined && isBefore(right, events[child] as SimEvent)) child++;
      const below = events[child] as SimEvent;
      if (isBefore(last, below)) break;
      events[at] = below;
      at = child;
    }
    events[at] = last;
    return first;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
