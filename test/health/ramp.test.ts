import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRamping, rampAfterDownMs, rampShare, stepRamp } from '../../src/health/ramp.ts';

const rampMs = 180_000;

test('stepRamp() has no ramp for a member that was never down', () => {
  const state = stepRamp(stepRamp({}, false, 0), false, 1000);
  assert.equal(rampShare(state, rampMs, 1000), 1);
});

test('stepRamp() has no ramp after a moment of being down', () => {
  const down = stepRamp({}, true, 1000);
  const state = stepRamp(down, false, 1000 + rampAfterDownMs - 1);
  assert.equal(rampShare(state, rampMs, 1000 + rampAfterDownMs), 1);
});

test('stepRamp() ramps a member that was down for longer', () => {
  const state = stepRamp(stepRamp(stepRamp({}, true, 0), true, 5000), false, rampAfterDownMs);
  assert.deepEqual(state, { recoveredMs: rampAfterDownMs });
});

test('stepRamp() ends a ramp when the member goes down again', () => {
  assert.deepEqual(stepRamp({ recoveredMs: 5 }, true, 10), { downSinceMs: 10 });
});

test('rampShare() grows from a twentieth to 1 in equal steps', () => {
  const state = { recoveredMs: 0 };
  const shares = [0, 8_999, 9_000, 18_000, 90_000, 179_999, 180_000, 1e9].map((nowMs) =>
    rampShare(state, rampMs, nowMs),
  );
  assert.deepEqual(shares, [0.05, 0.05, 0.05, 0.1, 0.5, 0.95, 1, 1]);
});

test('rampShare() is 1 at once when the ramp is off', () => {
  assert.equal(rampShare({ recoveredMs: 0 }, 0, 0), 1);
});

test('isRamping() ends with the ramp', () => {
  assert.equal(isRamping({ recoveredMs: 0 }, rampMs, rampMs - 1), true);
  assert.equal(isRamping({ recoveredMs: 0 }, rampMs, rampMs), false);
  assert.equal(isRamping({}, rampMs, 0), false);
});
