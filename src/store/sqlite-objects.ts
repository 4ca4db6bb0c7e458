import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ObjectChange, ObjectKind } from '../control/change.ts';
import { BlockIndex } from './block-index.ts';
import { readChangeLine } from './chain.ts';
import type { NewObjects, StoredBlock, StoredObject } from './store.ts';

/*
 * Objects stand in rows, or in the change blocks that made them:
 *
 *   objects        1 zone a.test.  2 rrset …              6 rrset …  (in the place of a block's second)
 *   object_blocks            ┌ 5 │ 6 │ 7 │ … ┐            each object has the number of a row
 *   gone_objects                       7                  was in a block, and is no more
 *
 * A million rows with their index take seconds to write and to read; as 2,000 blocks they are in the
 * database with the revision that made them. A row counts in the place of a block's object.
 */

/** One object from a row with kind, id, body and revision. */
export function toObject(row: Record<string, unknown>): StoredObject {
  return {
    kind: String(row['kind']) as ObjectKind,
    id: String(row['id']),
    body: String(row['body']),
    revision: Number(row['revision']),
  };
}

/** What a database holds, in the order in which it was first written. */
export function* readContent(database: DatabaseSync): Generator<StoredObject | StoredBlock> {
  const gone = new Set<number>();
  for (const row of database.prepare('SELECT row FROM gone_objects').iterate()) {
    gone.add(Number(row['row']));
  }
  const rows = database
    .prepare('SELECT rowid AS row, kind, id, body, revision FROM objects ORDER BY rowid')
    .iterate();
  const blocks = database
    .prepare(
      'SELECT first_row, objects, b.revision, lines FROM object_blocks b JOIN change_blocks c ' +
        'ON c.revision = b.revision AND c.position = b.position ORDER BY first_row',
    )
    .iterate();
  let next = rows.next();
  for (const block of blocks) {
    const first = Number(block['first_row']);
    const end = first + Number(block['objects']);
    const replaced = new Map<number, StoredObject | null>();
    for (; !next.done && Number(next.value['row']) < end; next = rows.next()) {
      const row = Number(next.value['row']);
      if (row < first) yield toObject(next.value);
      else replaced.set(row - first, toObject(next.value));
    }
    if (gone.size > 0) {
      for (let row = first; row < end; row++) if (gone.has(row)) replaced.set(row - first, null);
    }
    yield { revision: Number(block['revision']), lines: String(block['lines']), replaced };
  }
  for (; !next.done; next = rows.next()) yield toObject(next.value);
}

/** The objects of stored content, one by one. */
export function* objectsOf(content: Iterable<StoredObject | StoredBlock>): Generator<StoredObject> {
  for (const part of content) {
    if (!('lines' in part)) {
      yield part;
      continue;
    }
    for (const [index, line] of part.lines.trimEnd().split('\n').entries()) {
      const object = part.replaced.get(index);
      if (object !== undefined) {
        if (object !== null) yield object;
        continue;
      }
      const { kind, id, after } = readChangeLine(line);
      yield { kind, id, body: after ?? '', revision: part.revision };
    }
  }
}

