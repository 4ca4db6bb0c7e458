import type { Clock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Bus, TableMessage } from './bus.ts';
import { Pauses } from './member.ts';
import type { Envelope } from './messages.ts';
import { isAfter, type Position, startPosition } from './position.ts';
import { type KeyedTable, openTable, type TableContent } from './table-message.ts';

export interface TableFollowerParts {
  readonly table: KeyedTable;
  readonly bus: Bus;
  readonly envelope: Envelope;
  readonly clock: Clock;
  readonly log: Log;
  /** Messages of an earlier term than this are older than what is here. */
  leastTerm(): number;
  /** Takes a message that is signed, and next to or a replacement of what was taken before. */
  take(content: TableContent): void;
}

/** How often a follower refused a message, by reason. */
export interface FollowerCounters {
  unsigned: number;
  stale: number;
  gaps: number;
}

const retryMs = 250;

/**
 * Everybody's side of a table: takes the whole table, then what moves, strictly in order. Whatever is
 * older than what is here is refused; after a gap, or a silence of the bus, the whole table is fetched.
 */
export class TableFollower {
  readonly counters: FollowerCounters = { unsigned: 0, stale: 0, gaps: 0 };
  readonly #parts: TableFollowerParts;
  #position: Position = startPosition;
  /** How far the stream has been read, taken or not. */
  #read: Position = startPosition;
  #heardMs: number | undefined;
  #needsFull = true;
  readonly #pauses: Pauses;
  /** The last message was not signed: that is said once. */
  #isRefusing = false;
  readonly #ended: Promise<void>;

  constructor(parts: TableFollowerParts) {
    this.#parts = parts;
    this.#pauses = new Pauses(parts.clock);
    this.#ended = this.#run();
  }

  /** The last message that was taken. */
  get position(): Position {
    return this.#position;
  }

  /** Milliseconds since the last message that was taken; undefined before the first. */
  get ageMs(): number | undefined {
    if (this.#heardMs === undefined) return undefined;
    return this.#parts.clock.monotonicMs() - this.#heardMs;
  }

  /** Takes the whole table again, and what came after it: what was taken before went nowhere. */
  refetch(): void {
    this.#position = startPosition;
    this.#needsFull = true;
  }

  /** Resolves when nothing more will be taken; the bus must be closed or answer for that. */
  async close(): Promise<void> {
    this.#pauses.close();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { bus, table, log } = this.#parts;
    while (!this.#pauses.isClosed) {
      try {
        if (this.#needsFull) await this.#fetch();
        const messages = await bus.follow(
          table,
          this.#read,
          limits.busEntriesPerRead,
          limits.busWaitMs,
        );
        for (const message of messages) {
          if (this.#pauses.isClosed) return;
          if (isAfter(message.position, this.#read)) this.#read = message.position;
          // What came after a whole table that was just fetched is read again, in its order.
          if (await this.#consider(message)) break;
        }
      } catch (error) {
        if (this.#pauses.isClosed) return;
        log.debug({ table, error: errorText(error) }, 'a table cannot be followed; trying again');
        this.#needsFull = true;
        await this.#pauses.sleep(retryMs);
      }
    }
  }

  /** Takes what a message says; true when the whole table was taken instead. */
  async #consider(message: TableMessage): Promise<boolean> {
    const { position, full } = message;
    if (!isAfter(position, this.#position)) return false;
    if (full) return this.#fetch();
    const isNext =
      position.term === this.#position.term && position.sequence === this.#position.sequence + 1;
    if (isNext) {
      this.#take(message);
      return false;
    }
    this.counters.gaps += 1;
    return this.#fetch();
  }

  /** Takes the whole table, when it is newer than what is here; true when it was. */
  async #fetch(): Promise<boolean> {
    const message = await this.#parts.bus.table(this.#parts.table);
    this.#needsFull = false;
    if (message === undefined) return false;
    if (isAfter(this.#position, message.position)) this.counters.stale += 1;
    const isTaken = isAfter(message.position, this.#position) && this.#take(message);
    if (isTaken || isAfter(this.#position, this.#read)) this.#read = this.#position;
    return isTaken;
  }

  /** Takes a message; false when it is refused. */
  #take(message: TableMessage): boolean {
    if (this.#pauses.isClosed) return false;
    const { envelope, table, clock, log } = this.#parts;
    const content = openTable(envelope, table, message);
    if (content === undefined) {
      this.counters.unsigned += 1;
      if (!this.#isRefusing) {
        const text = `the table ${table} is not signed by this cluster; it is refused (see --cluster-key)`;
        log.warn({ table, ...message.position }, text);
      }
      this.#isRefusing = true;
      return false;
    }
    this.#isRefusing = false;
    if (content.term < this.#parts.leastTerm()) {
      this.counters.stale += 1;
      return false;
    }
    this.#position = message.position;
    this.#heardMs = clock.monotonicMs();
    try {
      this.#parts.take(content);
    } catch (error) {
      log.error({ table, error: errorText(error) }, 'a message of a table could not be used');
      this.#needsFull = true;
    }
    return true;
  }
}
