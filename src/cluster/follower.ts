import { errorText } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { ReplicatedRevision } from '../control/replication.ts';
import { chainHash } from '../store/chain.ts';
import { BusError, type LogEntry } from './bus.ts';
import { ChunkMissing, readChunks } from './chunks.ts';
import { writeAck } from './leader-log.ts';
import type { Member } from './member.ts';
import type { Membership } from './membership.ts';
import type { LogMessage, RevisionMessage, SnapshotManifest } from './messages.ts';
import { orphansOf } from './orphans.ts';
import { formatPosition, isAfter } from './position.ts';
import { readSnapshot } from './snapshot.ts';

/** What became of an entry: taken, older than what is here, or not what comes next. */
type Taken = 'taken' | 'old' | 'gap';

const retryMs = 500;

/**
 * Keeps the store where the cluster is: takes the entries of the log as they come, and a snapshot where
 * entries are missing or the store has gone another way. Never goes back.
 */
export class Follower {
  readonly #member: Member;
  readonly #membership: Membership;
  #isPaused = false;
  /** What was refused last, of the log and of snapshots. */
  readonly #refused = new Map<'entry' | 'snapshot', string>();
  #endPause: (() => void) | undefined;

  constructor(member: Member, membership: Membership) {
    this.#member = member;
    this.#membership = membership;
  }

  /** Stops taking anything in: this process leads. Called inside the member's gate. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#endPause?.();
  }

  /** Runs until the member's pauses are closed. */
  async run(): Promise<void> {
    const { pauses, parts } = this.#member;
    while (!pauses.isClosed) {
      if (this.#isPaused) {
        await pauses.sleep(limits.busWaitMs, (end) => {
          this.#endPause = end;
        });
        continue;
      }
      try {
        if (!(await this.#step())) await pauses.sleep(retryMs);
      } catch (error) {
        if (pauses.isClosed) return;
        const text = errorText(error);
        const message = `the log could not be followed: ${text}`;
        if (error instanceof BusError) parts.log.debug({ error: text }, message);
        else parts.log.error({ error: text }, message);
        await pauses.sleep(retryMs);
      }
    }
  }

  /** Takes what there is, or waits for it; false when there is nothing to do but to wait. */
  async #step(): Promise<boolean> {
    const { bus } = this.#member.parts;
    const after = this.#member.position();
    const entries = await this.#member.hear(
      bus.entries(after, limits.busEntriesPerRead, limits.busWaitMs),
    );
    if (entries.length === 0) return this.#compareHead();
    const taken = await this.#member.gate.run(() => this.#takeAll(entries));
    if (taken !== 'gap') return true;
    return this.#closeGap();
  }

  /** Takes the snapshot that closes a gap; with none that does, asks the leader for one. */
  async #closeGap(): Promise<boolean> {
    const { parts, counters } = this.#member;
    counters.gaps += 1;
    if (await this.#takeSnapshot()) return true;
    const { term, sequence: number } = this.#member.position();
    const ask = writeAck(
      { id: parts.id, term, number, wantsSnapshot: true },
      this.#member.envelope,
    );
    await this.#member.hear(parts.bus.post('acks', ask));
    return false;
  }

