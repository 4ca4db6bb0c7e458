import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import type { CheckTarget } from '../../src/health/report.ts';
import { createGuard } from '../../src/probe/guard.ts';
import { createCheck } from '../../src/probe/run-check.ts';

const target: CheckTarget = {
  id: 'exec@127.0.0.1',
  address: '127.0.0.1',
  monitor: {
    type: 'exec',
    intervalMs: 10_000,
    timeoutMs: 4000,
    fall: 3,
    rise: 2,
    quorum: 'majority',
    port: undefined,
    exec: { command: ['true'] },
  },
};
const context = {
  signal: AbortSignal.timeout(4000),
  guard: createGuard(true),
  clock: systemClock,
};

test('createCheck() runs no command unless it may, and then knows nothing of the target', async () => {
  const refused = await createCheck(false)(target, context);
  assert.equal(refused.outcome, 'unknown');
  assert.equal(refused.error, 'exec-refused');
  const ran = await createCheck(true)(target, context);
  assert.equal(ran.outcome, 'up');
});
