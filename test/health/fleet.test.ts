import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fleet } from '../../src/health/fleet.ts';
import type { Verdict } from '../../src/health/verdict.ts';
import { httpMonitor, planOf, report } from './fleet-fixture.ts';

const monitors = new Map([['http', httpMonitor]]);

function fleetOf(count: number, more: Parameters<typeof planOf>[1] = {}): Fleet {
  const fleet = new Fleet();
  fleet.setService(planOf(count, more), monitors, 0);
  return fleet;
}

function verdictOf(fleet: Fleet, member: string, service = 'web'): Verdict | undefined {
  const health = fleet.health(service)?.get(member);
  return health === undefined ? undefined : [...health.vips.values()][0];
}

const one = 'http@192.0.2.1';

test('Fleet starts with every VIP unknown and no ramp', () => {
  const fleet = fleetOf(2);
  assert.deepEqual(fleet.health('web')?.get('m2'), {
    vips: new Map([['192.0.2.2', 'unknown']]),
    ramp: 1,
  });
  assert.equal(fleet.health('nothing'), undefined);
});

test('Fleet.receive() changes exactly the services whose VIPs turned', () => {
  const fleet = fleetOf(1);
  fleet.setService({ ...planOf(2), name: 'api' }, monitors, 0);
  const changed = fleet.receive(report('eu1', 1, { 'http@192.0.2.2': 'up' }), 1000);
  assert.deepEqual([...changed.services], ['api']);
  assert.equal(fleet.receive(report('eu1', 2, { 'http@192.0.2.2': 'up' }), 2000).services.size, 0);
});

test('Fleet.receive() judges a check once for every service that shares it', () => {
  const fleet = fleetOf(1);
  fleet.setService({ ...planOf(1), name: 'api' }, monitors, 0);
  assert.equal(fleet.checkTargets().length, 1);
  const changed = fleet.receive(report('eu1', 1, { [one]: 'down' }), 1000);
  assert.deepEqual([...changed.services].sort(), ['api', 'web']);
  assert.equal(verdictOf(fleet, 'm1', 'api'), 'down');
});

test('Fleet.receive() tells the votes behind a turn, with the error most agents gave', () => {
  const fleet = fleetOf(1);
  for (const agent of ['us1', 'eu1', 'us2']) fleet.receive(report(agent, 1, { [one]: 'up' }), 0);
  fleet.receive(report('eu1', 2, { [one]: { state: 'down', error: 'connect-refused' } }), 0);
  fleet.receive(report('us2', 2, { [one]: { state: 'down', error: 'connect-timeout' } }), 1);
  const states = { state: 'down' as const, error: 'connect-timeout' };
  const { turns } = fleet.receive(report('us3', 1, { [one]: states }), 2);
  assert.deepEqual(turns, [
    {
      service: 'web',
      member: 'm1',
      address: '192.0.2.1',
      from: 'up',
      to: 'down',
      cause: 'votes',
      check: one,
      agreeing: 3,
      voters: 4,
      error: 'connect-timeout',
    },
  ]);
});

test('Fleet.receive() takes no notice of old, repeated and old-boot reports', () => {
  const fleet = fleetOf(1);
  fleet.receive(report('eu1', 5, { [one]: 'up' }, { boot: 2 }), 0);
  for (const late of [
    report('eu1', 4, { [one]: 'down' }, { boot: 2 }),
    report('eu1', 5, { [one]: 'down' }, { boot: 2 }),
    report('eu1', 99, { [one]: 'down' }, { boot: 1 }),
  ]) {
    assert.equal(fleet.receive(late, 100).services.size, 0);
  }
  assert.equal(verdictOf(fleet, 'm1'), 'up');
  fleet.receive(report('eu1', 1, { [one]: 'down' }, { boot: 3 }), 200);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
});

