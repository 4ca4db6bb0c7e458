import { errorText, MeridianError, type Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Revision } from '../control/change.ts';
import type { KeptAnswer, ReplicatedRevision, Replication } from '../control/replication.ts';
import { BusError, type Head, type Lease, type Reply } from './bus.ts';
import { ChunkWriter } from './chunks.ts';
import type { LeaderView } from './cluster-types.ts';
import type { Member } from './member.ts';
import type { Membership } from './membership.ts';
import type { Envelope, RevisionMessage } from './messages.ts';
import { formatPosition } from './position.ts';

/** What made a leader stop: it has lost the lease, or has to make a new start under a new term. */
export type Trouble = 'fenced' | 'restart';

/** What the log needs to know of the rest. */
export interface LeaderLogParts {
  readonly member: Member;
  readonly membership: Membership;
  /** Who leads, for messages. */
  readonly leader: () => LeaderView | undefined;
  readonly onTrouble: (trouble: Trouble) => void;
}

/**
 * The log from the leader's side: which changes may be made, their way into the log, and the word of
 * standbys that they have them.
 */
export class LeaderLog implements Replication {
  readonly #parts: LeaderLogParts;
  #lease: Lease | undefined;
  #trustedUntilMs = 0;
  /** Until when a large change may keep this thread from renewing the lease. */
  #busyUntilMs = 0;
  #confirmed: Head | undefined;
  /** What was confirmed when this process ceased to lead, until no change of that term is under way. */
  #lastConfirmed: Head | undefined;
  #snapshotsWanted = 0;
  /** The newest revision that each standby says it has stored under this lease's term. */
  readonly #acks = new Map<string, number>();
  #waiters: { readonly number: number; readonly resolve: () => void }[] = [];
  /** A change has waited for the standbys in vain, and none has said a word since. */
  #areStandbysSilent = false;

  constructor(parts: LeaderLogParts) {
    this.#parts = parts;
  }

  /** Begins to lead, by a lease that was asked for at a moment: `confirmed` is what the cluster has. */
  begin(lease: Lease, sentMs: number, confirmed: Head): void {
    this.#lease = lease;
    this.extend(sentMs, limits.leaseMs);
    this.#confirmed = confirmed;
    this.#lastConfirmed = undefined;
    this.#acks.clear();
    this.#areStandbysSilent = false;
    void this.#readAcks(lease);
  }

  /** The lease was asked for at a moment, for so long, and given. */
  extend(sentMs: number, leaseMs: number): void {
    // It is trusted for less long than the bus grants it.
    this.#trustedUntilMs = sentMs + leaseMs - limits.leaseMarginMs;
  }

  /** No longer leads: nothing is permitted any more. */
  end(): void {
    this.#lease = undefined;
    this.#lastConfirmed = this.#confirmed ?? this.#lastConfirmed;
    this.#confirmed = undefined;
  }

  /** What was under way when this process ceased to lead has come to its end. */
  drained(): void {
    this.#lastConfirmed = undefined;
  }

  /**
   * What the cluster has of a process that leads, or has ceased to and still takes changes back; else
   * undefined. A store may be further on than that, by a revision that nobody was told of: who
   * believed in it would wait for this process to lead again, in vain once it is dead.
   */
  stand(): Head | undefined {
    return this.#confirmed ?? this.#lastConfirmed;
  }

  /** The lease while it may be trusted. */
  lease(): Lease | undefined {
    const { member } = this.#parts;
    return member.nowMs() < this.#trustedUntilMs ? this.#lease : undefined;
  }

  /** True while this process leads by this lease, trusted at the moment or not. */
  holds(lease: Lease): boolean {
    return this.#lease === lease;
  }

  /** The newest revision that is known to stand in the log, while leading. */
  confirmed(): Head | undefined {
    return this.#confirmed;
  }

  /** Counts the reasons for a snapshot: revisions too large for an entry, and followers that ask. */
  get snapshotsWanted(): number {
    return this.#snapshotsWanted;
  }

  /** How long a lease must last when it is asked for at this moment. */
  leaseMs(): number {
    const busyMs = this.#busyUntilMs - this.#parts.member.nowMs();
    return Math.ceil(limits.leaseMs + Math.max(0, busyMs));
  }

