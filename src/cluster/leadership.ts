import { errorText } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Head, Lease, LeaseView } from './bus.ts';
import { BusSight } from './bus-sight.ts';
import type { Follower } from './follower.ts';
import type { LeaderLog, Trouble } from './leader-log.ts';
import type { Member } from './member.ts';
import type { Membership } from './membership.ts';
import { isAfter, type Position, startPosition } from './position.ts';

/*
 *              lease free, caught up, not deferring
 *   following ─────────────────────────────────────▶ lead ──▶ assume ──▶ leading
 *       ▲                                              │ held, behind       │ fenced, resigned
 *       └──────────────────────────────────────────────┴────────────────────┤
 *       restart: drain, lead again under a new term  ◀──────────────────────┘ in doubt, rolled back
 */

const standbyMs = 500;
const retryMs = 200;
/** How far the clocks of a cluster may be apart before a heartbeat's term is not believed. */
const futureTermMs = 3_600_000;

/** What leadership is decided with. */
export interface LeadershipParts {
  readonly member: Member;
  readonly membership: Membership;
  readonly log: LeaderLog;
  readonly follower: Follower;
  readonly onLeading: (lease: Lease | undefined) => void;
}

/** Stands for the lease, keeps it, and gives way: one loop per controller. */
export class Leadership {
  readonly #parts: LeadershipParts;
  #lease: Lease | undefined;
  /** A term of this process that a new start shall end. */
  #replaces: number | undefined;
  #hasLed = false;
  /** When the bus lets go of the last lease that this process has held. */
  #ledUntilMs = 0;
  #freeSinceMs: number | undefined;
  #trouble: Trouble | undefined;
  #endPause: (() => void) | undefined;
  /** When a new term was last begun for the sake of nodes. */
  #heededMs = Number.NEGATIVE_INFINITY;
  /** Whether the bus goes on being the one that it was. */
  readonly #sight = new BusSight();

  constructor(parts: LeadershipParts) {
    this.#parts = parts;
  }

  /** Runs until the member's pauses are closed. */
  async run(): Promise<void> {
    const { pauses } = this.#parts.member;
    while (!pauses.isClosed) {
      let delayMs: number;
      try {
        delayMs = await this.#step();
      } catch (error) {
        const { log } = this.#parts.member.parts;
        log.debug({ error: errorText(error) }, 'a step of leadership failed; it is tried again');
        delayMs = retryMs;
      }
      if (this.#trouble === undefined && delayMs > 0) {
        await pauses.sleep(delayMs, (end) => {
          this.#endPause = end;
        });
      }
    }
  }

  /** The log had to stop leading; what comes next is the loop's. */
  onTrouble(trouble: Trouble): void {
    this.#trouble = trouble;
    this.#endPause?.();
  }

