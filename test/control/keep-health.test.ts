import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import { createHealthControl } from '../../src/control/apply-health.ts';
import { keepHealth } from '../../src/control/keep-health.ts';
import type { Monitor } from '../../src/health/monitor.ts';
import type { Verdict } from '../../src/health/verdict.ts';
import type { Traffic } from '../../src/policy/traffic.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { regions, roundRobin, service } from '../policy/build.ts';

const monitor: Monitor = {
  type: 'tcp',
  intervalMs: 10_000,
  timeoutMs: 1000,
  fall: 1,
  rise: 1,
  quorum: 'any',
  port: 80,
};
const web = {
  ...service(roundRobin(['virginia', 'ireland']), {
    virginia: { a: ['192.0.2.1'], aaaa: [] },
    ireland: { a: ['192.0.2.2'], aaaa: [] },
  }),
  monitors: ['port'],
};
const traffic: Traffic = {
  regions: regions(),
  monitors: new Map([['port', monitor]]),
  services: new Map([['web', web]]),
  networks: [],
};

function start(store: MemoryStore, clock: VirtualClock, log: Log = silentLog) {
  const control = createHealthControl({ clock, log, onServicesChanged: () => {} });
  const stop = keepHealth(control, store, clock, log);
  let sequence = 0;
  return {
    control,
    stop() {
      stop();
      control.close();
    },
    report: (first: Verdict) =>
      control.receive({
        agent: 'a',
        region: 'r',
        boot: 1,
        sequence: ++sequence,
        canariesOk: true,
        results: [
          { target: 'port@192.0.2.1', state: first, forMs: 0 },
          { target: 'port@192.0.2.2', state: 'up', forMs: 0 },
        ],
      }),
    verdict: () => control.health('web').get('virginia')?.vips.get('192.0.2.1'),
  };
}

test('keepHealth() keeps a dead VIP dead over a restart, however the process ended', () => {
  for (const crash of [false, true]) {
    const clock = new VirtualClock();
    const store = new MemoryStore();
    const first = start(store, clock);
    first.control.setTraffic(traffic);
    first.report('up');
    clock.advance(40_000);
    first.report('down');
    if (crash) clock.advance(10_000);
    else first.stop();
    first.control.close();
    assert.equal(first.verdict(), 'down');
    const second = start(store, clock);
    second.control.setTraffic(traffic);
    assert.equal(second.verdict(), 'down', crash ? 'crashed' : 'stopped');
    second.stop();
  }
});

test('keepHealth() does not forget what was down when a start fails before there is traffic', () => {
  const clock = new VirtualClock();
  const store = new MemoryStore();
  const first = start(store, clock);
  first.control.setTraffic(traffic);
  first.report('up');
  clock.advance(40_000);
  first.report('down');
  first.stop();
  start(store, clock).stop();
  const third = start(store, clock);
  third.control.setTraffic(traffic);
  assert.equal(third.verdict(), 'down');
  third.stop();
});

test('keepHealth() writes only what is new, and goes on when it cannot write', () => {
  const clock = new VirtualClock();
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (_, message) => errors.push(message) };
  let writes = 0;
  let full = false;
  class Disk extends MemoryStore {
    override saveHealth(health: Parameters<MemoryStore['saveHealth']>[0]): void {
      if (full) throw new Error('disk full');
      writes += 1;
      super.saveHealth(health);
    }
  }
  const running = start(new Disk(), clock, log);
  running.control.setTraffic(traffic);
  clock.advance(60_000);
  assert.equal(writes, 1, 'nothing down is said once');
  running.report('down');
  full = true;
  clock.advance(20_000);
  assert.equal(errors.length, 2);
  full = false;
  running.report('down');
  clock.advance(10_000);
  assert.equal(writes, 2);
  full = true;
  assert.doesNotThrow(() => running.stop(), 'the store is closed after this');
  clock.advance(60_000);
  assert.equal(writes, 2, 'it has ended');
});