/** The objects of one database, changed within the caller's transactions. */
export class SqliteObjects {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Undefined until it is needed, and after every change of blocks. */
  #index: BlockIndex | undefined;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  find(kind: ObjectKind, id: string): StoredObject | undefined {
    const sql = 'SELECT kind, id, body, revision FROM objects WHERE kind = ? AND id = ?';
    const row = this.#sql(sql).get(kind, id);
    if (row !== undefined) return toObject(row);
    const found = this.#blocks().find(kind, id);
    return found === undefined || this.#isGone(found.row) ? undefined : found.object;
  }

  /** Makes the objects as the changes of a revision have them. */
  write(revision: number, changes: readonly ObjectChange[]): void {
    const remove = this.#sql('DELETE FROM objects WHERE kind = ? AND id = ?');
    const blocks = this.#blocks();
    if (blocks.count === 0) {
      const put = this.#sql(
        'INSERT INTO objects (kind, id, body, revision) VALUES (?, ?, ?, ?) ON CONFLICT (kind, id) ' +
          'DO UPDATE SET body = excluded.body, revision = excluded.revision',
      );
      for (const { kind, id, after } of changes) {
        if (after === null) remove.run(kind, id);
        else put.run(kind, id, after, revision);
      }
      return;
    }
    const note = this.#sql('INSERT OR IGNORE INTO gone_objects (row, revision) VALUES (?, ?)');
    for (const { kind, id, after } of changes) {
      if (after !== null) {
        this.#put(revision, kind, id, after);
        continue;
      }
      remove.run(kind, id);
      const found = blocks.find(kind, id);
      if (found !== undefined) note.run(found.row, revision);
    }
  }

  /** Adds objects that are not there yet and whose lines are a change block of their revision. */
  addBlock(revision: number, position: number, { count, hashes }: NewObjects): void {
    const sql =
      'INSERT INTO object_blocks (first_row, objects, revision, position, hashes) VALUES (?, ?, ?, ?, ?)';
    this.#index = undefined;
    const octets = new Uint8Array(hashes.buffer, hashes.byteOffset, hashes.byteLength);
    this.#sql(sql).run(this.#nextRow(), count, revision, position, octets);
  }

  /** Keeps the rows that a revision is about to change, so that `undo` can bring them back. */
  keepForUndo(changes: readonly ObjectChange[]): void {
    const keep = this.#sql(
      'INSERT OR IGNORE INTO undo (row, kind, id, body, revision) ' +
        'SELECT rowid, kind, id, body, revision FROM objects WHERE kind = ? AND id = ?',
    );
    for (const { kind, id } of changes) keep.run(kind, id);
  }

  /** Takes back what a revision made of the objects; its rows of before are in `undo`. */
  undo(revision: number, changes: Iterable<ObjectChange>): void {
    const remove = this.#sql('DELETE FROM objects WHERE kind = ? AND id = ?');
    for (const { kind, id } of changes) remove.run(kind, id);
    this.#sql(
      'INSERT INTO objects (rowid, kind, id, body, revision) SELECT row, kind, id, body, revision FROM undo',
    ).run();
    this.#sql('DELETE FROM object_blocks WHERE revision = ?').run(revision);
    this.#sql('DELETE FROM gone_objects WHERE revision = ?').run(revision);
    this.forget();
  }

  /** Forgets what is known of the blocks: they were changed elsewhere, or a transaction failed. */
  forget(): void {
    this.#index = undefined;
  }

  #put(revision: number, kind: ObjectKind, id: string, body: string): void {
    const update = this.#sql('UPDATE objects SET body = ?, revision = ? WHERE kind = ? AND id = ?');
    if (update.run(body, revision, kind, id).changes > 0) return;
    const found = this.#blocks().find(kind, id);
    const row = found === undefined || this.#isGone(found.row) ? this.#nextRow() : found.row;
    const sql = 'INSERT INTO objects (rowid, kind, id, body, revision) VALUES (?, ?, ?, ?, ?)';
    this.#sql(sql).run(row, kind, id, body, revision);
  }

  /** Behind all rows, those included that blocks stand for. */
  #nextRow(): number {
    const sql =
      'SELECT max((SELECT coalesce(max(rowid), 0) FROM objects), (SELECT coalesce(' +
      'max(first_row + objects - 1), 0) FROM object_blocks WHERE first_row = ' +
      '(SELECT max(first_row) FROM object_blocks))) + 1 AS next';
    return Number(this.#sql(sql).get()?.['next']);
  }

  #isGone(row: number): boolean {
    return this.#sql('SELECT 1 FROM gone_objects WHERE row = ?').get(row) !== undefined;
  }

  #blocks(): BlockIndex {
    this.#index ??= new BlockIndex(this.#database);
    return this.#index;
  }

  #sql(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
