import type { Head, LeaseView } from './bus.ts';
import { isAfter, type Position, startPosition } from './position.ts';

/*
 *   seen      lease 7, head 7-4 │ lease 9, head 9-5 │ lease 7, head 7-4 │ no head
 *                               │ later             │ older: another bus│ older: another bus
 */

/**
 * Knows since when the bus is the one that it is, as far as it can be told. A healthy bus only goes
 * forward: a later lease, a later head. One that shows an older lease or an older head than before, or
 * no head any more, has lost what it had or is another; its heartbeats are as old, and do not tell who
 * has what by now.
 */
export class BusSight {
  #term = 0;
  #head: Position = startPosition;
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** The lease is this one at a moment; none is no sign of anything, as leases end. */
  seeLease(lease: Pick<LeaseView, 'term'> | undefined, nowMs: number): void {
    if (lease === undefined) return;
    if (lease.term < this.#term) this.#sinceMs = nowMs;
    this.#term = lease.term;
  }

  /** The head is this one at a moment. */
  seeHead(head: Pick<Head, 'position'> | undefined, nowMs: number): void {
    const position = head?.position ?? startPosition;
    if (isAfter(this.#head, position)) this.#sinceMs = nowMs;
    this.#head = position;
  }

  /** For how long no look has shown another bus than the look before, milliseconds. */
  sameForMs(nowMs: number): number {
    return nowMs - this.#sinceMs;
  }
}
