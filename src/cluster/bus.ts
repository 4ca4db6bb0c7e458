import type { Position } from './position.ts';

/*
 * What a cluster shares, under one name:
 *
 *   lease      who leads, under which term, until when
 *   counter    the highest term ever given
 *   head       position and hash of the newest revision
 *   log        signed entries, ids = positions, strictly rising; trimmed behind the snapshots
 *   snapshots  manifests of the last two full snapshots, and their chunks
 *   tables     health, latency: a full message each, and a stream of changes
 *   streams    reports, samples, acknowledgements: short, raw, trimmed by length
 *   nodes      one heartbeat per node, which expires
 *
 * The bus is transport and never the only copy. It may lose everything, or go back to an earlier
 * state, at any moment; it never mixes two messages into one, and signatures tell what is ours.
 */

/** A right to lead, as the bus gave it. Every fenced operation names it and fails without it. */
export interface Lease {
  /** `node-id/boot`: another process, even of the same node, is another holder. */
  readonly holder: string;
  readonly term: number;
}

/** Where the log ends. */
export interface Head {
  readonly position: Position;
  /** Chain hash of the revision at `position.sequence`, hex. */
  readonly hash: string;
}

/** Who leads at the moment. */
export interface LeaseView extends Lease {
  /** Where the holder's API can be reached; may be empty. */
  readonly url: string;
  /** What is left of the lease, on the clock of the bus. */
  readonly remainingMs: number;
}

/** What the bus holds of leadership, read at one moment. */
export interface BusState {
  readonly lease: LeaseView | undefined;
  readonly head: Head | undefined;
}

/** A wish to lead. */
export interface LeadRequest {
  readonly holder: string;
  readonly url: string;
  /** The highest term the candidate knows of; the new one is greater, whatever the bus forgot. */
  readonly knownTerm: number;
  /** Where the candidate stands. */
  readonly position: Position;
  /** A term of the same holder that shall end by this: for a leader that makes a new start. */
  readonly replaces?: number;
  readonly ttlMs: number;
}

export type LeadReply =
  /** The lease is the candidate's; nobody ever led under this term before. */
  | { readonly outcome: 'led'; readonly term: number; readonly head: Head | undefined }
  /** Somebody else leads, or the same holder under a term other than `replaces`. */
  | { readonly outcome: 'held'; readonly lease: LeaseView; readonly head: Head | undefined }
  /** The head lies after the candidate's position, and is not empty; it has to catch up first. */
  | { readonly outcome: 'behind'; readonly head: Head };

/** The answer to a fenced operation that did not come through; nothing was changed. */
export type Refusal =
  /** The lease has expired or is another's. */
  | { readonly outcome: 'fenced'; readonly lease: LeaseView | undefined }
  /** The head is not where it should be: the bus lost entries, or has more than the caller knows. */
  | { readonly outcome: 'conflict'; readonly head: Head | undefined };

export type Reply = { readonly outcome: 'done' } | Refusal;

/** A signed entry of the log (messages.ts). */
export interface LogEntry {
  readonly position: Position;
  readonly bytes: Uint8Array;
}

/** A message of a table; `term` is the lease's, `sequence` counts the messages of that term. */
export interface TableMessage {
  readonly position: Position;
  /** True: this is the whole table, to be fetched by `table()`; `bytes` is empty in the stream. */
  readonly full: boolean;
  readonly bytes: Uint8Array;
}

/** One message of a raw stream. */
export interface StreamMessage {
  /** What to go on after; opaque. */
  readonly cursor: string;
  readonly bytes: Uint8Array;
}

/** A live node's last heartbeat. */
export interface NodeBeat {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/**
 * The bus as the cluster's core sees it. Two implementations pass one contract
 * (test/cluster/bus-contract.ts): RedisBus and MemoryBus.
 *
 * Each operation is one atomic step on the bus, unless it says otherwise. Each rejects with a
 * BusError within about `limits.busCommandMs` when the bus is gone, hangs or answers nonsense;
 * `outcome` then says whether the step may have been taken all the same, now or later. None waits for
 * the bus to come back, none is queued while it is away, and none throws synchronously.
 */
export interface Bus {
  /** Lease and head of this moment. */
  state(): Promise<BusState>;

  /**
   * Takes the lease when it is free (or is the same holder's under `replaces`) and the candidate is
   * not behind a head that has revisions: counter := max(counter + 1, knownTerm + 1, milliseconds since
   * 1970 on the clock of the bus), which is the new term. The clock makes a term unlike all before it
   * even when the bus has forgotten its counter and the candidate never heard of the last leader.
   * Checked in this order: held, behind, led.
   */
  lead(request: LeadRequest): Promise<LeadReply>;

