import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { Random } from '../../src/base/random.ts';
import { Fleet } from '../../src/health/fleet.ts';
import type { Report } from '../../src/health/report.ts';
import { startAgent } from '../../src/probe/agent.ts';
import type { Check } from '../../src/probe/check-result.ts';
import { httpMonitor } from '../health/fleet-fixture.ts';

/** How often a target dies, per monitor; each death has a seed of its own. */
const deaths = 2000;
const checkId = 'http@192.0.2.1';

/**
 * Kills a target that was well, at a moment of its own, and returns how long the fleet took to take
 * it out: agents of several regions check it, the clock is virtual, reports take no time.
 */
function timeToDown(
  seed: number,
  times: { intervalMs: number; timeoutMs: number; fall: number },
  swallows: boolean,
  agentCount: number,
): number {
  const clock = new VirtualClock();
  const random = new Random(seed);
  const monitor = { ...httpMonitor, ...times };
  const fleet = new Fleet();
  const members = [1, 2, 3, 4, 5].map((n) => ({
    name: `m${n}`,
    addresses: [`192.0.2.${n}`],
    share: 0.2,
  }));
  const plan = { name: 'web', monitors: ['http'], members, rampMs: 0, watchesChange: false };
  fleet.setService(plan, new Map([['http', monitor]]), 0);
  let isDead = false;
  let downMs: number | undefined;
  const check: Check = (_target, { signal }) => {
    if (!isDead) return immediate({ outcome: 'up' });
    if (!swallows) return immediate({ outcome: 'down', error: 'connect-refused' });
    return {
      // biome-ignore lint/suspicious/noThenProperty: settles without real time passing
      then: (resolve: (found: object) => void) =>
        signal.addEventListener('abort', () =>
          resolve({ outcome: 'down', error: 'connect-timeout' }),
        ),
    } as unknown as ReturnType<Check>;
  };
  const take = (report: Report) => {
    fleet.receive(report, clock.monotonicMs());
    if (downMs === undefined && fleet.health('web')?.get('m1')?.vips.get('192.0.2.1') === 'down') {
      downMs = clock.monotonicMs();
    }
  };
  const agents = Array.from({ length: agentCount }, (_, place) => {
    const agent = startAgent({
      agent: `agent${seed}-${place}`,
      region: `region${place % 3}`,
      clock,
      random: new Random(seed * 31 + place),
      log: silentLog,
      allowPrivateTargets: false,
      report: take,
      check,
    });
    agent.setPlan([{ id: checkId, address: '192.0.2.1', monitor }]);
    return agent;
  });
  clock.advance((2 + 2 * random.fraction()) * times.intervalMs);
  isDead = true;
  const diedMs = clock.monotonicMs();
  clock.advance((times.fall + 3) * times.intervalMs);
  for (const agent of agents) agent.close();
  assert.ok(downMs !== undefined, `seed ${seed}: it never went down`);
  return downMs - diedMs;
}

/** Settles before whoever started the check goes on, so that no real time passes. */
function immediate(result: object): ReturnType<Check> {
  return {
    // biome-ignore lint/suspicious/noThenProperty: settles without real time passing
    then: (resolve: (found: object) => void) => resolve(result),
  } as unknown as ReturnType<Check>;
}

const cases = [
  { intervalMs: 10_000, timeoutMs: 4000, fall: 3 },
  { intervalMs: 1000, timeoutMs: 500, fall: 2 },
  { intervalMs: 10_000, timeoutMs: 4000, fall: 2 },
  { intervalMs: 30_000, timeoutMs: 10_000, fall: 5 },
];

for (const times of cases) {
  const { intervalMs, timeoutMs, fall } = times;
  const bound = intervalMs * fall + 1000;
  for (const swallows of [false, true]) {
    const how = swallows ? `swallows packets for ${timeoutMs} ms` : 'refuses connections';
    test(`a target at ${intervalMs} ms × ${fall} that ${how} is out within ${bound} ms`, () => {
      const all = Array.from({ length: deaths / 4 }, (_, place) =>
        timeToDown(place + 1, times, swallows, place % 2 === 0 ? 1 : 3),
      );
      all.sort((a, b) => a - b);
      const p99 = all[Math.floor(all.length * 0.99)] ?? Number.POSITIVE_INFINITY;
      assert.ok(p99 <= bound, `p99 ${p99} ms`);
      // Nor is it taken out on fewer failures than the operator asked for.
      const least = (fall - 1) * Math.min(intervalMs, Math.max(timeoutMs, intervalMs / 2));
      assert.ok((all[0] ?? 0) >= least, `the quickest took ${all[0]} ms`);
    });
  }
}
