import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Slots } from '../../src/probe/slots.ts';

test('Slots.take() starts as many as there are slots, the others in their order', () => {
  const slots = new Slots(2);
  const started: number[] = [];
  for (const n of [1, 2, 3, 4]) slots.take(() => started.push(n));
  assert.deepEqual(started, [1, 2]);
  slots.free();
  assert.deepEqual(started, [1, 2, 3]);
  slots.free();
  slots.free();
  slots.free();
  slots.take(() => started.push(5));
  assert.deepEqual(started, [1, 2, 3, 4, 5]);
});

test('Slots.take() returns a way out of the queue', () => {
  const slots = new Slots(1);
  const started: string[] = [];
  slots.take(() => started.push('first'));
  const leave = slots.take(() => started.push('gone'));
  slots.take(() => started.push('next'));
  leave();
  slots.free();
  assert.deepEqual(started, ['first', 'next']);
});
