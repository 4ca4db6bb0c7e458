import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../../../src/base/clock.ts';
import { checkExec } from '../../../src/probe/checks/exec.ts';
import { createGuard } from '../../../src/probe/guard.ts';
import { contextOf, targetOf } from './fixture.ts';

const run = (command: readonly string[], context = contextOf()) =>
  checkExec(targetOf('exec', 8080, { exec: { command } }), context);

const codes = [
  [0, 'up', undefined],
  [1, 'down', 'exec-exit'],
  [2, 'degraded', 'exec-degraded'],
  [3, 'down', 'exec-exit'],
] as const;
for (const [code, outcome, error] of codes) {
  test(`checkExec() takes exit ${code} for ${outcome}`, async () => {
    const result = await run(['/bin/sh', '-c', `exit ${code}`]);
    assert.deepEqual([result.outcome, result.error], [outcome, error]);
  });
}

test('checkExec() fills in address and port, without a shell between', async () => {
  const script = 'printf "%s|" "$@"; exit 1';
  const words = ['{address}:{port}', '$HOME; `id`', '{other}'];
  const result = await run(['/bin/sh', '-c', script, 'sh', ...words]);
  assert.equal(result.errorText, 'exit 1: 127.0.0.1:8080|$HOME; `id`|{other}|');
});

test('checkExec() gives the command no secrets, only where to look', async (t) => {
  process.env['MERIDIAN_ADMIN_TOKEN'] = 'secret';
  t.after(() => delete process.env['MERIDIAN_ADMIN_TOKEN']);
  const result = await run(['/bin/sh', '-c', 'env | sort | tr "\\n" " "; exit 1']);
  assert.doesNotMatch(result.errorText ?? '', /secret/);
  assert.match(result.errorText ?? '', /MERIDIAN_ADDRESS=127\.0\.0\.1 MERIDIAN_PORT=8080/);
});

test('checkExec() keeps only the first line of what the command says, cut and clean', async () => {
  const result = await run(['/bin/sh', '-c', 'printf "a\\033[31mb\\nsecond"; exit 1']);
  assert.equal(result.errorText, 'exit 1: a [31mb');
  const long = await run(['/bin/sh', '-c', 'head -c 1000000 /dev/zero | tr "\\0" x; exit 1']);
  assert.equal(long.errorText?.length, 200);
});

test('checkExec() kills the whole process group when the time is over', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-exec-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const controller = new AbortController();
  const file = join(folder, 'pids');
  // Aborts once the grandchild has told its number.
  const script = `sleep 1000 & echo "$$ $!" > ${file}.new; mv ${file}.new ${file}; wait`;
  const ended = run(['/bin/sh', '-c', script], contextOf({ signal: controller.signal }));
  const pids = await untilRead(file);
  controller.abort();
  const result = await ended;
  assert.deepEqual([result.outcome, result.error], ['down', 'exec-timeout']);
  await untilGone(pids);
});

test('checkExec() kills what the command leaves behind', async () => {
  const result = await run(['/bin/sh', '-c', 'sleep 1000 & echo $!; exit 1']);
  const pid = Number(/exit 1: (\d+)/.exec(result.errorText ?? '')?.[1]);
  assert.ok(pid > 1);
  await untilGone([pid]);
});

test('checkExec() does not wait for a descendant that left the group', async () => {
  const clock = new VirtualClock();
  let waits = () => {};
  const armed = new Promise<void>((resolve) => {
    waits = resolve;
  });
  const waiting = {
    monotonicMs: () => clock.monotonicMs(),
    epochMs: () => clock.epochMs(),
    setTimer(delayMs: number, callback: () => void) {
      waits();
      return clock.setTimer(delayMs, callback);
    },
  };
  const command = ['/bin/sh', '-c', 'setsid sleep 1000 & echo $!; exit 1'];
  const ended = run(command, contextOf({ clock: waiting }));
  await armed;
  // The streams are still open; what was written has arrived by the next turns of the loop.
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(100);
  const result = await ended;
  assert.equal(result.error, 'exec-exit');
  const pid = Number(/exit 1: (\d+)/.exec(result.errorText ?? '')?.[1]);
  if (pid > 1) process.kill(pid, 'SIGKILL');
});

test('checkExec() says nothing of the target when the command cannot be started', async () => {
  const result = await run(['/no/such/program']);
  assert.deepEqual([result.outcome, result.error], ['unknown', 'exec-start']);
  const empty = await run([]);
  assert.deepEqual([empty.outcome, empty.error], ['unknown', 'check-invalid']);
});

test('checkExec() runs nothing for an address that the guard refuses', async () => {
  const result = await run(['/bin/sh', '-c', 'exit 1'], contextOf({ guard: createGuard(false) }));
  assert.deepEqual([result.outcome, result.error], ['unknown', 'guard-refused']);
});

async function untilRead(file: string): Promise<number[]> {
  for (;;) {
    try {
      return readFileSync(file, 'utf8').trim().split(' ').map(Number);
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Killed processes linger as zombies until someone reaps them; these count as gone. */
async function untilGone(pids: readonly number[]): Promise<void> {
  const lives = (pid: number) => {
    try {
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  };
  while (pids.some(lives)) await new Promise((resolve) => setImmediate(resolve));
}