  /** Makes a lease last `ttlMs` from now; refused (`fenced`) when it is no longer this one. */
  renew(
    lease: Lease,
    ttlMs: number,
  ): Promise<
    | { readonly outcome: 'done'; readonly head: Head | undefined }
    | (Refusal & { outcome: 'fenced' })
  >;

  /** Gives a lease back, when it is still this one; never refused. */
  resign(lease: Lease): Promise<void>;

  /**
   * A new leader's first word: head := (lease.term, sequence) with its hash, entry appended to the log.
   * `conflict` when the head's sequence is greater. `entry.position.term` is the lease's.
   */
  assume(lease: Lease, entry: LogEntry, hash: string): Promise<Reply>;

  /**
   * Appends one revision: `conflict` unless the head is (lease.term, sequence - 1). Moves the head and
   * adds the entry in one step: a reader sees both or neither.
   */
  append(lease: Lease, entry: LogEntry, hash: string): Promise<Reply>;

  /**
   * Entries after a position, oldest first, at most `limit` (and at least one, when there are any). With
   * none, waits up to `waitMs` for one and then resolves with an empty list. Entries before a snapshot
   * may be missing: the caller sees it by their sequences.
   */
  entries(after: Position, limit: number, waitMs: number): Promise<readonly LogEntry[]>;

  /**
   * Puts one chunk of a group (a snapshot, or a revision too large for one entry); invisible until
   * something signed names it. The group goes after `limits.chunkMs` unless a snapshot announces it.
   */
  putChunk(group: string, index: number, bytes: Uint8Array): Promise<void>;
  /** A chunk; undefined when it is not (or no longer) there. */
  chunk(group: string, index: number): Promise<Uint8Array | undefined>;

  /**
   * Makes a snapshot the newest: refused (`fenced`) without the lease, (`conflict`) when the position is
   * before the newest one's. One at the same position takes its place. Otherwise the last but one and
   * its group go, and so do the entries of the log up to the position of the now last but one.
   */
  announce(
    lease: Lease,
    snapshot: {
      readonly position: Position;
      readonly group: string;
      readonly manifest: Uint8Array;
    },
  ): Promise<Reply>;
  /** The newest snapshot's manifest. */
  snapshot(): Promise<{ readonly position: Position; readonly manifest: Uint8Array } | undefined>;

  /**
   * Publishes a message of a table: refused (`fenced`) without the lease, (`conflict`) unless
   * `position` is after the last message's. A full one also becomes what `table()` returns.
   */
  publish(lease: Lease, table: TableName, message: TableMessage): Promise<Reply>;
  /** The newest full message of a table. */
  table(table: TableName): Promise<TableMessage | undefined>;
  /** Messages of a table after a position, oldest first; waits as `entries` does. */
  follow(
    table: TableName,
    after: Position,
    limit: number,
    waitMs: number,
  ): Promise<readonly TableMessage[]>;

  /** Adds a message to a raw stream, which keeps about `limits.streamEntries[stream]`. Not fenced. */
  post(stream: StreamName, bytes: Uint8Array): Promise<void>;
  /**
   * Messages of a raw stream after a cursor (undefined: those to come), oldest first; waits as
   * `entries` does. Goes back to the beginning of what there is by itself when the bus was emptied.
   */
  read(
    stream: StreamName,
    after: string | undefined,
    limit: number,
    waitMs: number,
  ): Promise<{ readonly messages: readonly StreamMessage[]; readonly cursor: string }>;

  /** Says that a node lives, for `ttlMs`. */
  beat(id: string, bytes: Uint8Array, ttlMs: number): Promise<void>;
  /** Takes a node's heartbeat away: it stops in good order. */
  forget(id: string): Promise<void>;
  /** The heartbeats that have not expired, at most `limits.nodes`. */
  nodes(): Promise<readonly NodeBeat[]>;

  /** True while the bus can be talked to, as far as is known. Costs nothing. */
  readonly isUp: boolean;
  /** Ends every wait (their promises reject) and closes the connections. */
  close(): Promise<void>;
}

/** Tables that the leader publishes: member health, latency estimates. */
export type TableName = 'health' | 'latency';

/** Raw streams: agents' reports, load and measurements, and standbys' word of what they have stored. */
export type StreamName = 'reports' | 'samples' | 'acks';

/** An operation on the bus that failed. */
export class BusError extends Error {
  /** `none`: it was certainly not carried out, nor ever will be; `unknown`: it may have been, or still be. */
  readonly outcome: 'none' | 'unknown';

  constructor(message: string, outcome: 'none' | 'unknown', options?: ErrorOptions) {
    super(message, options);
    this.name = 'BusError';
    this.outcome = outcome;
  }
}
