import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mix32, Random } from '../../src/base/random.ts';

test('Random gives the same sequence for the same seed, and another for another', () => {
  const take = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 8 }, () => random.uint32());
  };
  assert.deepEqual(take(42), take(42));
  assert.notDeepEqual(take(42), take(43));
  // Seeds that are all zeros or negative must not get stuck.
  for (const seed of [0, -1, 2 ** 32]) assert.equal(new Set(take(seed)).size, 8);
});

test('Random.uint32(), fraction() and below() stay in their bounds and fill them evenly', () => {
  const random = new Random(7);
  const draws = 80_000;
  const counts = new Array<number>(8).fill(0);
  for (let draw = 0; draw < draws; draw += 1) {
    const word = random.uint32();
    assert.ok(Number.isInteger(word) && word >= 0 && word <= 0xffff_ffff);
    const fraction = random.fraction();
    assert.ok(fraction >= 0 && fraction < 1);
    const below = random.below(8);
    counts[below] = (counts[below] ?? 0) + 1;
  }
  // Six standard deviations: sqrt(80000 × 1/8 × 7/8) is 94.
  for (const count of counts) assert.ok(Math.abs(count - draws / 8) < 6 * 94, counts.join());
  assert.equal(counts.length, 8);
  assert.equal(new Random(1).below(1), 0);
});

test('mix32() is a bijection on what it is used for: no two small integers meet', () => {
  const seen = new Set<number>();
  for (let value = 0; value < 50_000; value += 1) seen.add(mix32(value));
  assert.equal(seen.size, 50_000);
  for (const value of seen) assert.ok(value >= 0 && value <= 0xffff_ffff);
});
