import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createUdpMemory,
  statusAt,
  type UdpViews,
  viewUdpMemory,
} from '../../native/udp_batch/udp-memory.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import { watchThreads } from '../../src/server/watch-threads.ts';

const makeThreads = (count: number): UdpViews[] =>
  Array.from({ length: count }, () => viewUdpMemory(createUdpMemory(512, 4)));

test('watchThreads() reports a thread that stays at one answer for two seconds', () => {
  const clock = new VirtualClock();
  const threads = makeThreads(3);
  const stuck: number[] = [];
  const end = watchThreads(threads, clock, (index) => stuck.push(index));
  threads[1]!.status[statusAt.busySlot] = 2;
  clock.advance(2000);
  assert.deepEqual(stuck, []);
  clock.advance(500);
  assert.deepEqual(stuck, [1]);
  end();
  clock.advance(60_000);
  assert.deepEqual(stuck, [1]);
});

test('watchThreads() leaves alone who is idle, or busy with one batch after another', () => {
  const clock = new VirtualClock();
  const threads = makeThreads(2);
  watchThreads(threads, clock, () => assert.fail());
  const [, busy] = threads;
  for (let turn = 0; turn < 100; turn += 1) {
    busy!.status[statusAt.busySlot] = 1;
    busy!.status[statusAt.turns]! += 1;
    clock.advance(100);
  }
});
