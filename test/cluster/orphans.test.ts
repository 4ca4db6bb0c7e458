import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { orphanFolder, orphansOf } from '../../src/cluster/orphans.ts';
import type { ReplicatedRevision } from '../../src/control/replication.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { commitBodies } from '../store/replica-contract.ts';

/** A store with revisions whose bodies are these. */
function storeOf(...bodies: readonly string[]): MemoryStore {
  const store = new MemoryStore();
  for (const body of bodies) commitBodies(store, { a: body }, { term: 1 });
  return store;
}

/** What a snapshot of a store says, with its history from a revision on. */
function snapshotOf(store: MemoryStore, from: number) {
  const history: ReplicatedRevision[] = [];
  for (let number = from; number <= store.latest(); number++) {
    history.push(store.replicated(number) ?? assert.fail());
  }
  return { latest: store.latest(), digest: store.digest(), history };
}

const numbersOf = (own: MemoryStore, cluster: MemoryStore, from: number) => {
  const { orphans, isCertain } = orphansOf(own, snapshotOf(cluster, from));
  return [orphans.map(({ number }) => number), isCertain];
};

test('orphansOf() finds the revisions after the last that both have', () => {
  assert.deepEqual(numbersOf(storeOf('1', '2', 'x', 'y'), storeOf('1', '2', '3', '4'), 1), [
    [3, 4],
    true,
  ]);
  assert.deepEqual(numbersOf(storeOf('1', '2', 'x', 'y', 'z'), storeOf('1', '2', '3'), 3), [
    [3, 4, 5],
    true,
  ]);
  assert.deepEqual(numbersOf(storeOf('1', '2'), storeOf('1', '2', '3'), 1), [[], true]);
  assert.deepEqual(numbersOf(storeOf('1', '2', '3', 'x'), storeOf('1', '2', '3'), 4), [[4], true]);
  assert.deepEqual(numbersOf(storeOf('x', 'y'), storeOf('1', '2', '3'), 1), [[1, 2], true]);
  assert.deepEqual(numbersOf(storeOf(), storeOf('1', '2', '3'), 1), [[], true]);
});

test('orphansOf() says when nothing can be compared', () => {
  const long = storeOf('1', '2', '3', '4', '5', '6');
  assert.deepEqual(numbersOf(storeOf('1', '2'), long, 5), [[1, 2], false]);
  assert.deepEqual(numbersOf(storeOf('1', '2', '3', '4'), long, 5), [[], true]);
});

test('orphanFolder() keeps each revision as a file that only its owner reads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-orphans-'));
  try {
    const keeper = orphanFolder(folder);
    const revision = storeOf('1', '2').replicated(2) ?? assert.fail();
    keeper.keep(revision);
    keeper.keep(revision);
    assert.deepEqual(readdirSync(join(folder, 'orphaned')), ['revision-2-term-1.json']);
    const file = join(folder, 'orphaned', 'revision-2-term-1.json');
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), revision);
    assert.equal(statSync(file).mode & 0o077, 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
