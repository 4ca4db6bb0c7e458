import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { MeridianError } from '../../src/base/errors.ts';
import { chainHash, chainStart } from '../../src/store/chain.ts';
import { applicationId, migrations } from '../../src/store/schema.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { host, hosts } from './hosts.ts';
import { commitBodies, contentOf, replicaContract } from './replica-contract.ts';
import { storeContract } from './store-contract.ts';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-store-'));
  folders.push(folder);
  return folder;
}

function commit(store: Store, body: string): void {
  store.commit(store.latest(), {
    at: '2026-01-02T03:04:05.000Z',
    actor: 'tester',
    summary: 'test',
    changes: [{ kind: 'region', id: 'a', before: null, after: body }],
  });
}

const failsWith = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof MeridianError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, text);
  return true;
};

storeContract('SqliteStore', (now) => openSqliteStore(newFolder(), now));
replicaContract('SqliteStore', (now) => openSqliteStore(newFolder(), now));

test('saveHealth() does not wait for the disk, and what is committed after it does', (t) => {
  const store = openSqliteStore(newFolder());
  t.after(() => store.close());
  const exec = t.mock.method(DatabaseSync.prototype, 'exec');
  const waits = () => {
    const said = exec.mock.calls.map(({ arguments: [sql] }) => sql);
    exec.mock.resetCalls();
    return said.filter((sql) => /^(COMMIT|ROLLBACK|PRAGMA synchronous)/.test(sql));
  };
  store.saveHealth({ version: 1, atEpochMs: 1, down: [] });
  const relaxed = ['PRAGMA synchronous = NORMAL', 'COMMIT', 'PRAGMA synchronous = FULL'];
  assert.deepEqual(waits(), relaxed);
  commit(store, 'first');
  assert.deepEqual(waits(), ['COMMIT']);
  assert.throws(() => store.saveHealth({ atEpochMs: 2n } as never));
  assert.deepEqual(waits(), [relaxed[0], 'ROLLBACK', relaxed[2]]);
});

test('openSqliteStore() finds everything again after close()', () => {
  const folder = newFolder();
  const store = openSqliteStore(folder);
  commit(store, '{"n":1}');
  commit(store, '{"n":2}');
  store.close();
  const again = openSqliteStore(folder);
  assert.equal(again.latest(), 2);
  assert.equal(again.object('region', 'a')?.body, '{"n":2}');
  assert.equal(again.verify(), undefined);
  again.close();
});

test('openSqliteStore() finds new objects and what became of them after close()', () => {
  const folder = newFolder();
  const store = openSqliteStore(folder);
  const head = { at: '2026-01-02T03:04:05.000Z', actor: 'tester', summary: 'test' };
  store.commit(0, { ...head, changes: [], ...hosts(0, 1200) });
  store.commit(1, { ...head, changes: [host(3, '{"n":1}'), host(1100, null)] });
  const before = contentOf(store);
  store.close();
  const again = openSqliteStore(folder);
  assert.deepEqual(contentOf(again), before);
  assert.equal(again.object('rrset', host(3, null).id)?.revision, 2);
  assert.equal(again.object('rrset', host(1100, null).id), undefined);
  assert.equal(again.object('rrset', host(1199, null).id)?.revision, 1);
  assert.equal(again.verify(), undefined);
  again.close();
});

test('openSqliteStore() refuses a directory that is in use and names the process', () => {
  const folder = newFolder();
  const store = openSqliteStore(folder);
  assert.throws(
    () => openSqliteStore(folder),
    failsWith('E_STORE_LOCKED', new RegExp(`pid ${process.pid}\\b`)),
  );
  commit(store, '{}');
  store.close();
  openSqliteStore(folder).close();
});

test('openSqliteStore() refuses a file that is no database', () => {
  const folder = newFolder();
  writeFileSync(join(folder, 'meridian.db'), 'these are not the bytes of a database'.repeat(100));
  assert.throws(() => openSqliteStore(folder), failsWith('E_STORE_CORRUPT', /backup/));
});

test('openSqliteStore() refuses the database of another program', () => {
  const folder = newFolder();
  const other = new DatabaseSync(join(folder, 'meridian.db'));
  other.exec('CREATE TABLE customers (name TEXT)');
  other.close();
  assert.throws(() => openSqliteStore(folder), failsWith('E_STORE_CORRUPT', /not written by/));
});

