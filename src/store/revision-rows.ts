import type { DatabaseSync } from 'node:sqlite';
import type { ObjectChange, ObjectKind } from '../control/change.ts';
import type { ReplicatedRevision } from '../control/replication.ts';
import { changeBlocks, readChangeBlock } from './chain.ts';

/** Adds a revision and its changes; `blocks` are those of its changes. */
export function addRevision(
  database: DatabaseSync,
  revision: Omit<ReplicatedRevision, 'previousHash'>,
  blocks: readonly string[] = changeBlocks(revision.changes),
): void {
  const { number, at, actor, summary, hash, term } = revision;
  database
    .prepare(
      'INSERT INTO revisions (number, at, actor, summary, hash, term) VALUES (?, ?, ?, ?, ?, ?)',
    )
    .run(number, at, actor, summary, hash, term);
  const insert = database.prepare(
    'INSERT INTO change_blocks (revision, position, lines) VALUES (?, ?, ?)',
  );
  for (const [position, lines] of blocks.entries()) insert.run(number, position, lines);
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