test('Fleet does not let repeated reports keep an agent fresh', () => {
  const fleet = fleetOf(1);
  const only = report('eu1', 1, { [one]: 'up' });
  fleet.receive(only, 0);
  fleet.receive(only, 29_000);
  fleet.tick(30_000);
  assert.equal(verdictOf(fleet, 'm1'), 'unknown');
});

test('Fleet.tick() makes silence unknown, never down', () => {
  const fleet = fleetOf(2);
  fleet.receive(report('eu1', 1, { [one]: 'down', 'http@192.0.2.2': 'up' }), 0);
  fleet.tick(29_999);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
  const { turns } = fleet.tick(30_000);
  assert.deepEqual(
    turns.map(({ from, to, cause }) => [from, to, cause]),
    [
      ['down', 'unknown', 'silence'],
      ['up', 'unknown', 'silence'],
    ],
  );
});

test('Fleet takes nothing down when every agent is dead', () => {
  const fleet = fleetOf(5);
  const up = Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`http@192.0.2.${n}`, 'up' as const]));
  for (const agent of ['eu1', 'us1', 'ap1']) fleet.receive(report(agent, 1, up), 0);
  for (let nowMs = 1000; nowMs < 4_000_000; nowMs += 10_000) fleet.tick(nowMs);
  for (const { vips } of fleet.health('web')?.values() ?? []) {
    assert.deepEqual([...vips.values()], ['unknown']);
  }
});

test('Fleet takes nothing down when one agent region sees everything down', () => {
  const fleet = fleetOf(5);
  const all = (state: Verdict) =>
    Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`http@192.0.2.${n}`, state]));
  fleet.receive(report('us1', 1, all('up')), 0);
  for (const agent of ['eu1', 'eu2', 'eu3']) fleet.receive(report(agent, 1, all('down')), 1000);
  assert.deepEqual(
    [...fleet.health('web')!.values()].map(({ vips }) => [...vips.values()][0]),
    ['up', 'up', 'up', 'up', 'up'],
  );
});

test('Fleet does not believe an agent whose canaries fail', () => {
  const fleet = fleetOf(1);
  fleet.receive(report('eu1', 1, { [one]: 'down' }, { canariesOk: false }), 0);
  assert.equal(verdictOf(fleet, 'm1'), 'unknown');
  fleet.receive(report('eu1', 2, { [one]: 'down' }), 1000);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
});

test('Fleet counts an agent again when it comes back from silence with nothing new', () => {
  const fleet = fleetOf(1);
  fleet.receive(report('eu1', 1, { [one]: 'up' }), 0);
  fleet.tick(31_000);
  fleet.receive(report('eu1', 2, { [one]: 'up' }), 32_000);
  assert.equal(verdictOf(fleet, 'm1'), 'up');
});

test('Fleet holds a second flip and lets it through when the hold is over', () => {
  const fleet = fleetOf(1);
  fleet.receive(report('eu1', 1, { [one]: 'up' }), 0);
  fleet.receive(report('eu1', 2, { [one]: 'down' }), 5000);
  fleet.receive(report('eu1', 3, { [one]: 'up' }), 10_000);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
  const [target] = fleet.targets('web');
  assert.equal(target?.heldUntilMs, 35_000);
  fleet.tick(34_999);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
  assert.deepEqual([...fleet.tick(35_000).services], ['web']);
  assert.equal(verdictOf(fleet, 'm1'), 'up');
});

test('Fleet ramps a member that was down, step by step', () => {
  const fleet = fleetOf(1);
  fleet.receive(report('eu1', 1, { [one]: 'up' }), 0);
  fleet.receive(report('eu1', 2, { [one]: 'down' }), 1000);
  const ramp = () => fleet.health('web')?.get('m1')?.ramp;
  fleet.receive(report('eu1', 3, { [one]: 'up' }), 40_000);
  assert.equal(ramp(), 0.05);
  assert.equal(fleet.tick(41_000).services.size, 0);
  // The agent goes on reporting, so that its word stays fresh.
  const shares: (number | undefined)[] = [];
  for (let n = 1; n <= 20; n++) {
    const nowMs = 40_000 + n * 9000;
    fleet.receive(report('eu1', 3 + n, { [one]: 'up' }), nowMs);
    fleet.tick(nowMs);
    shares.push(ramp());
  }
  assert.deepEqual(
    shares,
    Array.from({ length: 20 }, (_, place) => (place + 1) / 20),
  );
});

