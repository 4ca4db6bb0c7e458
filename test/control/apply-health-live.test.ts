import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { Random } from '../../src/base/random.ts';
import { createHealthControl } from '../../src/control/apply-health.ts';
import type { Monitor } from '../../src/health/monitor.ts';
import type { Report } from '../../src/health/report.ts';
import type { Member, Traffic } from '../../src/policy/traffic.ts';
import { startAgent } from '../../src/probe/agent.ts';

const interval = 100;

function origin(address: string, port: number): Promise<Server> {
  const server = createServer((_request, response) => response.end('fine'));
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, address, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

test('HealthControl takes a real dead origin out at once when its agent has made up its mind', async (t) => {
  const first = await origin('127.0.1.1', 0);
  const { port } = first.address() as AddressInfo;
  const second = await origin('127.0.1.2', port);
  t.after(() => close(second));
  const monitor: Monitor = {
    type: 'http',
    intervalMs: interval,
    timeoutMs: interval - 10,
    fall: 3,
    rise: 2,
    quorum: 'majority',
    port,
  };
  const member = (region: string, a: string): Member => {
    return { region, a: [a], aaaa: [], weight: 1, capacity: undefined, state: 'active' };
  };
  const members = [member('one', '127.0.1.1'), member('two', '127.0.1.2')];
  const traffic: Traffic = {
    regions: new Map(),
    monitors: new Map([['http', monitor]]),
    services: new Map([
      [
        'web',
        {
          ttl: { min: 30, max: 30 },
          monitors: ['http'],
          members: new Map(members.map((one) => [one.region, one])),
          policy: { kind: 'member', member: 'one' },
          minHealthy: 0.5,
          whenAllDown: 'all',
          rampSeconds: 180,
          spill: false,
        },
      ],
    ]),
    networks: [],
  };

  let look = () => {};
  let decidedMs = Number.NaN;
  const control = createHealthControl({
    clock: systemClock,
    log: silentLog,
    onServicesChanged: () => look(),
    onPlan: (targets) => agent.setPlan(targets),
  });
  const agent = startAgent({
    agent: 'embedded',
    region: 'here',
    clock: systemClock,
    random: new Random(1),
    log: silentLog,
    allowPrivateTargets: true,
    report(report: Report) {
      decidedMs = performance.now();
      control.receive(report);
    },
  });
  t.after(() => {
    agent.close();
    control.close();
  });
  const verdict = (name: string) => [...(control.health('web').get(name)?.vips.values() ?? [])][0];
  // The health control's timers do not keep the process alive.
  const alive = setInterval(() => {}, 1000);
  t.after(() => clearInterval(alive));
  const until = (name: string, wanted: string) =>
    new Promise<void>((resolve) => {
      look = () => {
        if (verdict(name) === wanted) resolve();
      };
      look();
    });

  control.setTraffic(traffic);
  await until('one', 'up');
  await until('two', 'up');
  await close(first);
  const diedMs = performance.now();
  await until('one', 'down');
  const nowMs = performance.now();
  assert.equal(verdict('two'), 'up');
  assert.ok(nowMs - decidedMs < 100, `report to verdict took ${nowMs - decidedMs} ms`);
  t.diagnostic(
    `origin out after ${Math.round(nowMs - diedMs)} ms at ${interval} ms × ${monitor.fall}; report to verdict ${(nowMs - decidedMs).toFixed(2)} ms`,
  );
  const [vote] = control.targets('web', 'one')[0]?.votes ?? [];
  assert.equal(vote?.error, 'connect-refused');
});