  /** A head that is further on than the log's entries say calls for the snapshot. */
  async #compareHead(): Promise<boolean> {
    const { head, lease } = await this.#member.hear(this.#member.parts.bus.state());
    if (this.#member.parts.role === 'node') this.#member.seenLease = lease;
    if (head === undefined || !isAfter(head.position, this.#member.position())) return true;
    const { bus } = this.#member.parts;
    const entries = await this.#member.hear(bus.entries(this.#member.position(), 1, 0));
    return entries.length > 0 || this.#closeGap();
  }

  async #takeAll(entries: readonly LogEntry[]): Promise<Taken> {
    for (const entry of entries) {
      if (this.#isPaused || this.#member.pauses.isClosed) return 'old';
      if ((await this.#take(entry)) === 'gap') return 'gap';
    }
    return 'taken';
  }

  async #take(entry: LogEntry): Promise<Taken> {
    const { counters, envelope, parts } = this.#member;
    if (!isAfter(entry.position, this.#member.position())) {
      counters.stale += 1;
      return 'old';
    }
    const message = envelope.openLog(entry.position, entry.bytes);
    if (message === undefined) {
      this.#refuse('entry', `the entry ${formatPosition(entry.position)} of the log`);
      return 'gap';
    }
    if (!this.#isNext(message)) return 'gap';
    if (message.kind === 'term') {
      parts.store.confirmTerm(message.term);
      this.#moved();
      return 'taken';
    }
    const revision = await this.#revisionOf(message);
    if (revision === undefined) return 'gap';
    await this.#member.replica.follow(revision, () => this.#moved());
    return 'taken';
  }

  /** True when a message continues exactly what is here. */
  #isNext(message: LogMessage): boolean {
    const { store } = this.#member.parts;
    if (message.kind === 'term') {
      return message.number === store.latest() && message.hash === store.digest();
    }
    const { number, previousHash } = message.kind === 'revision' ? message.revision : message;
    return number === store.latest() + 1 && previousHash === store.digest();
  }

  /** The revision in a message; undefined when it is not whole, or its hash is wrong. */
  async #revisionOf(message: RevisionMessage): Promise<ReplicatedRevision | undefined> {
    let revision: ReplicatedRevision;
    if (message.kind === 'revision') revision = message.revision;
    else {
      const values: unknown[] = [];
      try {
        for await (const chunk of readChunks(this.#member.parts.bus, message.parts)) {
          for (const value of chunk) values.push(value);
        }
      } catch (error) {
        if (error instanceof ChunkMissing) return undefined;
        throw error;
      }
      const [head, ...changes] = values as [ReplicatedRevision, ...ReplicatedRevision['changes']];
      revision = { ...head, changes };
    }
    const { term, number } = message.kind === 'revision' ? message.revision : message;
    const isWhole =
      revision.number === number &&
      message.term === term &&
      chainHash(revision.previousHash, revision) === revision.hash;
    return isWhole ? { ...revision, term: message.term } : undefined;
  }

  #moved(): void {
    const { parts } = this.#member;
    this.#membership.touch();
    if (parts.role !== 'controller') return;
    const { term, sequence: number } = this.#member.position();
    const ack = writeAck({ id: parts.id, term, number }, this.#member.envelope);
    parts.bus.post('acks', ack).catch(() => undefined);
  }

  /** Puts the newest snapshot in the place of everything; false when there is none that is newer. */
  async #takeSnapshot(): Promise<boolean> {
    const { parts, envelope } = this.#member;
    const found = await this.#member.hear(parts.bus.snapshot());
    if (found === undefined) return false;
    const manifest = envelope.open('snapshot', found.manifest) as SnapshotManifest | undefined;
    if (manifest?.kind !== 'snapshot') {
      this.#refuse('snapshot', `the snapshot at ${formatPosition(found.position)}`);
      return false;
    }
    if (!this.#isAcceptable(manifest)) return false;
    const replacement = parts.store.replacement();
    try {
      const history = await readSnapshot(parts.bus, manifest, replacement);
      return await this.#member.gate.run(async () => {
        if (this.#isPaused || !this.#isAcceptable(manifest)) return false;
        const { position, hash: digest } = manifest;
        const head = { term: position.term, latest: position.sequence, digest, history };
        await this.#member.replica.replace(
          () => {
            this.#keepOrphans(head);
            replacement.finish(head);
          },
          () => this.#moved(),
        );
        parts.log.info({ ...position, objects: manifest.objects }, 'caught up by a snapshot');
        return true;
      });
    } catch (error) {
      const text = errorText(error);
      parts.log.warn(
        { error: text },
        `the snapshot could not be taken; it is tried again: ${text}`,
      );
      return false;
    } finally {
      replacement.abandon();
    }
  }

  /** Counts a message that the cluster did not sign, and says so once, not each time it is looked at. */
  #refuse(kind: 'entry' | 'snapshot', what: string): void {
    this.#member.counters.unsigned += 1;
    if (this.#refused.get(kind) === what) return;
    this.#refused.set(kind, what);
    const message = `${what} is not signed by this cluster; it is refused (see --cluster-key)`;
    this.#member.parts.log.error({}, message);
  }

  /** A snapshot must be newer, and an empty one never replaces a configuration. */
  #isAcceptable({ position }: SnapshotManifest): boolean {
    const own = this.#member.position();
    if (isAfter(position, own) && (position.sequence > 0 || own.sequence === 0)) return true;
    this.#member.counters.stale += 1;
    return false;
  }

  #keepOrphans(head: Parameters<typeof orphansOf>[1]): void {
    const { parts, counters } = this.#member;
    // Only a controller ever makes revisions of its own.
    if (parts.role !== 'controller') return;
    const { orphans, isCertain } = orphansOf(parts.store, head);
    for (const revision of orphans) {
      parts.orphans.keep(revision);
      counters.orphaned += 1;
      const fields = { revision: revision.number, term: revision.term, summary: revision.summary };
      if (isCertain) {
        const message =
          `revision ${revision.number} was made here and the cluster does not have it; it is kept ` +
          'in the folder "orphaned" of the data directory: make the change again where it is missed';
        parts.log.error(fields, message);
      } else {
        parts.log.warn(
          fields,
          'a revision could not be compared with the cluster; it is kept aside',
        );
      }
    }
  }
}
