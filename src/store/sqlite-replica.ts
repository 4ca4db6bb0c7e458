import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { baseOf } from './memory-store.ts';
import { addRevision } from './revision-rows.ts';
import { objectsOf, readContent } from './sqlite-objects.ts';
import type {
  Replacement,
  ReplacementHead,
  StoredAnswer,
  StoredObject,
  StoreView,
} from './store.ts';

/**
 * A view of a store's file through a connection of its own, whose read transaction stays at this
 * moment (WAL) while the store goes on. Answers given before `oldestEpochMs` are left out.
 */
export function openStoreView(file: string, oldestEpochMs: number): StoreView {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
  const one = (sql: string) => database.prepare(sql).get() ?? {};
  try {
    database.exec('BEGIN');
    const replica = one('SELECT term, base_number, base_hash FROM replica');
    const newest = one('SELECT number, hash FROM revisions ORDER BY number DESC LIMIT 1');
    return {
      latest: Number(newest['number'] ?? replica['base_number']),
      digest: String(newest['hash'] ?? replica['base_hash']),
      term: Number(replica['term']),
      objects: () => objectsOf(readContent(database)),
      *answers() {
        const sql = 'SELECT key, response, epoch_ms FROM answers WHERE epoch_ms >= ?';
        for (const row of database.prepare(sql).iterate(oldestEpochMs)) {
          const { key, response, epoch_ms: epochMs } = row;
          yield { key: String(key), response: String(response), epochMs: Number(epochMs) };
        }
      },
      close: () => database.close(),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Drops what a replacement had gathered when the process ended. */
export function dropLeftovers(database: DatabaseSync): void {
  database.exec('DROP TABLE IF EXISTS next_objects; DROP TABLE IF EXISTS next_answers;');
}

/** New content that is gathered in tables beside the ones in use, which `finish` drops for them. */
export class SqliteReplacement implements Replacement {
  readonly #database: DatabaseSync;
  readonly #transaction: (work: () => void) => void;

  /** `transaction` runs work all or nothing, on disk when it returns. */
  constructor(database: DatabaseSync, transaction: (work: () => void) => void) {
    this.#database = database;
    this.#transaction = transaction;
    transaction(() => {
      dropLeftovers(database);
      database.exec(`
        CREATE TABLE next_objects (
          kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, revision INTEGER NOT NULL,
          PRIMARY KEY (kind, id)
        ) STRICT;
        CREATE TABLE next_answers (
          key TEXT PRIMARY KEY, response TEXT NOT NULL, epoch_ms INTEGER NOT NULL
        ) STRICT;`);
    });
  }

  addObjects(objects: readonly StoredObject[]): void {
    const sql =
      'INSERT OR REPLACE INTO next_objects (kind, id, body, revision) VALUES (?, ?, ?, ?)';
    this.#insert(
      sql,
      objects.map(({ kind, id, body, revision }) => [kind, id, body, revision]),
    );
  }

  addAnswers(answers: readonly StoredAnswer[]): void {
    const sql = 'INSERT OR REPLACE INTO next_answers (key, response, epoch_ms) VALUES (?, ?, ?)';
    this.#insert(
      sql,
      answers.map(({ key, response, epochMs }) => [key, response, epochMs]),
    );
  }

  finish(head: ReplacementHead): void {
    const base = baseOf(head);
    this.#transaction(() => {
      const continues = this.#hashOf(base.number) === base.hash;
      const from = continues ? base.number : -1;
      this.#run('DELETE FROM change_blocks WHERE revision > ?', from);
      this.#run('DELETE FROM changes WHERE revision > ?', from);
      this.#run('DELETE FROM revisions WHERE number > ?', from);
      if (!continues) {
        this.#run('UPDATE replica SET base_number = ?, base_hash = ?', base.number, base.hash);
      }
      for (const revision of head.history) addRevision(this.#database, revision);
      this.#database.exec(`
        DROP TABLE objects;
        DELETE FROM object_blocks;
        DELETE FROM gone_objects;
        ALTER TABLE next_objects RENAME TO objects;
        DELETE FROM answers;
        INSERT INTO answers (key, response, epoch_ms) SELECT key, response, epoch_ms FROM next_answers;
        DROP TABLE next_answers;
        DELETE FROM undo;`);
      const { term } = head;
      const sql =
        'UPDATE replica SET undoable = 0, term = max(term, ?), known_term = max(known_term, ?)';
      this.#run(sql, term, term);
    });
  }

  abandon(): void {
    this.#transaction(() => dropLeftovers(this.#database));
  }

  #insert(sql: string, rows: readonly (readonly SQLInputValue[])[]): void {
    const statement = this.#database.prepare(sql);
    this.#transaction(() => {
      for (const row of rows) statement.run(...row);
    });
  }

  #hashOf(number: number): string | undefined {
    const sql =
      'SELECT hash FROM revisions WHERE number = ?1 ' +
      'UNION ALL SELECT base_hash FROM replica WHERE base_number = ?1';
    const row = this.#database.prepare(sql).get(number);
    return row === undefined ? undefined : String(row['hash']);
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#database.prepare(sql).run(...values);
  }
}
