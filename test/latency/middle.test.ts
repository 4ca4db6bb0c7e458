import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { middleOf } from '../../src/latency/middle.ts';

const of = (...pairs: [number, number][]) =>
  middleOf(pairs.map(([value, weight]) => ({ value, weight })));

test('middleOf() is the one value, the mean of two equal ones, the middle of three', () => {
  assert.equal(of([7, 0.2]), 7);
  assert.ok(Math.abs(of([10, 1], [20, 1]) - 15) < 1e-9);
  assert.ok(Math.abs(of([30, 1], [10, 1], [20, 1]) - 20) < 1e-9);
  assert.ok(Number.isNaN(of()));
});

test('middleOf() goes by weight, and moves with it without a jump', () => {
  assert.equal(of([10, 1], [20, 2]), 20);
  assert.equal(of([10, 2], [20, 1], [5, 1]), 10);
  let before = of([10, 1], [20, 0.01]);
  for (let weight = 0.02; weight < 4; weight += 0.01) {
    const now = of([10, 1], [20, weight]);
    assert.ok(now >= before && now - before < 0.5, `${before} ${now}`);
    before = now;
  }
});

test('middleOf() of three or more equal weights stays among the others whatever one says', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1, max: 100, noNaN: true }), { minLength: 2, maxLength: 9 }),
      fc.double({ min: 0.001, max: 1e6, noNaN: true }),
      (honest, lie) => {
        const found = middleOf([...honest, lie].map((value) => ({ value, weight: 1 })));
        const [low, high] = [Math.min(...honest), Math.max(...honest)];
        const slack = 1e-9 * high;
        assert.ok(found >= low - slack && found <= high + slack, `${found}`);
      },
    ),
  );
});
