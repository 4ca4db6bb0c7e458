import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { errorText, MeridianError } from '../base/errors.ts';
import { makeFolder } from '../base/make-folder.ts';
import { applicationId, migrations } from './schema.ts';

/** An open database that no other process can open until `close`. */
export interface OpenDatabase {
  readonly database: DatabaseSync;
  /** Reads all of the file; throws `E_STORE_CORRUPT` when it is not whole. */
  check(): void;
  close(): void;
}

/*
 * A data directory:
 *
 *   meridian.db (-wal, -shm)   the database
 *   meridian.lock              an empty database that the process holding the directory has locked;
 *                              the lock is the kernel's and goes with the process, however it ends
 *   meridian.pid               who holds it, for messages; also says that a database was once made,
 *                              so that a lost one is never taken for a first start
 */

/**
 * Opens the database of a data directory, making both where there is none. Throws `E_STORE_LOCKED`,
 * `E_STORE_CORRUPT`, `E_STORE_VERSION` or `E_STORE_WRITE`; then nothing was changed. Whether the file
 * is whole is looked at before, or `later`, when the caller says `check()`: it takes half a second for
 * a million records.
 */
export function openDatabase(folder: string, whole: 'now' | 'later' = 'now'): OpenDatabase {
  const file = join(folder, 'meridian.db');
  const pidFile = join(folder, 'meridian.pid');
  const lock = lockFolder(folder, pidFile);
  let database: DatabaseSync | undefined;
  try {
    refuseLostDatabase(file, pidFile);
    database = new DatabaseSync(file, { enableForeignKeyConstraints: true, timeout: 5000 });
    checkOrigin(database, file);
    if (whole === 'now') checkWhole(database, file);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    migrate(database, file);
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch (error) {
    database?.close();
    lock.close();
    throw error instanceof MeridianError ? error : storeError(error, file);
  }
  const open = database;
  return {
    database: open,
    check: () => checkWhole(open, file),
    close() {
      if (!open.isOpen) return;
      open.close();
      lock.close();
    },
  };
}

/** Turns what SQLite threw into an error that says what to do. */
export function storeError(error: unknown, file: string): MeridianError {
  const text = errorText(error);
  const code = (error as { errcode?: number }).errcode ?? 0;
  // SQLITE_CORRUPT 11, SQLITE_NOTADB 26; the low byte is the primary result code.
  if ((code & 0xff) === 11 || (code & 0xff) === 26) return corrupt(file, text, error);
  const message = `${text}; make room on the disk or allow this user to write there`;
  return new MeridianError({ code: 'E_STORE_WRITE', message, where: file }, { cause: error });
}

function corrupt(file: string, what: string, cause?: unknown): MeridianError {
  const message =
    `the database cannot be trusted: ${what}; put a backup of the data directory in its place, or ` +
    'move the directory away and start anew from the zones folder (nothing was changed)';
  return new MeridianError({ code: 'E_STORE_CORRUPT', message, where: file }, { cause });
}

function lockFolder(folder: string, pidFile: string): DatabaseSync {
  const file = join(folder, 'meridian.lock');
  let lock: DatabaseSync | undefined;
  try {
    makeDataFolder(folder);
    lock = new DatabaseSync(file, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    if (error instanceof MeridianError) throw error;
    if (((error as { errcode?: number }).errcode ?? 0) !== 5) throw storeError(error, file);
    const holder = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim() : 'not known yet';
    const message =
      `the data directory is in use by another Meridian (pid ${holder}); stop that one, talk to it ` +
      'through its API, or choose another directory with --data';
    throw new MeridianError({ code: 'E_STORE_LOCKED', message, where: folder }, { cause: error });
  }
}

/** Makes a folder that is this user's alone, and those above it. */
function makeDataFolder(folder: string): void {
  try {
    // Another process that starts at the same time may be faster; the lock decides between the two.
    makeFolder(folder, 0o700);
    if (statSync(folder).isDirectory()) return;
  } catch (error) {
    const message =
      `the data directory cannot be made: ${errorText(error)}; allow this user to write there, or ` +
      'choose another directory with --data';
    throw new MeridianError({ code: 'E_STORE_WRITE', message, where: folder }, { cause: error });
  }
  const message = 'this is a file; name a directory with --data';
  throw new MeridianError({ code: 'E_STORE_WRITE', message, where: folder });
}

function refuseLostDatabase(file: string, pidFile: string): void {
  if (!existsSync(pidFile) || (existsSync(file) && statSync(file).size > 0)) return;
  const message =
    `the directory held a database, but it is gone or empty; put a backup in its place, or remove ` +
    `${pidFile} to begin with an empty one`;
  throw new MeridianError({ code: 'E_STORE_CORRUPT', message, where: file });
}

function checkOrigin(database: DatabaseSync, file: string): void {
  const fresh = pragma(database, 'schema_version') === 0;
  if (!fresh && pragma(database, 'application_id') !== applicationId) {
    throw corrupt(file, 'it was not written by Meridian');
  }
}

function checkWhole(database: DatabaseSync, file: string): void {
  const result = database.prepare('PRAGMA quick_check(3)').all();
  const found = result.map((row) => String(Object.values(row)[0]));
  if (found.length !== 1 || found[0] !== 'ok')
    throw corrupt(file, found.join(', ').replace(/\s*\n\s*/g, ', '));
}

function migrate(database: DatabaseSync, file: string): void {
  const taken = pragma(database, 'user_version');
  if (taken > migrations.length) {
    const message =
      `the database has format ${taken}, and this Meridian knows ${migrations.length}; ` +
      'run the version that wrote it, or a newer one';
    throw new MeridianError({ code: 'E_STORE_VERSION', message, where: file });
  }
  if (taken === migrations.length) return;
  database.exec('BEGIN IMMEDIATE');
  for (const step of migrations.slice(taken)) database.exec(step);
  database.exec(`PRAGMA application_id = ${applicationId}`);
  database.exec(`PRAGMA user_version = ${migrations.length}`);
  database.exec('COMMIT');
}

function pragma(database: DatabaseSync, name: string): number {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return Number(row?.[name]);
}
