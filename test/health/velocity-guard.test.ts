import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardVelocity, velocityWindowMs } from '../../src/health/velocity-guard.ts';

test('guardVelocity() lets a quarter of the service go', () => {
  assert.equal(guardVelocity([], 0.25, 2, 0), 'pass');
  assert.equal(guardVelocity([{ atMs: 0, share: 0.1 }], 0.05 + 0.1, 2, 1000), 'pass');
});

test('guardVelocity() holds more than a quarter while another region could be asked', () => {
  assert.equal(guardVelocity([], 0.26, 2, 0), 'hold');
});

test('guardVelocity() adds up what fell within the window, and no longer', () => {
  const falls = [{ atMs: 0, share: 0.2 }];
  assert.equal(guardVelocity(falls, 0.1, 2, velocityWindowMs - 1), 'hold');
  assert.equal(guardVelocity(falls, 0.1, 2, velocityWindowMs), 'pass');
});

test('guardVelocity() only raises an alarm where there is one agent region', () => {
  assert.equal(guardVelocity([], 1, 1, 0), 'alarm');
});