test('Fleet holds a mass failure on the word of the only region that is still heard', () => {
  const fleet = fleetOf(4);
  const all = (state: Verdict) =>
    Object.fromEntries([1, 2, 3, 4].map((n) => [`http@192.0.2.${n}`, state]));
  fleet.receive(report('us1', 1, all('up')), 0);
  fleet.receive(report('eu1', 1, all('up')), 31_000);
  fleet.tick(32_000); // us1 is silent now, but it exists
  const { alarms, turns } = fleet.receive(report('eu1', 2, all('down')), 33_000);
  assert.deepEqual(turns, []);
  assert.deepEqual(alarms, [
    {
      service: 'web',
      member: 'm1',
      address: '192.0.2.1',
      verdict: 'up',
      region: 'eu',
      held: true,
      reason: 'share',
      awaited: ['us'],
    },
  ]);
  // The other region comes back and agrees.
  fleet.receive(report('us1', 2, all('down')), 34_000);
  assert.equal(verdictOf(fleet, 'm4'), 'down');
});

const hourMs = 3_600_000;

/** Two agents said that all is well; from then on `eu1` alone is heard, and says that `one` is down. */
function heardAlone(isEnrolled: boolean) {
  const fleet = fleetOf(4);
  if (isEnrolled) fleet.enrol(new Map(Object.entries({ eu1: 'eu', us1: 'us' })), 0);
  fleet.receive(report('us1', 1, { [one]: 'up' }), 0);
  fleet.receive(report('eu1', 1, { [one]: 'up' }), 0);
  let sequence = 1;
  const at = (nowMs: number) => {
    const changed = fleet.receive(report('eu1', ++sequence, { [one]: 'down' }), nowMs);
    fleet.tick(nowMs);
    return changed;
  };
  return { fleet, at };
}

test('Fleet lets one agent region take nothing down while another of the fleet is not heard', () => {
  const { fleet, at } = heardAlone(true);
  const { alarms } = at(33_000);
  assert.deepEqual(
    alarms.map(({ held, reason, awaited }) => [held, reason, awaited]),
    [[true, 'alone', ['us']]],
  );
  for (const nowMs of [600_000, hourMs, 23 * hourMs, 24 * hourMs - 1]) {
    at(nowMs);
    assert.equal(verdictOf(fleet, 'm1'), 'up', `at ${nowMs}`);
    const [target] = fleet.targets('web');
    assert.deepEqual(fleet.awaited(target!, nowMs), ['us']);
  }
  // Of an agent that said nothing for a day nobody expects a word: as if it had been revoked.
  at(24 * hourMs);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
  assert.deepEqual(
    fleet
      .agentRegions(24 * hourMs)
      .map(({ region, fresh, forgotten }) => [region, fresh, forgotten]),
    [
      ['eu', 1, 0],
      ['us', 0, 1],
    ],
  );
});

test('Fleet waits an hour for a region of agents that are not enrolled', () => {
  const { fleet, at } = heardAlone(false);
  at(33_000);
  at(hourMs - 1);
  assert.equal(verdictOf(fleet, 'm1'), 'up');
  at(hourMs);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
});

test('Fleet lets nothing fall on a word that grew old while no tick came', () => {
  const fleet = fleetOf(1);
  fleet.receive(report('us1', 1, { [one]: 'up' }, { canariesOk: false }), 0);
  fleet.receive(report('eu1', 1, { [one]: 'down' }), 0);
  assert.equal(verdictOf(fleet, 'm1'), 'unknown');
  fleet.tick(hourMs);
  assert.equal(verdictOf(fleet, 'm1'), 'unknown');
  assert.equal(fleet.ruling(one)?.voters, 0);
});