  /** Gives the lease back, once no change is under way. */
  async resign(): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined) return;
    await this.#stepDown();
    this.#freeSinceMs = undefined;
    this.#parts.member.seenLease = undefined;
    const { bus } = this.#parts.member.parts;
    await this.#parts.member.hear(bus.resign(lease)).catch(() => undefined);
  }

  /** One look at how things stand; gives back how long to wait for the next. */
  async #step(): Promise<number> {
    const trouble = this.#trouble;
    this.#trouble = undefined;
    if (trouble === 'restart' && this.#lease !== undefined) {
      this.#replaces = this.#lease.term;
      // Others may have a revision that was taken back here: it no longer counts who led before.
      this.#hasLed = false;
    }
    if (trouble !== undefined) await this.#stepDown();
    return this.#lease === undefined ? this.#contend() : this.#keep(this.#lease);
  }

  async #keep(lease: Lease): Promise<number> {
    const { member, log } = this.#parts;
    const confirmed = log.confirmed();
    const sentMs = member.nowMs();
    const leaseMs = log.leaseMs();
    const reply = await member.hear(member.parts.bus.renew(lease, leaseMs));
    // What the log ran into meanwhile is dealt with first.
    if (this.#trouble !== undefined) return 0;
    if (reply.outcome === 'fenced') {
      member.parts.log.warn({ term: lease.term }, 'the lease is lost; another may lead');
      this.#parts.member.seenLease = reply.lease;
      this.#sight.seeLease(reply.lease, member.nowMs());
      // Another leads, or did: it may have what this one has not, even if the bus forgets it again.
      if (reply.lease !== undefined) this.#hasLed = false;
      await this.#stepDown();
      return 0;
    }
    this.#sight.seeHead(reply.head, member.nowMs());
    const position = reply.head?.position;
    if (confirmed !== undefined && (!position || isAfter(confirmed.position, position))) {
      const fields = { had: confirmed.position, has: position };
      member.parts.log.error(fields, 'the bus has lost revisions; they are published again');
      this.#replaces = lease.term;
      await this.#stepDown();
      return 0;
    }
    if (this.#isOutranked(lease)) {
      const message = 'the bus forgot a later term, which others have followed; a new one begins';
      member.parts.log.error({ term: lease.term }, message);
      await this.resign();
      this.#hasLed = false;
      return 0;
    }
    log.extend(sentMs, leaseMs);
    this.#ledUntilMs = sentMs + leaseMs;
    if (this.#isEmptyBesideOthers()) {
      member.parts.log.warn(
        {},
        'this controller is empty and another is not; it gives the lease back',
      );
      await this.resign();
      this.#hasLed = false;
      return standbyMs;
    }
    return Math.max(0, limits.leaseRenewMs - (member.nowMs() - sentMs));
  }

  /**
   * A bus that went back may have gone back to this lease from a later one. Who has followed that
   * one would never follow this leader: a term has to begin that is later still, and whoever has
   * seen the most shall lead it.
   */
  #isOutranked({ term }: Lease): boolean {
    const { member, membership } = this.#parts;
    // Terms are times, and one of a time to come is none.
    const latest = member.parts.clock.epochMs() + futureTermMs;
    const others = membership.nodes().filter(({ position }) => {
      return position.term > term && position.term <= latest;
    });
    if (others.length === 0) return false;
    if (others.some(({ role }) => role === 'controller')) return true;
    // Heartbeats of nodes are not signed: who forges them shall not keep the leader from leading.
    const nowMs = member.nowMs();
    if (nowMs - this.#heededMs < limits.nodeClaimMs) return false;
    this.#heededMs = nowMs;
    return true;
  }

  /** A controller without any revision does not lead while one that has some is there. */
  #isEmptyBesideOthers(): boolean {
    const { member, membership } = this.#parts;
    if (member.position().sequence > 0) return false;
    return membership.standbys().some(({ position }) => position.sequence > 0);
  }

  async #contend(): Promise<number> {
    const { member } = this.#parts;
    const { bus, random } = member.parts;
    const { lease, head } = await member.hear(bus.state());
    member.seenLease = lease;
    this.#sight.seeLease(lease, member.nowMs());
    this.#sight.seeHead(head, member.nowMs());
    if (lease?.holder === member.holder) this.#replaces = lease.term;
    else if (lease !== undefined) {
      this.#hasLed = false;
      this.#freeSinceMs = undefined;
      return Math.min(standbyMs, lease.remainingMs + random.below(100));
    }
    this.#freeSinceMs ??= member.nowMs();
    if (this.#mustWait(head) || this.#isEmptyBesideOthers()) return retryMs;
    const isLeading = await member.gate.run(() => this.#take(lease));
    return isLeading ? limits.leaseRenewMs : retryMs + random.below(100);
  }

  #mustWait(head: Head | undefined): boolean {
    const { member, membership } = this.#parts;
    const nowMs = member.nowMs();
    const own = member.position();
    const ahead = head?.position ?? startPosition;
    // With more revisions under an older term, too: the bus would refuse the first word.
    if (ahead.sequence > own.sequence || (ahead.sequence > 0 && isAfter(ahead, own))) return true;
    // Whoever led until a moment ago has the most: nobody can have led since.
    if (this.#hasLed && nowMs < this.#ledUntilMs) return false;
    // On a bus that has gone back, and on one that was out of reach and may have, heartbeats come
    // first: they tell who has the most. Even where it shows this process's own lease: while it was
    // another, another may have led there.
    const knowsMs = Math.min(this.#sight.sameForMs(nowMs), member.busAnswersForMs());
    if (knowsMs < 2 * limits.heartbeatMs) return true;
    // Who has more may take the lead first, the one with most before all. Their time does not run while
    // the bus is away.
    const freeMs = nowMs - (this.#freeSinceMs ?? nowMs);
    return Math.min(freeMs, knowsMs) < membership.turnsBefore(own) * limits.deferMs;
  }

  /** Takes the lease and says the first word; true when this process then leads. */
  async #take(seen: LeaseView | undefined): Promise<boolean> {
    const { member, follower } = this.#parts;
    const { bus, store, url } = member.parts;
    // Changes of an earlier term may still be on their way out.
    await member.drain();
    const position = member.position();
    const sentMs = member.nowMs();
    const reply = await member.hear(
      bus.lead({
        holder: member.holder,
        url,
        knownTerm: this.#knownTerm(seen),
        position,
        ...(this.#replaces === undefined ? {} : { replaces: this.#replaces }),
        ttlMs: limits.leaseMs,
      }),
    );
    if (reply.outcome === 'held') this.#parts.member.seenLease = reply.lease;
    if (reply.outcome !== 'led') return false;
    const lease = { holder: member.holder, term: reply.term };
    this.#replaces = lease.term;
    store.knowTerm(lease.term);
    if (!(await this.#assume(lease, position))) return false;
    this.#replaces = undefined;
    this.#lease = lease;
    this.#parts.member.seenLease = { ...lease, url, remainingMs: limits.leaseMs };
    this.#hasLed = true;
    this.#ledUntilMs = sentMs + limits.leaseMs;
    this.#freeSinceMs = undefined;
    this.#sight.seeLease(lease, sentMs);
    this.#sight.seeHead({ position: member.position() }, sentMs);
    follower.pause();
    const confirmed = { position: member.position(), hash: store.digest() };
    this.#parts.log.begin(lease, sentMs, confirmed);
    const fields = { term: lease.term, revision: position.sequence, bus: reply.head?.position };
    member.parts.log.info(fields, `leads the cluster under term ${lease.term}`);
    this.#parts.onLeading(lease);
    return true;
  }

  async #assume(lease: Lease, position: Position): Promise<boolean> {
    const { member } = this.#parts;
    const { bus, store } = member.parts;
    const { term, holder } = lease;
    const number = position.sequence;
    const hash = store.digest();
    const bytes = member.envelope.seal('log', { kind: 'term', term, number, hash, holder });
    const entry = { position: { term, sequence: number }, bytes };
    const reply = await member.hear(bus.assume(lease, entry, hash));
    if (reply.outcome !== 'done') return false;
    store.confirmTerm(term);
    return true;
  }

  #knownTerm(seen: LeaseView | undefined): number {
    const known = this.#parts.member.parts.store.knownTerm();
    return Math.max(known, seen?.term ?? 0, this.#replaces ?? 0);
  }

  /** Stops leading; resolves when no change of this term is under way any more. */
  async #stepDown(): Promise<void> {
    const { member, log, follower } = this.#parts;
    log.end();
    if (this.#lease === undefined) return;
    this.#lease = undefined;
    this.#freeSinceMs = undefined;
    this.#parts.onLeading(undefined);
    await member.drain();
    log.drained();
    follower.resume();
  }
}
