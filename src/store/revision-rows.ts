import type { DatabaseSync } from 'node:sqlite';
import type { ObjectChange, ObjectKind } from '../control/change.ts';
import type { ReplicatedRevision } from '../control/replication.ts';
import { beginChainHash, changeBlocks, readChangeBlock } from './chain.ts';
import type { NewObjects } from './store.ts';

/** Adds a revision that has its hash, and its changes. */
export function addRevision(
  database: DatabaseSync,
  revision: Omit<ReplicatedRevision, 'previousHash'>,
): void {
  addHead(database, revision);
  const insert = database.prepare(
    'INSERT INTO change_blocks (revision, position, lines) VALUES (?, ?, ?)',
  );
  for (const [position, lines] of changeBlocks(revision.changes).entries()) {
    insert.run(revision.number, position, lines);
  }
}

/**
 * Adds a revision and its changes, those that make new objects behind the others; `added` is told
 * where each block of these stands. Returns the hash that chains it to the one before.
 */
export function chainRevision(
  database: DatabaseSync,
  previousHash: string,
  revision: Omit<ReplicatedRevision, 'previousHash' | 'hash'>,
  newObjects: Iterable<NewObjects>,
  added: (position: number, objects: NewObjects) => void,
): string {
  const { number } = revision;
  addHead(database, { ...revision, hash: '' });
  const hasher = beginChainHash(previousHash, revision);
  const insert = database.prepare(
    'INSERT INTO change_blocks (revision, position, lines) VALUES (?, ?, CAST(? AS TEXT))',
  );
  let position = 0;
  for (const lines of changeBlocks(revision.changes)) {
    hasher.update(lines);
    insert.run(number, position++, lines);
  }
  for (const objects of newObjects) {
    hasher.update(objects.lines);
    insert.run(number, position, objects.lines);
    added(position++, objects);
  }
  const hash = hasher.digest('hex');
  database.prepare('UPDATE revisions SET hash = ? WHERE number = ?').run(hash, number);
  return hash;
}

function addHead(
  database: DatabaseSync,
  { number, at, actor, summary, hash, term }: Omit<ReplicatedRevision, 'previousHash' | 'changes'>,
): void {
  database
    .prepare(
      'INSERT INTO revisions (number, at, actor, summary, hash, term) VALUES (?, ?, ?, ?, ?, ?)',
    )
    .run(number, at, actor, summary, hash, term);
}

/** The changes of a revision in their order, read as they are asked for. */
export function* readChanges(database: DatabaseSync, revision: number): Iterable<ObjectChange> {
  const blocks = database.prepare(
    'SELECT lines FROM change_blocks WHERE revision = ? ORDER BY position',
  );
  for (const row of blocks.iterate(revision)) yield* readChangeBlock(String(row['lines']));
  // Revisions that an older version made; none is in both tables.
  const rows = database.prepare(
    'SELECT kind, id, before, after FROM changes WHERE revision = ? ORDER BY position',
  );
  for (const row of rows.iterate(revision)) {
    yield {
      kind: String(row['kind']) as ObjectKind,
      id: String(row['id']),
      before: row['before'] === null ? null : String(row['before']),
      after: row['after'] === null ? null : String(row['after']),
    };
  }
}