  async prepare(writes: number): Promise<void> {
    const lease = this.lease();
    if (lease === undefined || writes <= limits.leaseWrites) return;
    const { member } = this.#parts;
    const sentMs = member.nowMs();
    this.#busyUntilMs = sentMs + writes * limits.leaseMsPerWrite;
    const leaseMs = this.leaseMs();
    try {
      const reply = await member.hear(member.parts.bus.renew(lease, leaseMs));
      if (reply.outcome === 'done' && this.#lease === lease) this.extend(sentMs, leaseMs);
    } catch (error) {
      const text = errorText(error);
      member.parts.log.debug({ error: text }, 'the lease could not be made longer');
    }
  }

  permit(): number {
    const lease = this.lease();
    if (lease !== undefined) return lease.term;
    if (this.#parts.member.isBusDown || this.#lease !== undefined) throw this.#noBus();
    throw this.#notLeader();
  }

  async append(revision: Revision, answer: KeptAnswer): Promise<void> {
    const lease = this.#lease;
    const confirmed = this.#confirmed;
    if (lease === undefined || confirmed === undefined) throw this.#taken(this.#notLeader());
    const position = { term: lease.term, sequence: revision.number };
    const whole: ReplicatedRevision = {
      number: revision.number,
      term: lease.term,
      previousHash: confirmed.hash,
      at: revision.at,
      actor: revision.actor,
      summary: revision.summary,
      changes: revision.changes,
      hash: revision.hash,
      ...answer,
    };
    const { member } = this.#parts;
    let reply: Reply;
    try {
      const message = await this.#messageOf(whole);
      const bytes = member.envelope.seal('log', message);
      reply = await member.hear(member.parts.bus.append(lease, { position, bytes }, revision.hash));
    } catch (error) {
      throw this.#taken(this.#busFailed(error));
    }
    // A trouble of before may have ended the term in the meantime; in the log it is all the same.
    if (reply.outcome !== 'done') throw this.#taken(this.#refused(reply));
    // Who hears it this late, for having stood still, does not know what has become of it since: the bus
    // may have gone back, and others have led.
    if (member.nowMs() >= this.#trustedUntilMs) throw this.#taken(this.#inDoubt());
    if (this.#lease === lease) this.#confirmed = { position, hash: revision.hash };
    this.#parts.membership.touch();
  }

  async replica(number: number): Promise<Problem | undefined> {
    const { membership } = this.#parts;
    if (membership.standbys().length === 0 || this.#isAcknowledged(number)) return undefined;
    // A standby that has died is among the live ones for some seconds: one change waits for it, not each.
    if (!this.#areStandbysSilent) await this.#waitForWord(number);
    if (this.#isAcknowledged(number)) return undefined;
    this.#areStandbysSilent = true;
    return {
      code: 'E_NO_REPLICA',
      message:
        `revision ${number} is in force, but no standby controller has said within ` +
        `${limits.replicaMs} ms that it has stored it or the one before; look at /v1/nodes for one that lags`,
      severity: 'warning',
    };
  }

  async #waitForWord(number: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { number, resolve };
    this.#waiters.push(waiter);
    const { pauses } = this.#parts.member;
    await Promise.race([promise, pauses.sleep(limits.replicaMs, (end) => void promise.then(end))]);
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
  }

  async #messageOf(revision: ReplicatedRevision): Promise<RevisionMessage> {
    const { term, number, previousHash, hash } = revision;
    let chars = 0;
    for (const { before, after } of revision.changes) {
      chars += (before?.length ?? 0) + (after?.length ?? 0) + 64;
    }
    if (chars <= limits.chunkBytes) return { kind: 'revision', term, revision };
    const { bus, random } = this.#parts.member.parts;
    const group = `revision-${formatPosition({ term, sequence: number })}-${random.uint32()}`;
    const writer = new ChunkWriter(bus, group);
    const { changes, ...head } = revision;
    await writer.add(head);
    for (const change of changes) await writer.add(change);
    this.#snapshotsWanted += 1;
    return { kind: 'large', term, number, previousHash, hash, parts: await writer.finish() };
  }

  #isAcknowledged(number: number): boolean {
    return [...this.#acks.values()].some((stored) => stored >= number);
  }

  async #readAcks(lease: Lease): Promise<void> {
    const { member } = this.#parts;
    const { bus, log } = member.parts;
    let cursor: string | undefined;
    while (this.#lease === lease && !member.pauses.isClosed) {
      try {
        const read = await bus.read('acks', cursor, limits.busEntriesPerRead, limits.busWaitMs);
        cursor = read.cursor;
        if (this.#lease === lease) for (const { bytes } of read.messages) this.#take(bytes, lease);
      } catch (error) {
        log.debug({ error: errorText(error) }, 'the word of standbys could not be read');
        await member.pauses.sleep(limits.leaseRenewMs);
      }
    }
  }

  #take(bytes: Uint8Array, lease: Lease): void {
    const ack = readAck(bytes, this.#parts.member.envelope);
    if (ack?.wantsSnapshot === true) {
      this.#snapshotsWanted += 1;
      return;
    }
    if (ack?.term !== lease.term) return;
    if (this.#acks.size >= limits.nodes && !this.#acks.has(ack.id)) return;
    this.#acks.set(ack.id, ack.number);
    this.#areStandbysSilent = false;
    for (const waiter of this.#waiters) if (ack.number >= waiter.number) waiter.resolve();
  }

  /** Every failed append ends in the revision being taken back. */
  #taken(error: MeridianError): MeridianError {
    this.#parts.member.counters.undone += 1;
    return error;
  }

  #busFailed(error: unknown): MeridianError {
    if (!(error instanceof BusError)) {
      const message = `the revision could not be encoded: ${errorText(error)}; see the log`;
      return new MeridianError({ code: 'E_INTERNAL', message }, { cause: error });
    }
    if (error.outcome === 'none') return this.#noBus(error);
    return this.#inDoubt(error);
  }

  #inDoubt(cause?: unknown): MeridianError {
    // Under a new term the bus will not take it later either; then what it has, can be known.
    this.#trouble('restart');
    const message =
      'the bus did not say in time whether it has taken the change; send it again with the same Idempotency-Key';
    return new MeridianError({ code: 'E_IN_DOUBT', message }, { cause });
  }

  #refused(reply: Exclude<Reply, { outcome: 'done' }>): MeridianError {
    if (reply.outcome === 'fenced') {
      this.#trouble('fenced');
      return this.#notLeader();
    }
    const had = this.#confirmed?.position.sequence ?? 0;
    this.#trouble('restart');
    if ((reply.head?.position.sequence ?? 0) < had) return this.#noBus();
    const message = 'another change came first; read again what it has changed, and try again';
    return new MeridianError({ code: 'E_CONFLICT', message });
  }

  #trouble(trouble: Trouble): void {
    this.end();
    this.#parts.onTrouble(trouble);
  }

  #noBus(cause?: unknown): MeridianError {
    const message =
      'the bus of the cluster cannot be reached or is being filled anew; queries are answered as ' +
      'before, changes have to wait: try again in a few seconds';
    return new MeridianError({ code: 'E_NO_BUS', message }, { cause });
  }

  #notLeader(): MeridianError {
    const leader = this.#parts.leader();
    const who =
      leader === undefined || leader.isSelf
        ? 'no controller leads at the moment; try again in a few seconds'
        : `controller ${leader.id} leads; send the change to ${leader.url || 'it'}`;
    return new MeridianError({ code: 'E_NOT_LEADER', message: who });
  }
}

/** A standby's word that it has stored the revisions up to a number. */
export interface Ack {
  readonly id: string;
  readonly term: number;
  readonly number: number;
  /** It cannot get any further by the log and the snapshot that there are. */
  readonly wantsSnapshot?: boolean;
}

/**
 * Writes an acknowledgement. A standby signs that it has stored something; the wish for a snapshot,
 * which the leader does not write often, is anybody's.
 */
export function writeAck(ack: Ack, envelope: Envelope): Uint8Array {
  if (ack.wantsSnapshot !== true) return envelope.seal('acks', ack);
  return Buffer.from(JSON.stringify(ack));
}

function readAck(bytes: Uint8Array, envelope: Envelope): Ack | undefined {
  if (bytes.length > limits.heartbeatBytes) return undefined;
  try {
    const signed = envelope.open('acks', bytes) as Partial<Ack> | undefined;
    const ack = signed ?? (JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<Ack>);
    const { id, term, number, wantsSnapshot } = ack;
    if (typeof id !== 'string' || typeof term !== 'number' || typeof number !== 'number') return;
    if (signed === undefined && wantsSnapshot !== true) return undefined;
    return { id, term, number, wantsSnapshot: wantsSnapshot === true };
  } catch {
    return undefined;
  }
}