test('openSqliteStore() refuses a damaged database and leaves it as it is', () => {
  const folder = newFolder();
  const file = join(folder, 'meridian.db');
  const store = openSqliteStore(folder);
  for (let n = 0; n < 50; n++) commit(store, JSON.stringify({ n, padding: 'y'.repeat(2000) }));
  store.close();
  const bytes = readFileSync(file);
  bytes.fill(0xa5, 4096, bytes.length - 4096);
  writeFileSync(file, bytes);
  assert.throws(() => openSqliteStore(folder), failsWith('E_STORE_CORRUPT', /nothing was changed/));
  assert.deepEqual(readFileSync(file), bytes);
});

test('openSqliteStore() never takes a lost database for a first start', () => {
  const folder = newFolder();
  const store = openSqliteStore(folder);
  commit(store, '{}');
  store.close();
  truncateSync(join(folder, 'meridian.db'), 0);
  assert.throws(() => openSqliteStore(folder), failsWith('E_STORE_CORRUPT', /gone or empty/));
  rmSync(join(folder, 'meridian.db'));
  assert.throws(() => openSqliteStore(folder), failsWith('E_STORE_CORRUPT', /gone or empty/));
  rmSync(join(folder, 'meridian.pid'));
  const fresh = openSqliteStore(folder);
  assert.equal(fresh.latest(), 0);
  fresh.close();
});

test('openSqliteStore() refuses a database of a newer format', () => {
  const folder = newFolder();
  openSqliteStore(folder).close();
  const database = new DatabaseSync(join(folder, 'meridian.db'));
  database.exec('PRAGMA user_version = 99');
  database.close();
  assert.throws(() => openSqliteStore(folder), failsWith('E_STORE_VERSION', /format 99/));
});

