import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { silentLog } from '../../src/base/log.ts';
import { createHealthControl, type HealthControl } from '../../src/control/apply-health.ts';
import { HealthSource } from '../../src/control/health-source.ts';
import { HealthTable } from '../../src/control/health-table.ts';
import { serviceWords } from '../../src/control/health-words.ts';
import type { Verdict } from '../../src/health/verdict.ts';
import type { FleetAgent, Service, Traffic } from '../../src/policy/traffic.ts';
import { httpMonitor, report } from '../health/fleet-fixture.ts';

const eu = '192.0.2.1';
const us = '198.51.100.1';

const member = (region: string, address: string) =>
  [
    region,
    { region, a: [address], aaaa: [], weight: 1, capacity: undefined, state: 'active' },
  ] as const;

const web: Service = {
  ttl: { min: 30, max: 30 },
  monitors: ['http'],
  members: new Map([member('eu', eu), member('us', us)]),
  policy: { kind: 'member', member: 'eu' },
  minHealthy: 0.5,
  whenAllDown: 'all',
  rampSeconds: 0,
  spill: false,
};

const traffic: Traffic = {
  regions: new Map(),
  monitors: new Map([['http', httpMonitor]]),
  services: new Map([['web', web]]),
  networks: [],
};

/** A message of the table, as the leader sends it. */
function words(verdicts: Readonly<Record<string, readonly [string, Verdict]>>, full = true) {
  const health = new Map(
    Object.entries(verdicts).map(([name, [address, verdict]]) => [
      name,
      { vips: new Map([[address, verdict]]), ramp: 1 },
    ]),
  );
  const entries = [...serviceWords('web', health)];
  return { full, term: 1, sequence: 1, entries };
}

const allUp = words({ eu: [eu, 'up'], us: [us, 'up'] });
const euDown = words({ eu: [eu, 'down'], us: [us, 'up'] });

/** A source with what decides about it in the test's hands. */
function stage(isWarm: boolean) {
  const clock = new VirtualClock();
  const world = { leading: false, ageMs: undefined as number | undefined };
  const moved: (readonly string[])[] = [];
  const fleets: { health: HealthControl; open: boolean }[] = [];
  let source: HealthSource | undefined;
  source = new HealthSource({
    clock,
    log: silentLog,
    isLeading: () => world.leading,
    tableAgeMs: () => world.ageMs,
    isWarm,
    openFleet: () => {
      const health = createHealthControl({
        clock,
        log: silentLog,
        onServicesChanged: (names) => source?.fleetMoved(names),
      });
      const fleet = { health, open: true };
      fleets.push(fleet);
      return {
        health,
        close: () => {
          fleet.open = false;
          health.close();
        },
      };
    },
    onServicesChanged: (names) => moved.push(names),
  });
  source.setTraffic(traffic);
  const verdict = (region: string, address: string) =>
    source.health('web').get(region)?.vips.get(address);
  return { clock, world, moved, fleets, source, verdict };
}

test('a node steers by the table, and is told which services moved', () => {
  const { source, world, moved, fleets, verdict } = stage(false);
  world.ageMs = 0;
  source.take(allUp);
  source.take(allUp);
  assert.equal(verdict('eu', eu), 'up');
  source.take(words({ eu: [eu, 'down'] }, false));
  assert.equal(verdict('eu', eu), 'down');
  assert.equal(verdict('us', us), 'up');
  assert.deepEqual(moved, [['web'], ['web']]);
  assert.equal(fleets.length, 0);
  assert.match(source.events(99, 1)[0]?.text ?? '', /eu of web went down \(192\.0\.2\.1\)/);
  assert.deepEqual(
    source.targets('web').map(({ member: name, verdict: found }) => [name, found]),
    [
      ['eu', 'down'],
      ['us', 'up'],
    ],
  );
});

test('after 15 s without a word a node judges alone, from what the leader said last', () => {
  const { source, clock, world, fleets, verdict } = stage(false);
  world.ageMs = 0;
  source.take(euDown);
  world.ageMs = limits.tableSilenceMs - 1;
  source.choose();
  assert.equal(fleets.length, 0);
  world.ageMs = limits.tableSilenceMs;
  clock.advance(500);
  assert.equal(fleets.length, 1);
  assert.equal(source.usesOwnFleet, true);
  // Down stays down until it has been judged, and what was up is not known to be anything else.
  assert.equal(verdict('eu', eu), 'down');
  assert.equal(verdict('us', us), 'unknown');
  const up = { 'http@192.0.2.1': 'up', 'http@198.51.100.1': 'up' } as const;
  fleets[0]?.health.receive(report('own1', 1, up));
  assert.equal(verdict('eu', eu), 'up');
});

