import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { silentLog } from '../../src/base/log.ts';
import { Random } from '../../src/base/random.ts';
import type { Monitor } from '../../src/health/monitor.ts';
import type { CheckTarget, Report } from '../../src/health/report.ts';
import { type AgentOptions, startAgent } from '../../src/probe/agent.ts';
import type { Check, CheckResult } from '../../src/probe/check-result.ts';

const monitor: Monitor = {
  type: 'tcp',
  intervalMs: 10_000,
  timeoutMs: 4000,
  fall: 3,
  rise: 2,
  quorum: 'majority',
  port: 80,
};

function target(id: string, more: Partial<CheckTarget> = {}): CheckTarget {
  return { id, address: '192.0.2.1', monitor, ...more };
}

/** An agent on a virtual clock. `verdicts` says what each target's checks find from now on. */
function stage(more: Partial<AgentOptions> = {}) {
  const clock = new VirtualClock();
  const reports: { atMs: number; report: Report }[] = [];
  const checks: { atMs: number; id: string }[] = [];
  const verdicts = new Map<string, CheckResult['outcome']>();
  const check: Check = async ({ id }) => {
    checks.push({ atMs: clock.monotonicMs(), id });
    return { outcome: verdicts.get(id) ?? 'up' };
  };
  const agent = startAgent({
    agent: 'a1',
    region: 'eu',
    clock,
    random: new Random(7),
    log: silentLog,
    allowPrivateTargets: false,
    check,
    report: (report) => reports.push({ atMs: clock.monotonicMs(), report }),
    ...more,
  });
  /** Moves time in small steps, letting checks settle between them. */
  const run = async (forMs: number, stepMs = 50) => {
    for (let passed = 0; passed < forMs; passed += stepMs) {
      clock.advance(stepMs);
      for (let turn = 0; turn < 4; turn++) await Promise.resolve();
    }
  };
  const last = () => reports.at(-1)!.report;
  return { clock, agent, reports, checks, verdicts, run, last };
}

test('startAgent() reports every second with a number, even when there is nothing to say', async () => {
  const { reports, run, agent } = stage();
  await run(5000);
  assert.deepEqual(
    reports.map(({ atMs, report }) => [atMs, report.sequence]),
    [
      [1000, 1],
      [2000, 2],
      [3000, 3],
      [4000, 4],
      [5000, 5],
    ],
  );
  agent.close();
});

test('startAgent() reports the full state of every target each time', async () => {
  const { agent, run, last, verdicts } = stage();
  verdicts.set('b', 'down');
  agent.setPlan([target('a'), target('b')]);
  await run(60_000);
  const size = () => last().results.length;
  assert.equal(size(), 2);
  assert.deepEqual(
    last().results.map(({ target: id, state }) => [id, state]),
    [
      ['a', 'up'],
      ['b', 'down'],
    ],
  );
  agent.close();
});

test('startAgent() checks a new target soon and then once per interval, within 10 %', async () => {
  const { agent, run, checks } = stage();
  agent.setPlan([target('a'), target('b'), target('c')]);
  await run(120_000);
  for (const id of ['a', 'b', 'c']) {
    const times = checks.filter((entry) => entry.id === id).map(({ atMs }) => atMs);
    assert.ok(times[0]! <= 1000);
    assert.ok(times.length >= 11 && times.length <= 14, `${times.length} checks`);
    for (let at = 2; at < times.length; at++) {
      const gap = times[at]! - times[at - 1]!;
      assert.ok(gap >= 8900 && gap <= 11_100, `gap of ${gap} ms`);
    }
  }
  agent.close();
});

test('startAgent() reports a change of state at once', async () => {
  const { agent, run, reports, verdicts, checks } = stage();
  agent.setPlan([target('a')]);
  await run(30_000);
  verdicts.set('a', 'down');
  await run(45_000);
  const first = reports.find(({ report }) => report.results[0]?.state === 'down');
  const failures = checks.filter(({ atMs }) => atMs > 30_000);
  // The virtual clock moves in steps of 50 ms, and changes wait 20 ms for one another.
  const afterMs = (first?.atMs ?? Number.NaN) - (failures[2]?.atMs ?? 0);
  assert.ok(afterMs >= 0 && afterMs <= 70, `${afterMs} ms`);
  agent.close();
});

