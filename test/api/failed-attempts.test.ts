import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailedAttempts } from '../../src/api/failed-attempts.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';

function fail(attempts: FailedAttempts, address: string, times: number): void {
  for (let index = 0; index < times; index++) attempts.failed(address);
}

test('FailedAttempts lets an address try until it has failed too often, and again later', () => {
  const clock = new VirtualClock();
  const attempts = new FailedAttempts(clock);
  fail(attempts, '192.0.2.1', limits.authFailuresInARow - 1);
  assert.equal(attempts.waitSeconds('192.0.2.1'), 0);
  fail(attempts, '192.0.2.1', 1);
  assert.equal(attempts.waitSeconds('192.0.2.1'), 2);
  assert.equal(attempts.waitSeconds('192.0.2.2'), 0);
  clock.advance(2000);
  assert.equal(attempts.waitSeconds('192.0.2.1'), 0);
});

test('FailedAttempts counts an IPv6 network of /64 as one, and mapped IPv4 as IPv4', () => {
  const attempts = new FailedAttempts(new VirtualClock());
  fail(attempts, '2001:db8:0:1::1', limits.authFailuresInARow);
  assert.ok(attempts.waitSeconds('2001:db8:0:1:ffff::9') > 0);
  assert.equal(attempts.waitSeconds('2001:db8:0:2::1'), 0);
  fail(attempts, '::ffff:192.0.2.1', limits.authFailuresInARow);
  assert.ok(attempts.waitSeconds('192.0.2.1') > 0);
});

test('FailedAttempts remembers a bounded number of addresses, the latest ones', () => {
  const attempts = new FailedAttempts(new VirtualClock());
  fail(attempts, '192.0.2.1', limits.authFailuresInARow);
  for (let index = 0; index < limits.authFailureAddresses; index++) {
    attempts.failed(`10.0.${index >> 8}.${index & 255}`);
  }
  assert.equal(attempts.size, limits.authFailureAddresses);
  assert.equal(attempts.waitSeconds('192.0.2.1'), 0);
});
