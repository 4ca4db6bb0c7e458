import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeridianError } from '../../src/base/errors.ts';
import { limits } from '../../src/base/limits.ts';
import { ChangeQueue } from '../../src/control/change-queue.ts';

test('run() makes one change at a time, in order, whatever becomes of each', async () => {
  const queue = new ChangeQueue();
  const seen: string[] = [];
  const change = (name: string, fails: boolean) =>
    queue.run(async () => {
      seen.push(`${name} in`);
      await Promise.resolve();
      seen.push(`${name} out`);
      if (fails) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([
    change('a', false),
    change('b', true),
    change('c', false),
  ]);
  assert.deepEqual(seen, ['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});

test('run() refuses a change when too many wait, and takes the next once they are through', async () => {
  const queue = new ChangeQueue();
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const waiting = Array.from({ length: limits.waitingChanges }, () => queue.run(() => gate));
  await assert.rejects(
    queue.run(async () => {}),
    (error) => error instanceof MeridianError && error.code === 'E_BUSY',
  );
  open();
  await Promise.all(waiting);
  await queue.idle();
  assert.equal(await queue.run(async () => 1), 1);
});