test('startAgent() puts changes that come together into one report', async () => {
  const { agent, run, reports } = stage();
  const ids = Array.from({ length: 500 }, (_, n) => `t${n}`);
  agent.setPlan(ids.map((id) => target(id)));
  await run(1040, 5);
  // 500 first results within a second: four reports at once, then as many as they may come to.
  assert.ok(reports.length <= 12, `${reports.length} reports`);
  assert.ok(reports.at(-1)!.report.results.every(({ state }) => state === 'up'));
  agent.close();
});

test('startAgent() sends little more while everything changes at once, and nothing waits for long', async () => {
  const { agent, run, reports, verdicts, clock } = stage();
  const ids = Array.from({ length: 2000 }, (_, n) => `t${n}`);
  agent.setPlan(ids.map((id) => target(id)));
  await run(30_000, 10);
  const calm = reports.length;
  for (const id of ids) verdicts.set(id, 'down');
  const fromMs = clock.monotonicMs();
  await run(40_000, 10);
  const sent = reports.slice(calm).map(({ atMs }) => atMs - fromMs);
  const busiest = Math.max(
    ...sent.map((atMs) => sent.filter((one) => one >= atMs && one < atMs + 5000).length),
  );
  assert.ok(busiest <= 4 + 5 * 2, `${busiest} reports within 5 s`);
  const gaps = sent.map((atMs, at) => atMs - (sent[at - 1] ?? 0));
  assert.ok(Math.max(...gaps) <= 1000);
  const whileMany = gaps.filter((_, at) => (sent[at] ?? 0) > 22_000 && (sent[at] ?? 0) < 26_000);
  assert.ok(Math.max(...whileMany) <= 600, whileMany.join());
  assert.ok(reports.at(-1)!.report.results.every(({ state }) => state === 'down'));
  agent.close();
});

test('startAgent() says how many checks a failing target has left', async () => {
  const { agent, run, last, verdicts } = stage();
  agent.setPlan([target('a')]);
  await run(9000);
  verdicts.set('a', 'down');
  await run(11_000);
  assert.deepEqual(last().results[0]?.next, { state: 'down', checks: 2 });
  agent.close();
});

test('startAgent() never runs two checks of one target, and aborts one whose time is over', async () => {
  let running = 0;
  let most = 0;
  const check: Check = (_target, { signal }) =>
    new Promise((resolve) => {
      most = Math.max(most, ++running);
      signal.addEventListener('abort', () => {
        running--;
        resolve({ outcome: 'down', error: 'connect-timeout' });
      });
    });
  const { agent, run, last } = stage({ check });
  const slow = { ...monitor, timeoutMs: 9900 };
  agent.setPlan([target('a', { monitor: slow })]);
  await run(60_000);
  assert.equal(most, 1);
  assert.deepEqual(
    [last().results[0]?.state, last().results[0]?.error],
    ['down', 'connect-timeout'],
  );
  agent.close();
  assert.equal(running, 0);
});

test('startAgent() goes on when a check neither settles nor hears the abort, or throws', async () => {
  let runs = 0;
  const stuck: Check = () => {
    runs++;
    return runs % 2 === 0 ? Promise.reject(new Error('bug')) : new Promise(() => {});
  };
  const { agent, run, last } = stage({ check: stuck });
  agent.setPlan([target('a')]);
  await run(60_000);
  assert.ok(runs >= 4);
  assert.deepEqual(
    [last().results[0]?.state, last().results[0]?.error],
    ['unknown', 'check-stuck'],
  );
  agent.close();
});

test('startAgent() has no more checks under way than the cap', async () => {
  let running = 0;
  const waiting: (() => void)[] = [];
  const check: Check = () =>
    new Promise((resolve) => {
      running++;
      waiting.push(() => {
        running--;
        resolve({ outcome: 'up' });
      });
    });
  const { agent, run } = stage({ check });
  const count = limits.concurrentChecks + 10;
  agent.setPlan(Array.from({ length: count }, (_, n) => target(`t${n}`)));
  await run(1500);
  assert.equal(running, limits.concurrentChecks);
  for (const settle of waiting.splice(0, 10)) settle();
  await run(50);
  assert.equal(running, limits.concurrentChecks);
  agent.close();
});

