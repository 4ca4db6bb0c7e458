import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Random } from '../../src/base/random.ts';
import {
  fading,
  fastHalfLifeMs,
  fullWeight,
  Sketches,
  slowHalfLifeMs,
} from '../../src/latency/sketches.ts';

test('Sketches.median() is within half a bin of the true median', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1, max: 10_000, noNaN: true }), { minLength: 1, maxLength: 200 }),
      (times) => {
        const sketches = new Sketches();
        for (const ms of times) sketches.add(0, ms, 1);
        const sorted = [...times].sort((a, b) => a - b);
        const low = sorted[Math.floor((sorted.length - 1) / 2)]!;
        const high = sorted[Math.ceil((sorted.length - 1) / 2)]!;
        const median = sketches.median(0);
        // One bin, since the true one may be anywhere in the bin where it lies.
        assert.ok(median >= low / 1.08 && median <= high * 1.08, `${median} of ${low} to ${high}`);
      },
    ),
  );
});

test('Sketches.median() of one time over and over is off by less than 4 %', () => {
  const sketches = new Sketches();
  for (const [slot, ms] of [0.4, 1.5, 7, 60, 333, 9999].entries()) {
    for (let time = 0; time < 20; time += 1) sketches.add(slot, ms, 1);
    const off = Math.abs(sketches.median(slot) - ms);
    assert.ok(ms < 1 ? off < 1 : off / ms < 0.04, `${sketches.median(slot)} of ${ms}`);
  }
});

test('Sketches.median() does not mind outliers in less than half of the weight', () => {
  const sketches = new Sketches();
  for (let index = 0; index < 11; index++) sketches.add(3, 50 + index / 10, 1);
  for (let index = 0; index < 9; index++) sketches.add(3, 9000, 1);
  assert.ok(sketches.median(3) < 54);
});

test('Sketches.median() of an empty slot is not a number, and slots do not touch each other', () => {
  const sketches = new Sketches();
  sketches.add(1023, 50, 1);
  sketches.add(1025, 70, 1);
  assert.ok(Number.isNaN(sketches.median(1024)));
  sketches.clear(1023);
  assert.ok(Number.isNaN(sketches.median(1023)));
  assert.ok(sketches.median(1025) > 65);
});

test('Sketches.age() follows a change of the path: within minutes where much is measured', () => {
  const sketches = new Sketches();
  const random = new Random(1);
  const second = (ms: number) => {
    for (let sample = 0; sample < 3; sample++) sketches.add(0, ms + random.below(5), 1);
    sketches.age(0, 1000);
  };
  for (let s = 0; s < 7200; s += 1) second(50);
  for (let s = 0; s < 540; s += 1) second(120);
  assert.ok(sketches.median(0) < 60, 'nine minutes are not half of what is remembered');
  for (let s = 0; s < 120; s += 1) second(120);
  assert.ok(sketches.median(0) > 110, `${sketches.median(0)}`);
});

test('fading() halves in ten minutes down to the full weight, then in six hours', () => {
  assert.equal(fading(4 * fullWeight, fastHalfLifeMs), 0.5);
  assert.equal(fading(2 * fullWeight, fastHalfLifeMs), 0.5);
  assert.equal(fading(fullWeight, slowHalfLifeMs), 0.5);
  assert.equal(fading(1, slowHalfLifeMs), 0.5);
  assert.equal(fading(2 * fullWeight, fastHalfLifeMs + slowHalfLifeMs), 0.25);
});

test('fading() is the same in one step and in two', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.01, max: 1e6, noNaN: true }),
      fc.double({ min: 0, max: 1e8, noNaN: true }),
      fc.double({ min: 0, max: 1e8, noNaN: true }),
      (weight, first, second) => {
        const once = fading(weight, first + second);
        const half = fading(weight, first);
        const twice = half * fading(weight * half, second);
        assert.ok(Math.abs(once - twice) <= 1e-9 * once, `${once} ${twice}`);
      },
    ),
  );
});
