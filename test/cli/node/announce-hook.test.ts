import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { AnnounceHook, type HookState, hookOf } from '../../../src/cli/node/announce-hook.ts';
import { SelfCheck } from '../../../src/cli/node/self-check.ts';
import { folderOf } from '../harness.ts';

/** Lets everything that waits for nothing but promises happen. */
const settle = () => new Promise<void>((done) => setImmediate(done));

function stage() {
  const clock = new VirtualClock();
  const told: HookState[] = [];
  const world = { answers: true, hookFails: false };
  const check = new SelfCheck({
    clock,
    listeners: [{ host: '192.0.2.53', port: 53 }],
    apex: () => 'example.com.',
    ask: async () => (world.answers ? undefined : 'no answer'),
  });
  const run = async (state: HookState) => {
    told.push(state);
    return world.hookFails ? 'it ended with 1' : undefined;
  };
  const hook = new AnnounceHook(check, run, clock, silentLog);
  const second = async () => {
    await settle();
    clock.advance(1000);
    await settle();
  };
  return { told, world, hook, second };
}

test('AnnounceHook runs the program when the state changes, and only then', async () => {
  const { told, world, second } = stage();
  await second();
  await second();
  assert.deepEqual(told, ['up']);
  world.answers = false;
  await second();
  await second();
  assert.deepEqual(told, ['up', 'down']);
  world.answers = true;
  await second();
  assert.deepEqual(told, ['up', 'down', 'up']);
});

test('AnnounceHook repeats a run that failed', async () => {
  const { told, world, second } = stage();
  world.hookFails = true;
  await second();
  world.hookFails = false;
  await second();
  await second();
  assert.deepEqual(told, ['up', 'up', 'up'].slice(0, told.length));
  assert.ok(told.length >= 2);
  const before = told.length;
  await second();
  assert.equal(told.length, before);
});

test('AnnounceHook.close() withdraws the route once and tells nothing more', async () => {
  const { told, hook, second } = stage();
  await second();
  await hook.close();
  await second();
  assert.deepEqual(told, ['up', 'down']);
});

test('AnnounceHook.leave() leaves the route as it is to whoever answers from now on', async () => {
  const { told, world, hook, second } = stage();
  await second();
  await hook.leave();
  world.answers = false;
  await second();
  assert.deepEqual(told, ['up']);
});

test('hookOf() runs a program with the state as its argument and says how it failed', async (t) => {
  const folder = folderOf(t);
  const program = join(folder, 'hook');
  writeFileSync(program, `#!/bin/sh\necho "$#:$1" >> ${folder}/said\ntest "$1" = up\n`);
  chmodSync(program, 0o755);
  const run = hookOf(program);
  assert.equal(await run('up'), undefined);
  assert.equal(await run('down'), 'it ended with 1');
  assert.equal(readFileSync(join(folder, 'said'), 'utf8'), '1:up\n1:down\n');
  assert.match(String(await hookOf(join(folder, 'nothing'))('up')), /ENOENT/);
});