test('Fleet no longer waits for a region whose agents are revoked', () => {
  const { fleet, at } = heardAlone(true);
  at(33_000);
  assert.equal(verdictOf(fleet, 'm1'), 'up');
  fleet.enrol(new Map([['eu1', 'eu']]), 34_000);
  fleet.tick(34_000);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
});

test('Fleet waits again for an agent that was forgotten and is heard again', () => {
  const { fleet, at } = heardAlone(true);
  at(24 * hourMs);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
  const nowMs = 24 * hourMs + 60_000;
  fleet.receive(report('us1', 2, { [one]: 'up' }), nowMs);
  assert.equal(verdictOf(fleet, 'm1'), 'up');
  at(nowMs + 31_000);
  at(nowMs + 62_000);
  assert.equal(verdictOf(fleet, 'm1'), 'up');
});

test('Fleet counts a forgotten agent no more among those of which n must agree', () => {
  const fleet = fleetOf(1);
  const two = new Map([['http', { ...httpMonitor, quorum: 2 }]]);
  fleet.setService(planOf(1), two, 0);
  fleet.enrol(new Map(Object.entries({ eu1: 'eu', us1: 'us' })), 0);
  fleet.receive(report('eu1', 1, { [one]: 'down' }), 0);
  assert.equal(fleet.ruling(one)?.verdict, 'up');
  fleet.receive(report('eu1', 2, { [one]: 'down' }), 24 * hourMs);
  fleet.tick(24 * hourMs);
  assert.equal(fleet.ruling(one)?.verdict, 'down');
});

test('Fleet knows after a restart for how long an agent had been silent', () => {
  const { fleet, at } = heardAlone(true);
  at(23 * hourMs);
  const known = fleet.knownAgents(23 * hourMs);
  const later = fleetOf(4);
  later.expectAgents(known, 0);
  later.enrol(new Map(Object.entries({ eu1: 'eu', us1: 'us' })), 0);
  later.receive(report('eu1', 1, { [one]: 'down' }, { boot: 2 }), 1000);
  later.tick(1000);
  assert.equal(verdictOf(later, 'm1'), 'unknown');
  later.receive(report('eu1', 2, { [one]: 'down' }, { boot: 2 }), hourMs);
  later.tick(hourMs);
  assert.equal(verdictOf(later, 'm1'), 'down');
});

test('Fleet.words() shows agents that are waited for and have said nothing', () => {
  const { fleet } = heardAlone(true);
  fleet.enrol(new Map(Object.entries({ eu1: 'eu', us1: 'us', ap1: 'ap' })), 1000);
  const [target] = fleet.targets('web');
  assert.deepEqual(
    fleet
      .words(target!.check, 2000)
      .map(({ agent, counts, state }) => [agent, counts, state.state]),
    [
      ['ap1', false, 'unknown'],
      ['eu1', true, 'up'],
      ['us1', true, 'up'],
    ],
  );
});

test('Fleet does not wait for regions that have no opinion, as on IPv6 where there is none', () => {
  const fleet = new Fleet();
  const members = [1, 2, 3, 4, 5].map((n) => ({
    name: `m${n}`,
    addresses: [`192.0.2.${n}`, `2001:db8::${n}`],
    share: 0.2,
  }));
  fleet.setService({ ...planOf(1), members }, monitors, 0);
  const v6 = 'http@2001:db8::1';
  fleet.receive(report('us1', 1, { [one]: 'up', [v6]: 'unknown' }), 0);
  fleet.receive(report('eu1', 1, { [one]: 'down', [v6]: 'down' }), 0);
  const vips = fleet.health('web')?.get('m1')?.vips;
  assert.equal(vips?.get('192.0.2.1'), 'up');
  assert.equal(vips?.get('2001:db8::1'), 'down');
});

