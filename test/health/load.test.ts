import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshLoad, loadFreshMs, loadSmoothingMs, stepLoad } from '../../src/health/load.ts';

test('stepLoad() takes the first report as it is', () => {
  assert.deepEqual(stepLoad(undefined, 70, 5), { load: 70, atMs: 5 });
});

test('stepLoad() follows a step to 63 % after the smoothing time, however often it is told', () => {
  let often = stepLoad(undefined, 0, 0);
  for (let at = 100; at <= loadSmoothingMs; at += 100) often = stepLoad(often, 100, at);
  const once = stepLoad(stepLoad(undefined, 0, 0), 100, loadSmoothingMs);
  assert.ok(Math.abs(once.load - 63.2) < 0.1);
  assert.ok(Math.abs(often.load - once.load) < 1e-6);
});

test('stepLoad() starts anew after a silence', () => {
  const old = stepLoad(undefined, 1000, 0);
  assert.equal(stepLoad(old, 10, loadFreshMs).load, 10);
});

test('freshLoad() knows nothing once reports have ceased', () => {
  const state = stepLoad(undefined, 10, 0);
  assert.equal(freshLoad(state, loadFreshMs - 1), 10);
  assert.equal(freshLoad(state, loadFreshMs), undefined);
  assert.equal(freshLoad(undefined, 0), undefined);
});
