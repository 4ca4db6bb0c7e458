import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vipVerdict } from '../../src/health/vip-verdict.ts';

test('vipVerdict() is the worst of the monitors', () => {
  assert.equal(vipVerdict(['up', 'up']), 'up');
  assert.equal(vipVerdict(['up', 'degraded', 'unknown']), 'degraded');
  assert.equal(vipVerdict(['unknown', 'down', 'up']), 'down');
});

test('vipVerdict() is unknown while a monitor is silent and none finds fault', () => {
  assert.equal(vipVerdict(['up', 'unknown']), 'unknown');
});

test('vipVerdict() is unknown without monitors', () => {
  assert.equal(vipVerdict([]), 'unknown');
});
