import type { Clock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { ChangeQueue } from '../control/change-queue.ts';
import type { Store } from '../store/store.ts';
import type { LeaseView } from './bus.ts';
import type { ClusterCounters, ClusterParts, LeaderView, Replica } from './cluster-types.ts';
import { Envelope } from './messages.ts';
import type { Position } from './position.ts';

const drainRetryMs = 50;
const warnAfterMs = 1500;

/** What the parts of one cluster member share. */
export class Member {
  readonly parts: ClusterParts;
  readonly envelope: Envelope;
  readonly pauses: Pauses;
  readonly counters: ClusterCounters = {
    unsigned: 0,
    stale: 0,
    gaps: 0,
    busErrors: 0,
    undone: 0,
    orphaned: 0,
  };
  /** Following and taking the lease exclude each other: one at a time runs in here. */
  readonly gate = new ChangeQueue();
  /** This process, as the holder of a lease. */
  readonly holder: string;
  readonly startedAt: string;
  /** Who held the lease at the last look. */
  seenLease: LeaseView | undefined;
  #replica: Replica | undefined;
  #heardMs: number;
  #isBusDown = false;
  #isWarned = false;
  #answersSinceMs: number;

  constructor(parts: ClusterParts) {
    this.parts = parts;
    this.envelope = new Envelope(parts.name, parts.keys);
    this.pauses = new Pauses(parts.clock);
    this.holder = `${parts.id}/${parts.random.uint32().toString(36)}${parts.clock.epochMs().toString(36)}`;
    this.startedAt = new Date(parts.clock.epochMs()).toISOString();
    this.#heardMs = parts.clock.monotonicMs();
    this.#answersSinceMs = this.#heardMs;
  }

  get replica(): Replica {
    if (this.#replica === undefined) throw new Error('the cluster is not started');
    return this.#replica;
  }

  set replica(replica: Replica) {
    this.#replica = replica;
  }

  position(): Position {
    return positionOf(this.parts.store);
  }

  /** Who leads, as of the last look. */
  leader(): LeaderView | undefined {
    if (this.seenLease === undefined) return undefined;
    const { holder, url, term } = this.seenLease;
    const id = holder.slice(0, holder.lastIndexOf('/'));
    return { id, url, term, isSelf: holder === this.holder };
  }

  nowMs(): number {
    return this.parts.clock.monotonicMs();
  }

  /** Resolves when the change that is under way now, if any, has come to its end. */
  async drain(): Promise<void> {
    for (;;) {
      try {
        return await this.replica.exclusively(() => undefined);
      } catch {
        // The queue of changes is full; each of them is being refused.
        await this.pauses.sleep(drainRetryMs);
        if (this.pauses.isClosed) return;
      }
    }
  }

  /** True from an operation that failed until one that succeeds. */
  get isBusDown(): boolean {
    return this.#isBusDown;
  }

  /** For how long the bus has answered without a failure, milliseconds; at the start, since then. */
  busAnswersForMs(): number {
    return this.nowMs() - this.#answersSinceMs;
  }

  busSilenceMs(): number {
    return this.nowMs() - this.#heardMs;
  }

  /** Passes an operation on the bus on, and notes whether it came through. */
  async hear<T>(operation: Promise<T>): Promise<T> {
    try {
      const result = await operation;
      // After a standstill of this process the bus may be another, too, without one failure seen.
      const stoodStill = this.busSilenceMs() > 2 * limits.busCommandMs;
      this.#heardMs = this.nowMs();
      if (this.#isBusDown || stoodStill) this.#answersSinceMs = this.#heardMs;
      if (this.#isWarned) this.parts.log.info({}, 'the bus of the cluster answers again');
      this.#isBusDown = false;
      this.#isWarned = false;
      return result;
    } catch (error) {
      if (!this.pauses.isClosed) this.#note(error);
      throw error;
    }
  }

  #note(error: unknown): void {
    this.counters.busErrors += 1;
    this.#isBusDown = true;
    // A first connection takes a moment, and so does a second after the first was cut.
    if (this.#isWarned || this.busSilenceMs() < warnAfterMs) return;
    this.#isWarned = true;
    const text = errorText(error);
    const message = `the bus of the cluster does not answer (${text}); what is served goes on being served`;
    this.parts.log.warn({ error: text }, message);
  }
}

/** Where a store stands. */
export function positionOf(store: Store): Position {
  return { term: store.term(), sequence: store.latest() };
}

/** Waits on a clock that all end at once. */
export class Pauses {
  readonly #clock: Clock;
  readonly #waits = new Set<() => void>();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Resolves after a delay, or at once when `close` was or is called; `onWait` gets a way to end it. */
  sleep(delayMs: number, onWait?: (end: () => void) => void): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        this.#waits.delete(end);
        resolve();
      };
      const cancel = this.#clock.setTimer(delayMs, end);
      this.#waits.add(end);
      onWait?.(end);
    });
  }

  close(): void {
    this.#closed = true;
    for (const end of [...this.#waits]) end();
  }
}
