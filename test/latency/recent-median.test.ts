import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import {
  RecentMedian,
  sampleHalfLifeMs,
  samplesPerSeries,
} from '../../src/latency/recent-median.ts';

test('RecentMedian reads the median of what was added', () => {
  const median = new RecentMedian();
  for (const ms of [90, 10, 50, 40, 60]) median.add(ms, 1, 0);
  assert.deepEqual(median.read(0), { ms: 50, samples: 5 });
});

test('RecentMedian does not mind outliers in less than half of the samples', () => {
  const median = new RecentMedian();
  for (let index = 0; index < 11; index++) median.add(50 + index / 10, 1, 0);
  for (let index = 0; index < 9; index++) median.add(9000, 1, 0);
  assert.ok(median.read(0).ms < 52);
});

test('RecentMedian does not let one large report outvote many small ones', () => {
  const median = new RecentMedian();
  for (let index = 0; index < 20; index++) median.add(50, 1, 0);
  median.add(400, 1_000_000, 0);
  assert.equal(median.read(0).ms, 50);
});

test('RecentMedian follows a change of the path within its memory', () => {
  const median = new RecentMedian();
  const random = new Random(1);
  for (let index = 0; index < 100; index++) median.add(50 + random.below(5), 1, index);
  for (let index = 0; index < samplesPerSeries; index++) median.add(120 + random.below(5), 1, 200);
  assert.ok(median.read(200).ms >= 120);
});

test('RecentMedian halves the weight and the count of a sample with each half-life', () => {
  const median = new RecentMedian();
  for (let index = 0; index < 8; index++) median.add(100, 1, 0);
  assert.equal(median.read(sampleHalfLifeMs).samples, 4);
  for (let index = 0; index < 5; index++) median.add(30, 1, sampleHalfLifeMs);
  assert.equal(median.read(sampleHalfLifeMs).ms, 30, 'five fresh ones outweigh eight old ones');
});

test('RecentMedian of nothing is not a number with no samples', () => {
  assert.deepEqual(new RecentMedian().read(0), { ms: Number.NaN, samples: 0 });
});
