import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInMaintenance, type MaintenanceWindow } from '../../src/health/maintenance.ts';

const at = (time: string) => Date.parse(time);

test('isInMaintenance() is true from the beginning of a window to before its end', () => {
  const once = [{ from: '2026-01-31T18:00:00Z', to: '2026-01-31T20:00:00Z' }];
  assert.equal(isInMaintenance(once, at('2026-01-31T17:59:59Z')), false);
  assert.equal(isInMaintenance(once, at('2026-01-31T18:00:00Z')), true);
  assert.equal(isInMaintenance(once, at('2026-01-31T19:59:59Z')), true);
  assert.equal(isInMaintenance(once, at('2026-01-31T20:00:00Z')), false);
  assert.equal(isInMaintenance([], at('2026-01-31T19:00:00Z')), false);
});

test('isInMaintenance() follows windows that recur, across midnight and the end of a week', () => {
  const weekly: MaintenanceWindow[] = [{ days: ['sat'], atMinute: 23 * 60, forMs: 3 * 3_600_000 }];
  // 2026-01-31 is a Saturday.
  assert.equal(isInMaintenance(weekly, at('2026-01-31T22:59:00Z')), false);
  assert.equal(isInMaintenance(weekly, at('2026-01-31T23:00:00Z')), true);
  assert.equal(isInMaintenance(weekly, at('2026-02-01T01:59:00Z')), true);
  assert.equal(isInMaintenance(weekly, at('2026-02-01T02:00:00Z')), false);
  assert.equal(isInMaintenance(weekly, at('2026-02-01T23:30:00Z')), false);
  const long: MaintenanceWindow[] = [{ days: ['mon'], atMinute: 0, forMs: 7 * 86_400_000 }];
  assert.equal(isInMaintenance(long, at('2026-02-01T23:59:00Z')), true);
});
