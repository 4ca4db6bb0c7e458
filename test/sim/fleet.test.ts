import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSeeds, seedToReplay, summaryOf } from './engine/run-seeds.ts';
import { runFleet } from './fleet/fleet-world.ts';

const replay = seedToReplay();
const from = replay ?? 1;
const count = replay === undefined ? 1250 : 1;

test('a fleet under faults takes nothing out that it should not, and heals', async (t) => {
  const run = await runSeeds('fleet', runFleet, from, count);
  t.diagnostic(summaryOf(run));
  if (replay !== undefined) return;
  const detections = run.results.flat();
  const inTime = detections.filter(({ tookMs, promisedMs }) => tookMs <= promisedMs);
  const share = inTime.length / detections.length;
  t.diagnostic(`${inTime.length} of ${detections.length} deaths out within interval × fall + 1 s`);
  assert.ok(detections.length >= 200, 'enough deaths for a percentile');
  assert.ok(share >= 0.99, `a dead target is out in time at p99, not at ${share}`);
});

test('a fleet is as well after a quarter of an hour of faults', {
  skip: replay !== undefined,
}, async (t) => {
  const run = await runSeeds('fleet', runFleet, 1, 6, 15);
  t.diagnostic(summaryOf(run));
});
