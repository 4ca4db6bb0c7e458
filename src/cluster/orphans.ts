import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '../base/limits.ts';
import type { ReplicatedRevision } from '../control/replication.ts';
import type { Store } from '../store/store.ts';
import type { OrphanKeeper } from './cluster-types.ts';

/**
 * Keeps revisions as `orphaned/revision-N-term-T.json` in a data folder, on disk when `keep` returns;
 * the same one again replaces its file. Throws what the file system throws.
 */
export function orphanFolder(dataFolder: string): OrphanKeeper {
  const folder = join(dataFolder, 'orphaned');
  return {
    keep(revision) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const file = join(folder, `revision-${revision.number}-term-${revision.term}.json`);
      const descriptor = openSync(`${file}.new`, 'w', 0o600);
      try {
        writeSync(descriptor, `${JSON.stringify(revision, undefined, 2)}\n`);
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      renameSync(`${file}.new`, file);
      syncFolder(folder);
    },
  };
}

/** What a snapshot says of the history that it stands for. */
export interface SnapshotHistory {
  readonly latest: number;
  readonly digest: string;
  readonly history: readonly ReplicatedRevision[];
}

/**
 * Revisions of a store that a snapshot's history does not have, oldest first, at most
 * `limits.orphanedRevisions` of the newest. `isCertain` is false when the history does not reach back
 * to any of the store's revisions: then they may be the cluster's all the same.
 */
export function orphansOf(
  store: Pick<Store, 'latest' | 'revision' | 'replicated' | 'digest'>,
  { latest, digest, history }: SnapshotHistory,
): { readonly orphans: readonly ReplicatedRevision[]; readonly isCertain: boolean } {
  const hashes = new Map([[latest, digest]]);
  for (const { number, hash, previousHash } of history) {
    hashes.set(number, hash);
    hashes.set(number - 1, previousHash);
  }
  const orphans: ReplicatedRevision[] = [];
  for (let number = store.latest(); number > 0; number--) {
    const own = store.revision(number);
    // Revision and hash agree: so does all that went before.
    if (own === undefined || hashes.get(number) === own.hash) return found(orphans, true);
    const isUnknown = number < latest && !hashes.has(number);
    if (isUnknown && orphans.length === 0) return uncertain(store, number);
    if (orphans.length >= limits.orphanedRevisions) break;
    const whole = store.replicated(number);
    if (whole !== undefined) orphans.push(whole);
  }
  return found(orphans, true);
}

/** The newest few of revisions that nothing can be said about. */
function uncertain(store: Pick<Store, 'replicated'>, latest: number) {
  const orphans: ReplicatedRevision[] = [];
  for (let number = latest; number > latest - uncertainRevisions; number--) {
    const whole = store.replicated(number);
    if (whole === undefined) break;
    orphans.push(whole);
  }
  return found(orphans, false);
}

const uncertainRevisions = 20;

function found(newestFirst: ReplicatedRevision[], isCertain: boolean) {
  return { orphans: newestFirst.reverse(), isCertain };
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
