import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { checkDataFolder } from '../../../src/cli/doctor/data-folder.ts';
import type { Finding } from '../../../src/cli/doctor/finding.ts';
import { openSqliteStore } from '../../../src/store/sqlite-store.ts';
import { folderOf } from '../harness.ts';

type Test = Parameters<typeof folderOf>[0];

function filledFolder(t: Test, revisions = 3): string {
  const folder = folderOf(t);
  const store = openSqliteStore(folder);
  for (let number = 0; number < revisions; number++) {
    const body = JSON.stringify({ place: 'aws:eu-west-1', dial: number });
    const change = { kind: 'region', id: 'eu', before: null, after: body } as const;
    store.commit(number, {
      at: '2026-01-31T00:00:00.000Z',
      actor: 'test',
      summary: 'test',
      changes: [change],
    });
  }
  store.close();
  return folder;
}

const texts = (findings: readonly Finding[]) =>
  findings.map(({ status, text }) => `${status} ${text}`).join('\n');

/** Names, sizes and times of a folder's files. */
function stateOf(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const { size, mtimeMs } = statSync(join(folder, name));
      return `${name} ${size} ${mtimeMs}`;
    });
}

test('checkDataFolder verifies the chain and changes nothing', (t) => {
  const folder = filledFolder(t);
  const before = stateOf(folder);
  const { findings, revisionMs } = checkDataFolder(folder);
  assert.match(texts(findings), /^ok .* hashes of 3 revisions form an unbroken chain$/m);
  assert.equal(revisionMs, Date.parse('2026-01-31T00:00:00.000Z'));
  assert.deepEqual(stateOf(folder), before);
});

test('checkDataFolder sees revisions that are still in the write-ahead log', (t) => {
  const folder = filledFolder(t, 1);
  // A process that was killed leaves its log behind: copied while the store is open.
  const store = openSqliteStore(folder);
  store.commit(1, { at: '2026-02-01T00:00:00.000Z', actor: 'x', summary: 'x', changes: [] });
  const killed = folderOf(t);
  for (const name of ['meridian.db', 'meridian.db-wal']) {
    writeFileSync(join(killed, name), readFileSync(join(folder, name)));
  }
  store.close();
  assert.match(texts(checkDataFolder(killed).findings), /of 2 revisions form an unbroken chain/);
});

test('checkDataFolder names the revision at which the chain is broken', (t) => {
  const folder = filledFolder(t);
  const database = new DatabaseSync(join(folder, 'meridian.db'));
  database.exec("UPDATE revisions SET actor = 'somebody else' WHERE number = 2");
  database.close();
  assert.match(texts(checkDataFolder(folder).findings), /^fail .* broken at revision 2$/m);
});

test('checkDataFolder fails a database that is none, and names the real file', (t) => {
  const folder = folderOf(t, { 'meridian.db': 'nonsense'.repeat(1000) });
  const found = texts(checkDataFolder(folder).findings);
  assert.match(found, new RegExp(`^fail ${join(folder, 'meridian.db')} cannot be read: `, 'm'));
  assert.doesNotMatch(found, /meridian-doctor-/);
});

test('checkDataFolder leaves the database of a running node alone and gives its pid', (t) => {
  const folder = filledFolder(t);
  const store = openSqliteStore(folder);
  try {
    const { findings, pid } = checkDataFolder(folder);
    assert.equal(pid, process.pid);
    assert.match(texts(findings), /^ok a Meridian \(pid \d+\) serves from /m);
  } finally {
    store.close();
  }
});

test('checkDataFolder accepts a folder that is still to be made, and refuses a file', (t) => {
  const folder = folderOf(t, { file: '' });
  const fresh = checkDataFolder(join(folder, 'a/b'));
  assert.match(texts(fresh.findings), /^ok .* may be written to \(the first start makes it\)$/m);
  assert.match(texts(checkDataFolder(join(folder, 'file')).findings), /^fail .* is no folder$/m);
});

test('checkDataFolder warns of a token that others may read', (t) => {
  const folder = filledFolder(t);
  const file = join(folder, 'admin.token');
  writeFileSync(file, 'x');
  chmodSync(file, 0o644);
  assert.match(texts(checkDataFolder(folder).findings), /^warn other users may read /m);
  chmodSync(file, 0o600);
  assert.doesNotMatch(texts(checkDataFolder(folder).findings), /other users/);
});
