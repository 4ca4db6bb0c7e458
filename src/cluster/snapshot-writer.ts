import { errorText } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Lease } from './bus.ts';
import type { LeaderLog } from './leader-log.ts';
import type { Member } from './member.ts';
import type { SnapshotManifest } from './messages.ts';
import { formatPosition } from './position.ts';
import { writeSnapshot } from './snapshot.ts';

const lookMs = 1000;
const retryMs = 5000;
/** However many ask for one. */
const wantedMs = 2000;

/**
 * Writes the leader's snapshots: one at take-over, one every `limits.snapshotEveryRevisions`, one after
 * `limits.snapshotEveryMs` in which something changed, and one after a very large revision or when a
 * follower asks for one.
 */
export class SnapshotWriter {
  readonly #member: Member;
  readonly #log: LeaderLog;

  constructor(member: Member, log: LeaderLog) {
    this.#member = member;
    this.#log = log;
  }

  /** Runs as long as this lease is the log's. */
  async run(lease: Lease): Promise<void> {
    const { pauses, parts } = this.#member;
    let written: { revision: number; atMs: number; wanted: number } | undefined;
    const leads = () => this.#log.holds(lease);
    while (leads() && !pauses.isClosed) {
      const wanted = this.#log.snapshotsWanted;
      const since = parts.store.latest() - (written?.revision ?? 0);
      const ageMs = this.#member.nowMs() - (written?.atMs ?? 0);
      const isDue =
        written === undefined ||
        since >= limits.snapshotEveryRevisions ||
        (wanted > written.wanted && ageMs >= wantedMs) ||
        (since > 0 && ageMs >= limits.snapshotEveryMs);
      if (!isDue) {
        await pauses.sleep(lookMs);
        continue;
      }
      try {
        const revision = await this.#write(lease);
        if (revision === undefined) return;
        written = { revision, atMs: this.#member.nowMs(), wanted };
      } catch (error) {
        if (pauses.isClosed || !leads()) return;
        const text = errorText(error);
        parts.log.warn(
          { error: text },
          `a snapshot could not be written and is tried again: ${text}`,
        );
        await pauses.sleep(retryMs);
      }
    }
  }

  /** Writes one; gives back its revision, or undefined when this process no longer leads. */
  async #write(lease: Lease): Promise<number | undefined> {
    const member = this.#member;
    const { bus, store, random, log } = member.parts;
    // A revision that is stored but not in the log yet might be taken back.
    const view = await member.replica.exclusively(() => store.view());
    try {
      const position = { term: lease.term, sequence: view.latest };
      const group = `snapshot-${formatPosition(position)}-${random.uint32()}`;
      const startMs = member.nowMs();
      const body = await writeSnapshot(bus, group, view, store);
      const manifest: SnapshotManifest = { ...body, position };
      const bytes = member.envelope.seal('snapshot', manifest);
      const reply = await member.hear(bus.announce(lease, { position, group, manifest: bytes }));
      if (reply.outcome === 'fenced') return undefined;
      const fields = {
        ...position,
        objects: body.objects,
        ms: Math.round(member.nowMs() - startMs),
      };
      if (reply.outcome === 'done') log.info(fields, 'a snapshot was written to the bus');
      return view.latest;
    } finally {
      view.close();
    }
  }
}
