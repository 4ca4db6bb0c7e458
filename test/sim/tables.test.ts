import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSeeds, seedToReplay, summaryOf } from './engine/run-seeds.ts';
import { runTables } from './tables/tables-world.ts';

const replay = seedToReplay();
const from = replay ?? 1;
const count = replay === undefined ? 40 : 1;

test('live tables under faults only go forward, are the same everywhere, and heal', async (t) => {
  const run = await runSeeds('tables', runTables, from, count);
  t.diagnostic(summaryOf(run));
  if (replay !== undefined) return;
  const alone = run.results.reduce((sum, one) => sum + one.alone, 0);
  const terms = run.results.reduce((sum, one) => sum + one.terms, 0);
  const detections = run.results.flatMap((one) => one.detections);
  const inTime = detections.filter(({ tookMs, promisedMs }) => tookMs <= promisedMs);
  t.diagnostic(
    `${inTime.length} of ${detections.length} VIPs out everywhere within interval × fall + 1 s`,
  );
  assert.ok(alone > count / 10, 'members judge alone');
  assert.ok(terms > 1.5 * count, 'leaders change');
});

test('live tables are as well after a quarter of an hour of faults', {
  skip: replay !== undefined,
}, async (t) => {
  const run = await runSeeds('tables', runTables, 1, 1, 15);
  t.diagnostic(summaryOf(run));
  for (const { terms } of run.results) assert.ok(terms > 5, 'leaders change again and again');
});
