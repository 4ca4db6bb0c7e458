import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { MeridianError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { HealthSnapshot } from '../control/apply-health.ts';
import type { ObjectChange, ObjectKind, Revision } from '../control/change.ts';
import type { ReplicatedRevision } from '../control/replication.ts';
import { chainHash } from './chain.ts';
import { staleCommit } from './memory-store.ts';
import { type OpenDatabase, openDatabase, storeError } from './open-database.ts';
import { chainRevision, readChanges } from './revision-rows.ts';
import { objectsOf, readContent, SqliteObjects } from './sqlite-objects.ts';
import { dropLeftovers, openStoreView, SqliteReplacement } from './sqlite-replica.ts';
import type {
  Replacement,
  Store,
  StoredBlock,
  StoredObject,
  StoredToken,
  StoreView,
} from './store.ts';

/**
 * Opens the store in a data directory; made on first use. `now` gives milliseconds since 1970.
 * Throws `E_STORE_LOCKED` while another process has it, `E_STORE_CORRUPT` rather than start empty,
 * `E_STORE_VERSION`, `E_STORE_WRITE`.
 */
export function openSqliteStore(folder: string, now: () => number = Date.now): Store {
  return new SqliteStore(openDatabase(folder), join(folder, 'meridian.db'), now);
}

/** A store whose file is not known to be whole before `check()` has returned. */
export interface UncheckedStore extends Store {
  /** Throws `E_STORE_CORRUPT` when the file is not whole. */
  check(): void;
}

/**
 * Opens the store as `openSqliteStore` does, but leaves reading all of the file to `check`, which is
 * to be called before anything but `latest` and `digest` is asked of it.
 */
export function openSqliteStoreUnchecked(folder: string): UncheckedStore {
  return new SqliteStore(openDatabase(folder, 'later'), join(folder, 'meridian.db'), Date.now);
}

class SqliteStore implements UncheckedStore {
  readonly #open: OpenDatabase;
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #now: () => number;
  readonly #statements = new Map<string, StatementSync>();
  readonly #views = new Set<StoreView>();
  readonly #objects: SqliteObjects;

  constructor(open: OpenDatabase, file: string, now: () => number) {
    this.#open = open;
    this.#database = open.database;
    this.#objects = new SqliteObjects(open.database);
    this.#file = file;
    this.#now = now;
    this.#read(() => dropLeftovers(this.#database));
  }

  check(): void {
    this.#read(() => this.#open.check());
  }

  latest(): number {
    return this.#read(() => {
      const row = this.#sql('SELECT max(number) AS latest FROM revisions').get();
      return Number(row?.['latest'] ?? this.#replica().baseNumber);
    });
  }

  digest(): string {
    return this.#read(() => this.#hash(this.latest()));
  }

  term(): number {
    return this.#replica().term;
  }

  knownTerm(): number {
    return this.#replica().knownTerm;
  }

  confirmTerm(term: number): void {
    if (term <= this.term()) return;
    this.#transaction(() => this.#raiseTerm(term));
  }

  knowTerm(term: number): void {
    if (term <= this.knownTerm()) return;
    const sql = 'UPDATE replica SET known_term = max(known_term, ?)';
    this.#transaction(() => this.#sql(sql).run(term));
  }

  // Objects keep the order in which they were first written, as the maps of a configuration do.
  objects(): Iterable<StoredObject> {
    return objectsOf(this.content());
  }

  content(): Iterable<StoredObject | StoredBlock> {
    return readContent(this.#database);
  }

  object(kind: ObjectKind, id: string): StoredObject | undefined {
    return this.#objects.find(kind, id);
  }

  commit(expected: number, entry: Parameters<Store['commit']>[1]): Revision {
    return this.#transaction(() => {
      const latest = this.latest();
      if (expected !== latest) throw staleCommit(expected, latest);
      const { at, actor, summary, changes, term } = entry;
      const number = expected + 1;
      this.#makeUndoable(term === undefined ? undefined : number, changes);
      if (term !== undefined) this.#raiseTerm(term);
      this.#objects.write(number, changes);
      const head = { number, at, actor, summary, changes, term: term ?? 0 };
      const { newObjects = [] } = entry;
      const addBlock = this.#objects.addBlock.bind(this.#objects, number);
      const previous = this.#hash(expected);
      const hash = chainRevision(this.#database, previous, head, newObjects, addBlock);
      this.#remember(number, entry.idempotencyKey, entry.response);
      if (entry.newObjects === undefined) return { number, at, actor, summary, changes, hash };
      return this.#toRevision({ number, at, actor, summary, hash });
    });
  }

  undo(number: number): void {
    assert(number === this.latest(), `revision ${number} is not the newest`);
    assert(number === this.#replica().undoable, `revision ${number} cannot be undone`);
    this.#transaction(() => {
      this.#objects.undo(number, this.#changes(number));
      this.#sql('DELETE FROM change_blocks WHERE revision = ?').run(number);
      this.#sql('DELETE FROM revisions WHERE number = ?').run(number);
      this.#sql('DELETE FROM answers WHERE revision = ?').run(number);
      this.#makeUndoable(undefined, []);
    });
  }

  revision(number: number): Revision | undefined {
    const sql = 'SELECT number, at, actor, summary, hash FROM revisions WHERE number = ?';
    const row = this.#sql(sql).get(number);
    return row === undefined ? undefined : this.#toRevision(row);
  }

  replicated(number: number): ReplicatedRevision | undefined {
    const sql =
      'SELECT r.number, r.at, r.actor, r.summary, r.hash, r.term, a.key, a.response FROM revisions r ' +
      'LEFT JOIN answers a ON a.revision = r.number WHERE r.number = ?';
    const row = this.#sql(sql).get(number);
    if (row === undefined) return undefined;
    const revision = { ...this.#toRevision(row), changes: this.#changes(number) };
    const kept =
      row['key'] === null
        ? {}
        : { idempotencyKey: String(row['key']), response: String(row['response']) };
    const previousHash = this.#hash(number - 1);
    return { ...revision, term: Number(row['term']), previousHash, ...kept };
  }

  changeChars(number: number, most: number): number {
    let chars = 0;
    for (const { before, after } of readChanges(this.#database, number)) {
      chars += (before?.length ?? 0) + (after?.length ?? 0) + 64;
      if (chars > most) break;
    }
    return chars;
  }

  revisions(before: number, limit: number): readonly Revision[] {
    const sql =
      'SELECT number, at, actor, summary, hash FROM revisions WHERE number < ? ' +
      'ORDER BY number DESC LIMIT ?';
    const rows = this.#sql(sql).all(Math.min(before, Number.MAX_SAFE_INTEGER), Math.max(0, limit));
    return rows.map((row) => this.#toRevision(row));
  }

  remembered(idempotencyKey: string): string | undefined {
    const oldest = this.#now() - limits.idempotencyMs;
    const sql = 'SELECT response FROM answers WHERE key = ? AND epoch_ms >= ?';
    const row = this.#sql(sql).get(idempotencyKey, oldest);
    return row === undefined ? undefined : String(row['response']);
  }

  tokens(): readonly StoredToken[] {
    return this.#sql('SELECT * FROM tokens ORDER BY created_at, rowid')
      .all()
      .map((row) => ({
        id: String(row['id']),
        name: String(row['name']),
        hash: String(row['hash']),
        scopes: JSON.parse(String(row['scopes'])) as string[],
        expiresAt: row['expires_at'] === null ? null : String(row['expires_at']),
        createdAt: String(row['created_at']),
      }));
  }

  putToken(token: StoredToken): void {
    const { id, name, hash, scopes, expiresAt, createdAt } = token;
    const sql =
      'INSERT INTO tokens (id, name, hash, scopes, expires_at, created_at) VALUES (?, ?, ?, ?, ?, ?) ' +
      'ON CONFLICT (id) DO UPDATE SET name = excluded.name, hash = excluded.hash, ' +
      'scopes = excluded.scopes, expires_at = excluded.expires_at, created_at = excluded.created_at';
    this.#transaction(() =>
      this.#sql(sql).run(id, name, hash, JSON.stringify(scopes), expiresAt, createdAt),
    );
  }

  deleteToken(id: string): boolean {
    return this.#transaction(() => {
      return this.#sql('DELETE FROM tokens WHERE id = ?').run(id).changes > 0;
    });
  }

  loadHealth(): HealthSnapshot | undefined {
    const row = this.#sql('SELECT snapshot FROM health').get();
    if (row === undefined) return undefined;
    const snapshot = JSON.parse(String(row['snapshot'])) as { version: unknown };
    return snapshot.version === 1 ? (snapshot as HealthSnapshot) : undefined;
  }

  saveHealth(health: HealthSnapshot): void {
    const sql = 'INSERT OR REPLACE INTO health (one_row, snapshot) VALUES (1, ?)';
    // Whoever writes this each few seconds also follows health: a slow disk must not hold that up. After
    // a power cut the one before is there, and as old as it says.
    this.#database.exec('PRAGMA synchronous = NORMAL');
    try {
      this.#transaction(() => this.#sql(sql).run(JSON.stringify(health)));
    } finally {
      this.#database.exec('PRAGMA synchronous = FULL');
    }
  }

  view(): StoreView {
    const view = openStoreView(this.#file, this.#now() - limits.idempotencyMs);
    this.#views.add(view);
    return {
      ...view,
      close: () => {
        if (this.#views.delete(view)) view.close();
      },
    };
  }

  replacement(): Replacement {
    return new SqliteReplacement(this.#database, (work) => {
      this.#objects.forget();
      this.#transaction(work);
    });
  }

  verify(): number | undefined {
    const base = this.#replica();
    let previousHash = base.baseHash;
    const rows = this.#sql(
      'SELECT number, at, actor, summary, hash FROM revisions ORDER BY number',
    ).iterate();
    let next = base.baseNumber + 1;
    const lastWords = new Map<string, { revision: number; body: string }>();
    for (const row of rows) {
      const revision = this.#toRevision(row);
      const whole = revision.number === next && chainHash(previousHash, revision) === revision.hash;
      if (!whole) return next;
      for (const { kind, id, after } of revision.changes) {
        if (after === null) lastWords.delete(`${kind} ${id}`);
        else lastWords.set(`${kind} ${id}`, { revision: next, body: after });
      }
      previousHash = revision.hash;
      next += 1;
    }
    return this.#strayObject(lastWords, base.baseNumber);
  }

  close(): void {
    for (const view of this.#views) view.close();
    this.#views.clear();
    this.#statements.clear();
    this.#open.close();
  }

  /** The first revision whose last word on an object is not what the objects table holds. */
  #strayObject(
    lastWords: Map<string, { revision: number; body: string }>,
    baseNumber: number,
  ): number | undefined {
    const strays: number[] = [];
    for (const { kind, id, body, revision } of this.objects()) {
      const word = lastWords.get(`${kind} ${id}`);
      // The revisions that made the objects of a snapshot are not here.
      if (word === undefined && revision <= baseNumber) continue;
      if (word?.revision !== revision || word.body !== body)
        strays.push(word?.revision ?? revision);
      lastWords.delete(`${kind} ${id}`);
    }
    for (const { revision } of lastWords.values()) strays.push(revision);
    return strays.length === 0 ? undefined : strays.reduce((a, b) => Math.min(a, b));
  }

  /** Keeps the objects that a revision is about to change; undefined: it is never taken back. */
  #makeUndoable(number: number | undefined, changes: readonly ObjectChange[]): void {
    const { undoable } = this.#replica();
    if (number === undefined && undoable === 0) return;
    this.#sql('DELETE FROM undo').run();
    this.#sql('UPDATE replica SET undoable = ?').run(number ?? 0);
    if (number === undefined) return;
    this.#objects.keepForUndo(changes);
  }

  #raiseTerm(term: number): void {
    const sql = 'UPDATE replica SET term = max(term, ?1), known_term = max(known_term, ?1)';
    this.#sql(sql).run(term);
  }

  #replica() {
    const row = this.#sql('SELECT * FROM replica').get();
    return {
      term: Number(row?.['term']),
      knownTerm: Number(row?.['known_term']),
      baseNumber: Number(row?.['base_number']),
      baseHash: String(row?.['base_hash']),
      undoable: Number(row?.['undoable']),
    };
  }

  #remember(revision: number, key: string | undefined, response: string | undefined): void {
    const nowMs = this.#now();
    this.#sql('DELETE FROM answers WHERE epoch_ms < ?').run(nowMs - limits.idempotencyMs);
    if (key === undefined || response === undefined) return;
    const sql =
      'INSERT OR REPLACE INTO answers (key, response, epoch_ms, revision) VALUES (?, ?, ?, ?)';
    this.#sql(sql).run(key, response, nowMs, revision);
  }

  #hash(number: number): string {
    const row = this.#sql('SELECT hash FROM revisions WHERE number = ?').get(number);
    return row === undefined ? this.#replica().baseHash : String(row['hash']);
  }

  #toRevision(row: Record<string, unknown>): Revision {
    const number = Number(row['number']);
    const load = () => this.#changes(number);
    let loaded: readonly ObjectChange[] | undefined;
    return {
      number,
      at: String(row['at']),
      actor: String(row['actor']),
      summary: String(row['summary']),
      // A first import can hold a million changes; a list of revisions must not load them all.
      get changes() {
        loaded ??= load();
        return loaded;
      },
      hash: String(row['hash']),
    };
  }

  #changes(revision: number): ObjectChange[] {
    return [...readChanges(this.#database, revision)];
  }

  /** What is read before the file was checked may be damaged. */
  #read<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw error instanceof MeridianError ? error : storeError(error, this.#file);
    }
  }

  /** All or nothing, on disk when it returns (synchronous = FULL). */
  #transaction<T>(work: () => T): T {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      this.#objects.forget();
      throw error instanceof MeridianError ? error : storeError(error, this.#file);
    }
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
