import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCluster } from './cluster/cluster-world.ts';
import { runSeeds, seedToReplay, summaryOf } from './engine/run-seeds.ts';

const replay = seedToReplay();
const from = replay ?? 1;
const count = replay === undefined ? 710 : 1;

test('a cluster under faults loses nothing, has one history, and heals', async (t) => {
  const run = await runSeeds('cluster', runCluster, from, count);
  t.diagnostic(summaryOf(run));
  if (replay !== undefined) return;
  const acknowledged = run.results.reduce((sum, one) => sum + one.acknowledged, 0);
  const terms = run.results.reduce((sum, one) => sum + one.terms, 0);
  t.diagnostic(`${acknowledged} changes were acknowledged under ${terms} terms`);
  assert.ok(acknowledged > 10 * count, 'clients come through');
  assert.ok(terms > 1.5 * count, 'leaders change');
});

test('a cluster is as well after a quarter of an hour of faults', {
  skip: replay !== undefined,
}, async (t) => {
  const run = await runSeeds('cluster', runCluster, 1, 6, 15);
  t.diagnostic(summaryOf(run));
  for (const { terms } of run.results) assert.ok(terms > 5, 'leaders change again and again');
});