test('Agent.setPlan() warns once of targets that it may not check', () => {
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_: object, message: string) => warnings.push(message) };
  const { agent } = stage({ log });
  const command: Monitor = { ...monitor, type: 'exec', exec: { command: ['true'] } };
  const plan = [
    target('good'),
    target('tcp@127.0.0.1', { address: '127.0.0.1' }),
    target('tcp@169.254.169.254', { address: '169.254.169.254' }),
  ];
  agent.setPlan(plan);
  agent.setPlan([...plan, target('run@192.0.2.1', { monitor: command })]);
  agent.close();
  assert.equal(warnings.length, 2, warnings.join('\n'));
  assert.match(
    warnings[0] ?? '',
    /127\.0\.0\.1 is a loopback .*--allow-private-targets \(and 1 more\)$/,
  );
  assert.match(
    warnings[1] ?? '',
    /^not checked from here, .* unless others check it: run@192\.0\.2\.1 is a command; see --allow-exec$/,
  );
  const free = stage({ log, allowPrivateTargets: true, allowExec: true });
  free.agent.setPlan([target('a', { address: '127.0.0.1' }), target('b', { monitor: command })]);
  free.agent.close();
  assert.equal(warnings.length, 2);
});

test('Agent.setPlan() keeps the state of targets that stay and forgets the others', async () => {
  const { agent, run, last, checks } = stage();
  agent.setPlan([target('a'), target('b')]);
  await run(2000);
  agent.setPlan([target('b', { monitor: { ...monitor, fall: 5 } }), target('c')]);
  await run(100);
  await run(1000);
  const [b, c] = last().results;
  assert.deepEqual([b?.target, b?.state, c?.target], ['b', 'up', 'c']);
  assert.ok((b?.forMs ?? 0) > 1000, 'b has been up since before the new plan');
  const before = checks.length;
  await run(20_000);
  assert.ok(checks.slice(before).every(({ id }) => id !== 'a'));
  agent.close();
});

test('Agent.setPlan() follows a new interval at once', async () => {
  const { agent, run, checks } = stage();
  const hourly = { ...monitor, intervalMs: 3_600_000 };
  agent.setPlan([target('a', { monitor: hourly })]);
  await run(2000);
  agent.setPlan([target('a', { monitor: { ...monitor, intervalMs: 1000, timeoutMs: 500 } })]);
  const before = checks.length;
  await run(10_000);
  assert.ok(checks.length - before >= 9);
  agent.close();
});

test('Agent.setPlan() insists that a timeout is less than its interval', () => {
  const { agent } = stage();
  const wrong = { ...monitor, timeoutMs: 10_000 };
  assert.throws(() => agent.setPlan([target('a', { monitor: wrong })]), /less than interval/);
  agent.close();
});

test('startAgent() says that it cannot be believed while its canaries fail', async () => {
  const said: string[] = [];
  const note = (_fields: object, text: string) => void said.push(text);
  const log = { ...silentLog, warn: note, info: note };
  const { agent, run, last, verdicts } = stage({ log });
  const canaries = [target('x', { canary: true }), target('y', { canary: true })];
  agent.setPlan([target('a'), ...canaries]);
  await run(2000);
  assert.equal(last().canariesOk, true);
  verdicts.set('x', 'down');
  await run(40_000);
  assert.equal(last().canariesOk, true, 'half of the canaries may fail');
  verdicts.set('y', 'down');
  await run(40_000);
  assert.equal(last().canariesOk, false);
  verdicts.delete('x');
  await run(40_000);
  assert.equal(last().canariesOk, true);
  assert.deepEqual(said, [
    '2 of 2 canaries fail, so that no check from here counts',
    'the canaries answer again, and checks from here count',
  ]);
  assert.deepEqual(
    last().results.map(({ target: id }) => id),
    ['a'],
  );
  agent.close();
});

test('startAgent() outlives a receiver that throws', async () => {
  let calls = 0;
  const { agent, run } = stage({
    report: () => {
      calls++;
      throw new Error('not now');
    },
  });
  await run(3000);
  assert.equal(calls, 3);
  agent.close();
});

test('Agent.close() stops checks and reports', async () => {
  const { agent, run, reports, checks } = stage();
  agent.setPlan([target('a')]);
  await run(3000);
  agent.close();
  const before = [reports.length, checks.length];
  await run(60_000);
  assert.deepEqual([reports.length, checks.length], before);
});