test('Fleet.enrol() makes the first region that is heard wait for the others', () => {
  const fleet = fleetOf(1);
  fleet.enrol(new Map(Object.entries({ eu1: 'eu', us1: 'us' })), 0);
  fleet.receive(report('eu1', 1, { [one]: 'down' }), 1000);
  assert.equal(verdictOf(fleet, 'm1'), 'unknown');
  fleet.receive(report('eu1', 2, { [one]: 'down' }), 59_000);
  fleet.tick(59_999);
  assert.equal(verdictOf(fleet, 'm1'), 'unknown');
});

test('Fleet.enrol() takes the vote of an agent that is no longer one of the fleet', () => {
  const fleet = fleetOf(1);
  const agents = new Map(Object.entries({ eu1: 'eu', us1: 'us' }));
  fleet.enrol(agents, 0);
  fleet.receive(report('eu1', 1, { [one]: 'down' }), 0);
  fleet.receive(report('us1', 1, { [one]: 'down' }), 0);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
  agents.delete('us1');
  fleet.enrol(agents, 1000);
  assert.equal(fleet.ruling(one)?.voters, 1);
});

test('Fleet.setMaintenance() marks turns as planned and keeps the guard out of them', () => {
  const fleet = fleetOf(2);
  fleet.setMaintenance('web', 'm1', true);
  fleet.receive(report('us1', 1, { [one]: 'up' }), 0);
  fleet.receive(report('eu1', 1, { [one]: 'up' }), 31_000);
  fleet.tick(32_000);
  const { alarms, turns } = fleet.receive(report('eu1', 2, { [one]: 'down' }), 33_000);
  assert.deepEqual(alarms, []);
  assert.deepEqual(
    turns.map(({ to, planned }) => [to, planned]),
    [['down', true]],
  );
});

test('Fleet tells of each check that was made once, not once per report', () => {
  const seen: unknown[] = [];
  const fleet = new Fleet((agent, member, connectMs) => seen.push([agent, member, connectMs]));
  fleet.setService(planOf(1), monitors, 0);
  const said = (made: number) => ({ [one]: { state: 'up', connectMs: 12.5, made } }) as const;
  for (const [place, made] of [1, 1, 2, 2, 2, 3].entries()) {
    fleet.receive(report('eu1', place + 1, said(made)), place * 1000);
  }
  assert.deepEqual(seen, [
    ['eu1', 'm1', 12.5],
    ['eu1', 'm1', 12.5],
  ]);
});

test('Fleet lets the one agent region that a monitor asks decide, however much it takes out', () => {
  const fleet = new Fleet();
  const near = new Map([['http', { ...httpMonitor, from: ['eu'], quorum: 3 as const }]]);
  fleet.setService(planOf(2), near, 0);
  fleet.enrol(new Map(Object.entries({ eu1: 'eu', eu2: 'eu', us1: 'us', ap1: 'ap' })), 0);
  fleet.receive(report('eu1', 1, { [one]: 'down' }), 1000);
  assert.equal(verdictOf(fleet, 'm1'), 'up', 'the other agent that is asked has not been heard');
  const { alarms } = fleet.receive(report('eu2', 1, { [one]: 'down' }), 1000);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
  assert.deepEqual(
    alarms.map(({ held, region }) => [held, region]),
    [[false, 'eu']],
  );
});

test('Fleet only raises an alarm for a mass failure where there is one region, once a minute', () => {
  const fleet = fleetOf(2);
  const all = { [one]: 'down', 'http@192.0.2.2': 'down' } as const;
  const { alarms, turns } = fleet.receive(report('eu1', 1, all), 0);
  assert.deepEqual(
    alarms.map(({ held }) => held),
    [false],
  );
  assert.equal(turns.length, 2);
});

