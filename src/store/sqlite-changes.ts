import type { StatementSync } from 'node:sqlite';
import type { ObjectChange, ObjectKind } from '../control/change.ts';
import { readChangeBlock } from './chain.ts';

type Prepare = (sql: string) => StatementSync;

/** The changes of a revision, in their order: in blocks, or one by one as older versions wrote them. */
export function readChanges(prepare: Prepare, revision: number): ObjectChange[] {
  const blocks = prepare(
    'SELECT lines FROM change_blocks WHERE revision = ? ORDER BY position',
  ).all(revision);
  if (blocks.length > 0) return blocks.flatMap((row) => readChangeBlock(String(row['lines'])));
  const sql = 'SELECT kind, id, before, after FROM changes WHERE revision = ? ORDER BY position';
  return prepare(sql)
    .all(revision)
    .map((row) => ({
      kind: String(row['kind']) as ObjectKind,
      id: String(row['id']),
      before: row['before'] === null ? null : String(row['before']),
      after: row['after'] === null ? null : String(row['after']),
    }));
}

/** About how many characters a revision's changes hold, counted up to `most` and a block more. */
export function countChangeChars(prepare: Prepare, revision: number, most: number): number {
  let chars = 0;
  const blocks = prepare(
    'SELECT length(lines) AS chars FROM change_blocks WHERE revision = ? ORDER BY position',
  ).iterate(revision);
  for (const row of blocks) {
    chars += Number(row['chars']);
    if (chars > most) break;
  }
  if (chars > 0) return chars;
  const sql =
    "SELECT total(length(coalesce(before, '')) + length(coalesce(after, '')) + 64) AS chars " +
    'FROM (SELECT before, after FROM changes WHERE revision = ? LIMIT ?)';
  return Number(prepare(sql).get(revision, Math.floor(most / 64) + 1)?.['chars']);
}
