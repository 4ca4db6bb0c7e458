import type { Clock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Bus, Lease } from './bus.ts';
import type { Envelope } from './messages.ts';
import { type KeyedTable, sealTable, type TableContent } from './table-message.ts';

export interface TablePublisherParts {
  readonly table: KeyedTable;
  readonly bus: Bus;
  readonly envelope: Envelope;
  readonly clock: Clock;
  readonly log: Log;
  /** The lease, while this process leads and may trust it. */
  lease(): Lease | undefined;
  /** The whole table as it is now. */
  all(): Iterable<readonly [key: string, value: unknown]>;
  /** What holds for the table as a whole. */
  note?(): unknown;
  /** Says that the leader lives, when there is nothing else to say; default: never. */
  readonly beatMs?: number;
}

const retryMs = 500;

/**
 * The leader's side of a table: the whole of it when it begins to lead and from time to time, and in
 * between what moves, at once. One message is under way at a time; what moves meanwhile goes with the
 * next. After a message that may have been lost the whole table follows, so that nobody stays behind.
 */
export class TablePublisher {
  readonly #parts: TablePublisherParts;
  /** The JSON text of each value that has been told (or is about to be). */
  #told = new Map<string, string>();
  #pending = new Map<string, unknown>();
  #term = 0;
  #sequence = 0;
  #wantsFull = false;
  #hasLed = false;
  #isSending = false;
  #toldMs = 0;
  #fullMs = 0;
  #cancel: () => void = () => {};
  #isClosed = false;

  constructor(parts: TablePublisherParts) {
    this.#parts = parts;
  }

  /** Begins to publish under the lease that this process now has. */
  lead(): void {
    this.#hasLed = true;
    this.#wantsFull = true;
    this.#pump();
  }

  /** These values are new or moved (null: gone); those that are as they were are not told again. */
  change(entries: Iterable<readonly [key: string, value: unknown]>): void {
    if (this.#parts.lease() === undefined) {
      // It may be trusted again, and nobody has been told of what moved meanwhile.
      if (this.#hasLed) this.refresh();
      return;
    }
    for (const [key, value] of entries) {
      const text = JSON.stringify(value);
      if (this.#told.get(key) === text || (value === null && !this.#told.has(key))) continue;
      if (value === null) this.#told.delete(key);
      else this.#told.set(key, text);
      this.#pending.set(key, value);
    }
    if (this.#pending.size > 0) this.#pump();
  }

  /** Publishes the whole table soon, whatever has been told. */
  refresh(): void {
    this.#wantsFull = true;
    this.#pump();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  /** Sends what there is to say, one message after another, then waits for its next duty. */
  #pump(): void {
    if (this.#isSending || this.#isClosed) return;
    this.#cancel();
    const lease = this.#parts.lease();
    if (lease === undefined) {
      // A lease that was renewed late may be trusted again; others have missed what moved meanwhile.
      if (this.#hasLed) this.#wantsFull = true;
      if (this.#hasLed) this.#cancel = this.#parts.clock.setTimer(retryMs, () => this.#pump());
      return;
    }
    const nowMs = this.#parts.clock.monotonicMs();
    const { beatMs = Number.POSITIVE_INFINITY } = this.#parts;
    const fullDueMs = this.#fullMs + limits.tableFullMs;
    const dueMs = Math.min(fullDueMs, this.#toldMs + beatMs);
    const isFullDue = this.#wantsFull || nowMs >= fullDueMs;
    if (!isFullDue && this.#pending.size === 0 && nowMs < dueMs) {
      this.#cancel = this.#parts.clock.setTimer(dueMs - nowMs, () => this.#pump());
      return;
    }
    this.#isSending = true;
    void this.#send(lease, isFullDue).then((isDone) => {
      this.#isSending = false;
      if (isDone) this.#pump();
      else if (!this.#isClosed) {
        this.#cancel = this.#parts.clock.setTimer(retryMs, () => this.#pump());
      }
    });
  }

  async #send(lease: Lease, full: boolean): Promise<boolean> {
    const { table, bus, envelope, clock, log } = this.#parts;
    if (lease.term !== this.#term) {
      this.#term = lease.term;
      this.#sequence = 0;
    }
    this.#sequence += 1;
    const entries = full ? this.#takeAll() : [...this.#pending];
    this.#pending = new Map();
    const note = this.#parts.note?.();
    const content: TableContent = {
      full,
      term: lease.term,
      sequence: this.#sequence,
      entries,
      ...(note === undefined ? {} : { note }),
    };
    const startedMs = clock.monotonicMs();
    this.#toldMs = startedMs;
    if (full) {
      this.#fullMs = startedMs;
      this.#wantsFull = false;
    }
    try {
      const reply = await bus.publish(lease, table, sealTable(envelope, table, content));
      if (reply.outcome === 'done') return true;
      log.warn({ table, outcome: reply.outcome }, 'the bus refused a table');
    } catch (error) {
      log.debug({ table, error: errorText(error) }, 'a table could not be published');
    }
    this.#wantsFull = true;
    return false;
  }

  #takeAll(): (readonly [string, unknown])[] {
    const entries = [...this.#parts.all()];
    this.#told = new Map(entries.map(([key, value]) => [key, JSON.stringify(value)]));
    return entries;
  }
}
