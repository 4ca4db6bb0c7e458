import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { ReplicatedRevision, Replication } from '../control/replication.ts';
import type { Store } from '../store/store.ts';
import type { Bus, Lease } from './bus.ts';
import type { ClusterKeys } from './keys.ts';
import type { Envelope } from './messages.ts';
import type { Position } from './position.ts';

/** What takes the cluster's revisions in; a RunningController does. */
export interface Replica {
  /**
   * Commits a revision of the cluster as the next one, calls `stored` when it is on disk, and resolves
   * when it is served (or delivery is being retried). Rejects when it could not be stored.
   */
  follow(revision: ReplicatedRevision, stored: () => void): Promise<void>;
  /**
   * Runs `swap`, which replaces the store's content, when no change is under way, calls `stored`, and
   * resolves when what is now in the store is served.
   */
  replace(swap: () => void, stored: () => void): Promise<void>;
  /** Runs `work` when no change is under way. */
  exclusively<T>(work: () => T | Promise<T>): Promise<T>;
}

/** What a cluster member is made of. */
export interface ClusterParts {
  /** `controller`: may lead (its keys can sign). `node`: only follows. */
  readonly role: 'controller' | 'node';
  /** The cluster's name. */
  readonly name: string;
  /** This node's id, the same over restarts. */
  readonly id: string;
  /** Where other controllers reach this API; may be empty. */
  readonly url: string;
  readonly version: string;
  readonly bus: Bus;
  readonly store: Store;
  readonly keys: ClusterKeys;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Keeps a revision that the cluster does not have; throws when it cannot. */
  readonly orphans: OrphanKeeper;
  /** More to say in each heartbeat. */
  readonly beat?: () => Readonly<Record<string, unknown>>;
  /** Told when this process begins to lead, and when it no longer does. */
  readonly onLeading?: (lease: Lease | undefined) => void;
}

/** Where revisions go that were made here and that the cluster does not have. */
export interface OrphanKeeper {
  keep(revision: ReplicatedRevision): void;
}

/** What a heartbeat says of a member. A controller signs its own; a node's is not signed. */
export interface Heartbeat {
  readonly id: string;
  readonly role: 'controller' | 'node';
  readonly url: string;
  readonly version: string;
  readonly position: Position;
  /** Chain hash at `position.sequence`. */
  readonly digest: string;
  /** RFC 3339: when the process was started, and when it came to its position. */
  readonly startedAt: string;
  readonly since: string;
  /** What the `beat` callback added. */
  readonly more: Readonly<Record<string, unknown>>;
}

/** Who leads, as far as this process knows. */
export interface LeaderView {
  readonly id: string;
  readonly url: string;
  readonly term: number;
  readonly isSelf: boolean;
}

/** One process's part in a cluster. */
export interface Cluster {
  /** For `createController` (`ChangeParts.replication`). */
  readonly replication: Replication;
  /** For tables: signs and opens their messages. */
  readonly envelope: Envelope;
  /** Begins to follow and, for a controller, to stand for the lease. Called once. */
  start(replica: Replica): void;
  /** Where the store stands. */
  position(): Position;
  /** The lease while this process leads and may still trust it; undefined otherwise. */
  lease(): Lease | undefined;
  leader(): LeaderView | undefined;
  /** Every live node by its heartbeat, this one included, as of at most a second ago. */
  nodes(): readonly Heartbeat[];
  /** Milliseconds since the bus last answered; 0 at the start. */
  busSilenceMs(): number;
  /** Sends a heartbeat soon (within 50 ms), for what `beat` says has changed. */
  touch(): void;
  /** What was refused, by reason, since the start; for metrics. */
  readonly counters: ClusterCounters;
  /** Resigns, says goodbye and stops. The bus stays open. */
  close(): Promise<void>;
}

/** How often something was refused or went wrong. */
export interface ClusterCounters {
  /** Messages whose signature did not hold. */
  unsigned: number;
  /** Entries and snapshots that were not after what is here. */
  stale: number;
  /** Gaps and breaks of the chain that a snapshot had to close. */
  gaps: number;
  /** Operations on the bus that failed. */
  busErrors: number;
  /** Revisions taken back because the cluster did not take them. */
  undone: number;
  /** Revisions kept aside because the cluster does not have them. */
  orphaned: number;
}