test('openSqliteStore() reads what a database of the first format says of its revisions', () => {
  const folder = newFolder();
  const change = { kind: 'region', id: 'a', before: null, after: '{"n":1}' } as const;
  const head = { number: 1, at: '2026-01-02T03:04:05.000Z', actor: 'tester', summary: 'test' };
  const database = new DatabaseSync(join(folder, 'meridian.db'));
  database.exec(migrations[0] ?? '');
  database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = 1`);
  const hash = chainHash(chainStart, { ...head, changes: [change] });
  database
    .prepare('INSERT INTO revisions VALUES (?, ?, ?, ?, ?)')
    .run(1, head.at, head.actor, head.summary, hash);
  database
    .prepare('INSERT INTO changes VALUES (1, 0, ?, ?, NULL, ?)')
    .run(change.kind, change.id, change.after);
  database
    .prepare('INSERT INTO objects VALUES (?, ?, ?, 1)')
    .run(change.kind, change.id, change.after);
  database.close();
  const store = openSqliteStore(folder);
  assert.deepEqual(store.revision(1)?.changes, [change]);
  store.commit(1, { ...head, changes: [{ ...change, before: change.after, after: '{"n":2}' }] });
  assert.equal(store.revision(2)?.changes[0]?.after, '{"n":2}');
  assert.equal(store.verify(), undefined);
  store.close();
});

test('openSqliteStore() takes over a database from before there were clusters', () => {
  const folder = newFolder();
  const old = new DatabaseSync(join(folder, 'meridian.db'));
  old.exec(migrations[0] ?? '');
  old.exec(`PRAGMA application_id = ${0x4d52444e}; PRAGMA user_version = 1`);
  const fresh = openSqliteStore(newFolder());
  commitBodies(fresh, { a: '1', b: '1', c: '1' });
  commitBodies(fresh, { a: null, c: '2' });
  for (const { number, at, actor, summary, hash, changes } of [1, 2].map(
    (n) => fresh.revision(n)!,
  )) {
    const add = 'INSERT INTO revisions (number, at, actor, summary, hash) VALUES (?, ?, ?, ?, ?)';
    old.prepare(add).run(number, at, actor, summary, hash);
    for (const [position, { kind, id, before, after }] of changes.entries()) {
      old
        .prepare('INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?)')
        .run(number, position, kind, id, before, after);
    }
  }
  // Rows in another order than their names', with a hole.
  old.exec(`INSERT INTO objects (rowid, kind, id, body, revision)
    VALUES (2, 'region', 'b', '1', 1), (7, 'region', 'c', '2', 2)`);
  old.close();
  const store = openSqliteStore(folder);
  assert.deepEqual(contentOf(store), contentOf(fresh));
  assert.equal(store.verify(), undefined);
  fresh.close();
  store.close();
});

test('a replacement is all there or not at all after kill -9', async () => {
  const script = join(import.meta.dirname, 'replace-forever.ts');
  for (const lifeMs of [20, 70, 120]) {
    const folder = newFolder();
    const child = spawn(process.execPath, [script, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), lifeMs));
    await exited;
    const store = openSqliteStore(folder);
    const bodies = new Set([...store.objects()].map(({ body }) => body));
    assert.deepEqual([...bodies], [String(store.latest())]);
    assert.equal([...store.objects()].length, 2000);
    assert.equal(store.verify(), undefined);
    store.close();
  }
});

test('verify() finds the revision that somebody edited', () => {
  for (const [edit, bad] of [
    [`UPDATE change_blocks SET lines = replace(lines, '2', '9') WHERE revision = 2`, 2],
    [`UPDATE revisions SET actor = 'nobody' WHERE number = 3`, 3],
    ['DELETE FROM change_blocks WHERE revision = 1', 1],
    [`UPDATE objects SET body = '{"n":9}'`, 4],
    ['DELETE FROM objects', 4],
  ] as const) {
    const folder = newFolder();
    const store = openSqliteStore(folder);
    for (let n = 1; n <= 4; n++) commit(store, `{"n":${n}}`);
    store.close();
    const database = new DatabaseSync(join(folder, 'meridian.db'));
    database.exec(edit);
    database.close();
    const again = openSqliteStore(folder);
    assert.equal(again.verify(), bad, edit);
    again.close();
  }
});

test('the data directory and those made above it are for their owner alone', () => {
  const above = join(newFolder(), 'above');
  const folder = join(above, 'data');
  openSqliteStore(folder).close();
  for (const path of [above, folder]) assert.equal(statSync(path).mode & 0o077, 0);
});

test('openSqliteStore() says why a directory cannot be made, and how to choose another', () => {
  const file = join(newFolder(), 'file');
  writeFileSync(file, 'mine');
  assert.throws(() => openSqliteStore(file), failsWith('E_STORE_WRITE', /a file; .*--data/));
  const below = failsWith('E_STORE_WRITE', /file\/data: .*ENOTDIR.*--data/);
  assert.throws(() => openSqliteStore(join(file, 'data')), below);
  assert.equal(readFileSync(file, 'utf8'), 'mine');
});

test('openSqliteStore() returns where the system lets nobody make folders', {
  skip: process.platform === 'linux' ? false : 'needs /proc',
}, () => {
  const failure = failsWith('E_STORE_WRITE', /mkdir '\/proc\/meridian'.*--data/);
  assert.throws(() => openSqliteStore('/proc/meridian/data'), failure);
});

test('every acknowledged commit is there after kill -9', async () => {
  const folder = newFolder();
  let acknowledged = 0;
  for (const lifeMs of [30, 90, 160]) {
    const script = join(import.meta.dirname, 'commit-forever.ts');
    const child = spawn(process.execPath, [script, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => {
      // The life begins with the first commit, however long the start took.
      if (printed === '') setTimeout(() => child.kill('SIGKILL'), lifeMs);
      printed += chunk.toString();
    });
    const drained = once(child.stdout, 'close');
    const [, signal] = (await exited) as [number | null, string | null];
    await drained;
    assert.equal(signal, 'SIGKILL');
    const lines = printed.split('\n').slice(0, -1);
    acknowledged = Number(lines.at(-1));
    const store = openSqliteStore(folder);
    assert.ok(store.latest() >= acknowledged, `${store.latest()} of ${acknowledged}`);
    // One commit may have landed without its acknowledgement; more than one cannot.
    assert.ok(store.latest() <= acknowledged + 1);
    assert.equal(store.verify(), undefined);
    const body = JSON.parse(store.object('region', 'counter')?.body ?? '') as { count: number };
    assert.equal(body.count, store.latest());
    store.close();
  }
  assert.ok(acknowledged > 3);
});