test('Fleet gives the seconds until a failing member could fall', () => {
  const fleet = fleetOf(1, { watchesChange: true });
  fleet.receive(report('eu1', 1, { [one]: 'up' }), 0);
  const failing = { state: 'up', next: { state: 'down', checks: 2 } } as const;
  const changed = fleet.receive(report('eu1', 2, { [one]: failing }), 1000);
  assert.equal(fleet.health('web')?.get('m1')?.secondsToChange, 20);
  assert.deepEqual([...changed.services], ['web']);
  fleet.receive(report('eu1', 3, { [one]: 'up' }), 2000);
  assert.equal(fleet.health('web')?.get('m1')?.secondsToChange, undefined);
});

test('Fleet does not call a service changed for seconds that its TTL does not watch', () => {
  const fleet = fleetOf(1);
  fleet.receive(report('eu1', 1, { [one]: 'up' }), 0);
  const failing = { state: 'up', next: { state: 'down', checks: 2 } } as const;
  assert.equal(fleet.receive(report('eu1', 2, { [one]: failing }), 1000).services.size, 0);
  assert.equal(fleet.health('web')?.get('m1')?.secondsToChange, 20);
});

test('Fleet.setService() keeps the verdicts of what stays and drops what goes', () => {
  const fleet = fleetOf(2);
  fleet.receive(report('eu1', 1, { [one]: 'down', 'http@192.0.2.2': 'up' }), 0);
  fleet.setService({ ...planOf(3), rampMs: 1000 }, monitors, 1000);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
  assert.equal(verdictOf(fleet, 'm3'), 'unknown');
  fleet.setService(planOf(1), monitors, 2000);
  assert.deepEqual(
    fleet.checkTargets().map(({ id }) => id),
    [one],
  );
  fleet.removeService('web');
  assert.deepEqual(fleet.checkTargets(), []);
});

test('Fleet.setService() keeps the verdict while a monitor is edited', () => {
  const fleet = fleetOf(1);
  fleet.receive(report('eu1', 1, { [one]: 'down' }), 0);
  fleet.setService(planOf(1), new Map([['http', { ...httpMonitor, fall: 5 }]]), 1000);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
  assert.equal(fleet.checkTargets()[0]?.monitor.fall, 5);
});

test('Fleet.reportLoad() counts as a change only when it moved', () => {
  const fleet = fleetOf(1);
  assert.deepEqual([...fleet.reportLoad('web', 'm1', 100, 0)!.services], ['web']);
  assert.equal(fleet.reportLoad('web', 'm1', 101, 1000)?.services.size, 0);
  assert.equal(fleet.health('web')?.get('m1')?.load, 100);
  assert.equal(fleet.reportLoad('web', 'other', 1, 0), undefined);
  assert.deepEqual([...fleet.tick(61_000).services], ['web']);
  assert.equal(fleet.health('web')?.get('m1')?.load, undefined);
});

test('Fleet.restoreDown() is believed until the first fresh word', () => {
  const fleet = fleetOf(2);
  const changed = { services: new Set<string>(), turns: [], alarms: [] };
  const [target] = fleet.targets('web', 'm1');
  assert.ok(target !== undefined && fleet.restoreDown(target, 50_000, 0, changed));
  assert.equal(verdictOf(fleet, 'm1'), 'down');
  // The agent has not made up its mind yet.
  fleet.receive(report('eu1', 1, { [one]: 'unknown' }), 1000);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
  fleet.receive(report('eu1', 2, { [one]: 'up' }), 2000);
  assert.equal(verdictOf(fleet, 'm1'), 'up');
  assert.equal(fleet.health('web')?.get('m1')?.ramp, 0.05);
});

test('Fleet.restoreDown() is forgotten when no agent says anything', () => {
  const fleet = fleetOf(2);
  const changed = { services: new Set<string>(), turns: [], alarms: [] };
  const [target] = fleet.targets('web', 'm1');
  assert.ok(target !== undefined && fleet.restoreDown(target, 50_000, 0, changed));
  fleet.tick(59_999);
  assert.equal(verdictOf(fleet, 'm1'), 'down');
  fleet.tick(60_000);
  assert.equal(verdictOf(fleet, 'm1'), 'unknown');
});