test('a node that judges alone takes nothing out while the fleet has agents elsewhere', () => {
  const agent: FleetAgent = {
    location: 'aws:eu-west-1',
    coordinates: { latitude: 53, longitude: -6 },
    region: 'ireland',
    publicKey: 'A'.repeat(43),
    state: 'active',
    canaries: new Map(),
  };
  for (const [agents, expected] of [
    [new Map([['dub1', agent]]), 'unknown'],
    [new Map([['dub1', { ...agent, state: 'revoked' as const }]]), 'down'],
    [new Map<string, FleetAgent>(), 'down'],
  ] as const) {
    const { clock, source, world, fleets, verdict } = stage(false);
    const members = new Map(
      ['eu', 'us', 'ap', 'af', 'sa'].map((name, n) => member(name, `192.0.2.${n + 1}`)),
    );
    source.setTraffic({ ...traffic, agents, services: new Map([['web', { ...web, members }]]) });
    world.ageMs = 0;
    source.take(allUp);
    world.ageMs = limits.tableSilenceMs;
    source.choose();
    assert.ok(source.usesOwnFleet);
    const [fleet] = fleets;
    const target = `http@${eu}`;
    const say = (sequence: number, state: Verdict) =>
      fleet?.health.receive(report('local1', sequence, { [target]: state }));
    say(1, 'up');
    assert.equal(verdict('eu', eu), 'up');
    clock.advance(700_000);
    say(2, 'down');
    assert.equal(verdict('eu', eu), expected, JSON.stringify([...agents]));
    if (expected === 'unknown') {
      const [found] = source.targets('web', 'eu');
      assert.deepEqual([found?.guarded, found?.awaits], [true, ['ireland']]);
    }
  }
});

test('when the leader speaks again its table replaces what a node found alone', () => {
  const { source, clock, world, moved, fleets, verdict } = stage(false);
  world.ageMs = 0;
  source.take(euDown);
  world.ageMs = limits.tableSilenceMs;
  clock.advance(500);
  world.ageMs = 0;
  moved.length = 0;
  source.take(allUp);
  assert.equal(source.usesOwnFleet, false);
  assert.equal(fleets[0]?.open, false);
  assert.equal(verdict('eu', eu), 'up');
  assert.ok(moved.flat().includes('web'));
});

test('a node that never heard the leader begins with what was down before its restart', () => {
  const { source, clock, verdict } = stage(false);
  const down = { service: 'web', member: 'eu', address: eu, monitor: 'http', forMs: 9000 };
  source.restore({ version: 1, atEpochMs: clock.epochMs() - 1000, down: [down] });
  assert.equal(verdict('eu', eu), 'down');
  clock.advance(limits.tableSilenceMs + 500);
  assert.equal(source.usesOwnFleet, true);
  assert.equal(verdict('eu', eu), 'down');
  assert.deepEqual(source.snapshot().down.length, 1);
});

test('a standby is warm: it steers by the table, and by its own fleet from the moment it leads', () => {
  const { source, clock, world, moved, fleets, verdict } = stage(true);
  assert.equal(fleets.length, 1);
  world.ageMs = 0;
  source.take(euDown);
  const up = { 'http@192.0.2.1': 'up', 'http@198.51.100.1': 'up' } as const;
  moved.length = 0;
  fleets[0]?.health.receive(report('own1', 1, up));
  assert.equal(verdict('eu', eu), 'down');
  assert.equal(moved.length, 0);
  world.leading = true;
  clock.advance(500);
  assert.equal(verdict('eu', eu), 'up');
  assert.ok(moved.flat().includes('web'));
});

test('a new leader that has not judged a VIP yet leaves it as the leader before had it', () => {
  const { source, world, verdict } = stage(true);
  world.ageMs = 0;
  source.take(euDown);
  world.leading = true;
  source.choose();
  assert.equal(source.usesOwnFleet, true);
  assert.equal(verdict('eu', eu), 'down');
});

test('HealthTable.take() drops what a whole table does not name', () => {
  const table = new HealthTable();
  table.take(euDown, 0, 0);
  const changed = table.take(words({ us: [us, 'up'] }), 0, 0);
  assert.deepEqual([...changed], ['web']);
  assert.deepEqual([...table.health('web').keys()], ['us']);
});

test('HealthTable.restore() ignores what is too old to mean anything', () => {
  const table = new HealthTable();
  const down = { service: 'web', member: 'eu', address: eu, monitor: 'http', forMs: 1 };
  table.restore({ version: 1, atEpochMs: 0, down: [down] }, 0, 601_000);
  assert.equal(table.health('web').size, 0);
  table.restore({ version: 1, atEpochMs: 0, down: [down] }, 0, 599_000);
  assert.equal(table.health('web').get('eu')?.vips.get(eu), 'down');
});
