import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { systemClock, VirtualClock } from '../../src/base/clock.ts';

test('systemClock.setTimer() waits longer than a timer of Node can', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const longestMs = 2 ** 31 - 1;
  let fired = 0;
  systemClock.setTimer(2 * longestMs + 50, () => {
    fired += 1;
  });
  const cancel = systemClock.setTimer(longestMs + 50, () => assert.fail('it was cancelled'));
  mock.timers.tick(longestMs);
  cancel();
  mock.timers.tick(longestMs);
  mock.timers.tick(49);
  assert.equal(fired, 0);
  mock.timers.tick(1);
  assert.equal(fired, 1);
});

test('systemClock runs forward', () => {
  const before = systemClock.monotonicMs();
  assert.ok(systemClock.monotonicMs() >= before);
  assert.ok(Math.abs(systemClock.epochMs() - Date.now()) < 1000);
});

test('VirtualClock.advance() fires timers in the order of their moments, each at its own', () => {
  const clock = new VirtualClock(1000);
  const fired: string[] = [];
  const note = (name: string) => () => fired.push(`${name}@${clock.monotonicMs()}`);
  clock.setTimer(20, note('b'));
  clock.setTimer(10, () => {
    note('a')();
    clock.setTimer(5, note('a2'));
  });
  clock.setTimer(20, note('c'));
  const cancel = clock.setTimer(15, note('cancelled'));
  cancel();
  clock.setTimer(31, note('later'));
  clock.advance(30);
  assert.deepEqual(fired, ['a@10', 'a2@15', 'b@20', 'c@20']);
  assert.deepEqual([clock.monotonicMs(), clock.epochMs()], [30, 1030]);
});
