import { limits } from '../base/limits.ts';
import type { ReplicatedRevision } from '../control/replication.ts';
import { chainHash } from '../store/chain.ts';
import type { Replacement, Store, StoredAnswer, StoredObject, StoreView } from '../store/store.ts';
import type { Bus } from './bus.ts';
import { ChunkWriter, readChunks } from './chunks.ts';
import type { SnapshotManifest } from './messages.ts';

/*
 * The lines of a snapshot:
 *
 *   ["revision", revision]                 the newest revisions, oldest first, as far as they are small
 *   ["answer", key, response, epochMs]     answers to requests with an idempotency key
 *   ["object", kind, id, body, revision]   every object, in the order in which they first came
 *
 * They are written from a view of the store and read into a replacement beside it, a chunk at a time:
 * neither side ever holds all of them.
 */

type Line =
  | readonly ['revision', ReplicatedRevision]
  | readonly ['answer', string, string, number]
  | readonly ['object', StoredObject['kind'], string, string, number];

/** Writes a view of a store into chunks; rejects with the bus's error. The view stays open. */
export async function writeSnapshot(
  bus: Bus,
  group: string,
  view: StoreView,
  store: Pick<Store, 'replicated' | 'changeChars'>,
): Promise<Omit<SnapshotManifest, 'position'>> {
  const writer = new ChunkWriter(bus, group);
  const add = (line: Line) => writer.add(line);
  for (const revision of newestRevisions(view, store)) await add(['revision', revision]);
  let answers = 0;
  for (const { key, response, epochMs } of view.answers()) {
    if (++answers > limits.snapshotAnswers) break;
    await add(['answer', key, response, epochMs]);
  }
  let objects = 0;
  for (const { kind, id, body, revision } of view.objects()) {
    await add(['object', kind, id, body, revision]);
    objects += 1;
  }
  return { kind: 'snapshot', hash: view.digest, objects, chunks: await writer.finish() };
}

/** The newest revisions, oldest first, within `limits.snapshotRevisions` and `snapshotHistoryBytes`. */
function newestRevisions(
  view: StoreView,
  store: Pick<Store, 'replicated' | 'changeChars'>,
): readonly ReplicatedRevision[] {
  const found: ReplicatedRevision[] = [];
  let chars = 0;
  for (let number = view.latest; found.length < limits.snapshotRevisions; number--) {
    chars += 500 + store.changeChars(number, limits.snapshotHistoryBytes);
    if (chars > limits.snapshotHistoryBytes) break;
    const revision = store.replicated(number);
    if (revision === undefined) break;
    found.push(revision);
  }
  return found.reverse();
}

/** What a snapshot does not say as it should: it is signed, so it was written by another version. */
export class SnapshotUnreadable extends Error {}

/**
 * Reads a snapshot into a replacement of the store's content and gives back its revisions. Throws
 * ChunkMissing, BusError, SnapshotUnreadable; the caller then abandons the replacement.
 */
export async function readSnapshot(
  bus: Bus,
  manifest: SnapshotManifest,
  replacement: Replacement,
): Promise<readonly ReplicatedRevision[]> {
  const history: ReplicatedRevision[] = [];
  let count = 0;
  for await (const lines of readChunks(bus, manifest.chunks)) {
    const objects: StoredObject[] = [];
    const answers: StoredAnswer[] = [];
    for (const line of lines as Line[]) {
      if (line[0] === 'object') {
        const [, kind, id, body, revision] = line;
        objects.push({ kind, id, body, revision });
      } else if (line[0] === 'answer') {
        const [, key, response, epochMs] = line;
        answers.push({ key, response, epochMs });
      } else if (line[0] === 'revision') history.push(line[1]);
    }
    count += objects.length;
    replacement.addObjects(objects);
    replacement.addAnswers(answers);
  }
  if (count !== manifest.objects) {
    throw new SnapshotUnreadable(`${count} objects are there, ${manifest.objects} should be`);
  }
  checkHistory(history, manifest);
  return history;
}

function checkHistory(history: readonly ReplicatedRevision[], manifest: SnapshotManifest): void {
  let next = manifest.position.sequence - history.length + 1;
  for (const [index, revision] of history.entries()) {
    const before = history[index - 1];
    const follows =
      revision.number === next &&
      (before === undefined || before.hash === revision.previousHash) &&
      chainHash(revision.previousHash, revision) === revision.hash;
    if (!follows) throw new SnapshotUnreadable(`revision ${revision.number} breaks the chain`);
    next += 1;
  }
  const newest = history.at(-1);
  if (newest !== undefined && newest.hash !== manifest.hash) {
    throw new SnapshotUnreadable('the newest revision is not the one that is signed');
  }
}
