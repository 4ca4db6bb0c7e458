import { type ErrorCode, MeridianError, type Problem } from '../base/errors.ts';
import type { ObjectChange, Revision } from './change.ts';

/** The answer to a request with an idempotency key, which travels with its revision. */
export interface KeptAnswer {
  readonly idempotencyKey?: string;
  readonly response?: string;
}

/** A revision as the nodes of a cluster pass it on. */
export interface ReplicatedRevision extends KeptAnswer {
  readonly number: number;
  /** The fencing term that it was appended under. */
  readonly term: number;
  /** Hash of the revision before, hex. */
  readonly previousHash: string;
  readonly at: string;
  readonly actor: string;
  readonly summary: string;
  readonly changes: readonly ObjectChange[];
  readonly hash: string;
}

/**
 * What a cluster adds to the way of a change. Without it a process is alone: every change is
 * permitted, and nobody has to hear of it.
 */
export interface Replication {
  /**
   * Told of every change before it is worked out. A large one keeps the thread busy for longer than a
   * lease lasts: the lease is made to last for it. Never rejects.
   */
  prepare(writes: number): Promise<void>;
  /**
   * The term under which a change may be made now. Throws MeridianError `E_NOT_LEADER` (naming the
   * leader where known), `E_NO_BUS`, or `E_NOT_LEADER` while reconciling.
   */
  permit(): number;
  /**
   * Makes a stored revision the cluster's. Resolves when it stands in the log. Throws MeridianError
   * `E_NOT_LEADER`, `E_CONFLICT` or `E_NO_BUS` (it does not stand there and never will) or
   * `E_IN_DOUBT` (it may); the caller takes the revision back in either case, and a revision that
   * stands there after all comes back as one of the cluster's.
   */
  append(revision: Revision, answer: KeptAnswer): Promise<void>;
  /**
   * Waits until a live standby has stored a revision too. Resolves with a warning when none did in
   * time, with nothing when there is no standby. Never rejects.
   */
  replica(revision: number): Promise<Problem | undefined>;
}

const passing: ReadonlySet<ErrorCode> = new Set(['E_NOT_LEADER', 'E_NO_BUS', 'E_IN_DOUBT']);

/** True where the cluster failed a change, not the change itself: that passes, and it can be made again. */
export function isClusterFailure(error: unknown): boolean {
  return error instanceof MeridianError && passing.has(error.code);
}
