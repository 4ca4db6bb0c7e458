import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import { Random } from '../../src/base/random.ts';
import {
  createHealthControl,
  type HealthControlOptions,
  type HealthSnapshot,
} from '../../src/control/apply-health.ts';
import { alarmText } from '../../src/control/health-events.ts';
import type { Monitor } from '../../src/health/monitor.ts';
import type { CheckTarget, Report } from '../../src/health/report.ts';
import type { Verdict } from '../../src/health/verdict.ts';
import type { Member, Service, Traffic } from '../../src/policy/traffic.ts';
import { startAgent } from '../../src/probe/agent.ts';

const http: Monitor = {
  type: 'http',
  intervalMs: 10_000,
  timeoutMs: 4000,
  fall: 3,
  rise: 2,
  quorum: 'majority',
  port: 80,
};

function member(region: string, a: readonly string[], aaaa: readonly string[] = []): Member {
  return { region, a, aaaa, weight: 1, capacity: undefined, state: 'active' };
}

function service(members: readonly Member[], more: Partial<Service> = {}): Service {
  return {
    ttl: { min: 30, max: 30 },
    monitors: ['http'],
    members: new Map(members.map((one) => [one.region, one])),
    policy: { kind: 'member', member: members[0]?.region ?? '' },
    minHealthy: 0.5,
    whenAllDown: 'all',
    rampSeconds: 180,
    spill: false,
    ...more,
  };
}

function traffic(
  services: Readonly<Record<string, Service>>,
  monitors: Readonly<Record<string, Monitor>> = { http },
): Traffic {
  return {
    regions: new Map(),
    monitors: new Map(Object.entries(monitors)),
    services: new Map(Object.entries(services)),
    networks: [],
  };
}

const web = service([member('eu', ['192.0.2.1'], ['2001:db8::1']), member('us', ['192.0.2.2'])]);

function report(sequence: number, states: Readonly<Record<string, Verdict>>): Report {
  const results = Object.entries(states).map(([address, state]) => ({
    target: `http@${address}`,
    state,
    forMs: 500,
    ...(state === 'down' ? { error: 'connect-refused', errorText: 'refused' } : {}),
  }));
  return { agent: 'a1', region: 'here', boot: 1, sequence, canariesOk: true, results };
}

/** A virtual clock that can leap past its timers, as it does for a process that stood still. */
class StallingClock extends VirtualClock {
  #leapMs = 0;

  leap(byMs: number): void {
    this.#leapMs += byMs;
  }

  override monotonicMs(): number {
    return super.monotonicMs() + this.#leapMs;
  }
}

function stage(more: Partial<HealthControlOptions> = {}, log: Log = silentLog) {
  const clock = new StallingClock(Date.parse('2026-01-01T00:00:00Z'));
  const changes: string[][] = [];
  const plans: (readonly CheckTarget[])[] = [];
  const control = createHealthControl({
    clock,
    log,
    onServicesChanged: (names) => changes.push([...names]),
    onPlan: (targets) => plans.push(targets),
    ...more,
  });
  const vips = (name = 'web') =>
    Object.fromEntries([...control.health(name).values()].flatMap(({ vips: all }) => [...all]));
  return { clock, control, changes, plans, vips };
}

test('createHealthControl() gives the plan of all services, each check once', () => {
  const { control, plans } = stage();
  control.setTraffic(traffic({ web, api: service([member('us', ['192.0.2.2'])]) }));
  assert.deepEqual(
    plans.at(-1)?.map(({ id, address }) => [id, address]),
    [
      ['http@192.0.2.1', '192.0.2.1'],
      ['http@2001:db8::1', '2001:db8::1'],
      ['http@192.0.2.2', '192.0.2.2'],
    ],
  );
  assert.equal(control.plan(), plans.at(-1));
  control.close();
});

test('HealthControl.receive() tells which services changed before it returns', () => {
  const { control, changes, vips } = stage();
  control.setTraffic(traffic({ web }));
  changes.length = 0;
  control.receive(report(1, { '192.0.2.1': 'up', '192.0.2.2': 'down' }));
  assert.deepEqual(changes, [['web']]);
  assert.deepEqual(vips(), { '192.0.2.1': 'up', '2001:db8::1': 'unknown', '192.0.2.2': 'down' });
  control.receive(report(2, { '192.0.2.1': 'up', '192.0.2.2': 'down' }));
  assert.equal(changes.length, 1);
  control.close();
});

test('HealthControl.health() is empty for a service it does not know', () => {
  const { control } = stage();
  assert.equal(control.health('nothing').size, 0);
  assert.equal(control.service('nothing'), undefined);
  control.close();
});

test('HealthControl.setTraffic() keeps verdicts of what stays', () => {
  const { control, vips, plans } = stage();
  control.setTraffic(traffic({ web }));
  control.receive(report(1, { '192.0.2.1': 'down', '192.0.2.2': 'up' }));
  const moved = service([member('eu', ['192.0.2.1']), member('ap', ['192.0.2.3'])]);
  control.setTraffic(traffic({ web: moved }));
  assert.deepEqual(vips(), { '192.0.2.1': 'down', '192.0.2.3': 'unknown' });
  control.setTraffic(traffic({}));
  assert.equal(control.service('web'), undefined);
  assert.deepEqual(plans.at(-1), []);
  control.close();
});

test('HealthControl.setTraffic() gives an edited monitor to the agents', () => {
  const { control, plans } = stage();
  control.setTraffic(traffic({ web }));
  control.setTraffic(traffic({ web }, { http: { ...http, fall: 9 } }));
  assert.ok(plans.at(-1)?.every(({ monitor }) => monitor.fall === 9));
  control.close();
});

test('HealthControl.targets() shows every vote with its error and since when', () => {
  const { control, clock } = stage();
  control.setTraffic(traffic({ web }));
  clock.advance(5000);
  control.receive(report(1, { '192.0.2.2': 'down' }));
  clock.advance(1000);
  assert.deepEqual(control.targets('web', 'us'), [
    {
      service: 'web',
      member: 'us',
      address: '192.0.2.2',
      monitor: 'http',
      verdict: 'down',
      since: '2026-01-01T00:00:05.000Z',
      votes: [
        {
          agent: 'a1',
          region: 'here',
          state: 'down',
          since: '2026-01-01T00:00:04.500Z',
          counts: true,
          error: 'connect-refused',
          errorText: 'refused',
        },
      ],
    },
  ]);
  assert.equal(control.targets('web').length, 3);
  control.close();
});

test('HealthControl.targets() shows times to a tenth of a millisecond, whoever measured them', () => {
  const { control } = stage();
  control.setTraffic(traffic({ web }));
  const said = report(1, { '192.0.2.2': 'up' });
  const times = { connectMs: 1.0642360000056215, firstByteMs: 0.8861120000074152 };
  control.receive({ ...said, results: said.results.map((state) => ({ ...state, ...times })) });
  const [vote] = control.targets('web', 'us')[0]?.votes ?? [];
  assert.deepEqual([vote?.connectMs, vote?.firstByteMs, vote?.tlsMs], [1.1, 0.9, undefined]);
  control.close();
});

test('HealthControl.targets() shows a stale vote as unknown, and until when a flip is held', () => {
  const { control, clock } = stage();
  control.setTraffic(traffic({ web }));
  control.receive(report(1, { '192.0.2.2': 'up' }));
  control.receive(report(2, { '192.0.2.2': 'down' }));
  control.receive(report(3, { '192.0.2.2': 'up' }));
  const [held] = control.targets('web', 'us');
  assert.deepEqual([held?.verdict, held?.heldUntil], ['down', '2026-01-01T00:00:30.000Z']);
  clock.advance(40_000);
  const [stale] = control.targets('web', 'us');
  assert.deepEqual([stale?.verdict, stale?.votes[0]?.state], ['unknown', 'unknown']);
  control.close();
});

test('HealthControl says nothing of a member in maintenance but what is not well at its end', () => {
  const { control, clock } = stage();
  const maintenance = [{ from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:20Z' }];
  const us = { ...member('us', ['192.0.2.2']), maintenance };
  control.setTraffic(traffic({ web: service([member('eu', ['192.0.2.1']), us]) }));
  control.receive(report(1, { '192.0.2.1': 'up', '192.0.2.2': 'up' }));
  control.receive(report(2, { '192.0.2.1': 'up', '192.0.2.2': 'down' }));
  const texts = () => control.events(99, 99).map(({ text }) => text);
  assert.deepEqual(texts(), ['eu of web (192.0.2.1) came up: 1 of 1 agent']);
  const [target] = control.targets('web', 'us');
  assert.deepEqual([target?.verdict, target?.maintenance], ['down', true]);
  assert.equal(control.health('web').get('us')?.vips.get('192.0.2.2'), 'down');
  clock.advance(20_000);
  assert.equal(texts()[0], 'us of web (192.0.2.2) is down as its maintenance ends');
  assert.equal(control.targets('web', 'us')[0]?.maintenance, undefined);
  control.close();
});

test('HealthControl takes the word of a revoked agent at once', () => {
  const { control } = stage();
  const agent = (state: 'active' | 'revoked') => ({
    location: 'aws:eu-west-1',
    coordinates: { latitude: 53, longitude: -6 },
    region: 'eu',
    publicKey: '',
    state,
    canaries: new Map(),
  });
  const before = { ...traffic({ web }), agents: new Map([['a1', agent('active')]]) };
  control.setTraffic(before);
  control.receive(report(1, { '192.0.2.2': 'down' }));
  assert.equal(control.targets('web', 'us')[0]?.verdict, 'down');
  control.setTraffic({ ...before, agents: new Map([['a1', agent('revoked')]]) });
  assert.deepEqual(control.targets('web', 'us')[0]?.votes, []);
  assert.equal(control.targets('web', 'us')[0]?.verdict, 'unknown');
  control.close();
});

test('HealthControl tells connect times by the region of the member, once per check', () => {
  const seen: unknown[] = [];
  const onConnectTimes = (...sample: unknown[]) => void seen.push(sample);
  const { control } = stage({ onConnectTimes });
  control.setTraffic(traffic({ web, api: web }));
  for (const [sequence, made] of [1, 2, 2].entries()) {
    const { results, ...rest } = report(sequence + 1, { '192.0.2.2': 'up' });
    control.receive({ ...rest, results: results.map((one) => ({ ...one, connectMs: 7, made })) });
  }
  assert.deepEqual(seen, [['a1', 'us', 7]]);
  control.close();
});

test('HealthControl.events() lists changes only, newest first, as sentences', () => {
  const { control, clock } = stage();
  control.setTraffic(traffic({ web }));
  for (let n = 1; n <= 5; n++) control.receive(report(n, { '192.0.2.2': 'up' }));
  clock.advance(2000);
  control.receive(report(6, { '192.0.2.2': 'down' }));
  const texts = control
    .events(Number.POSITIVE_INFINITY, 10)
    .map(({ sequence, text }) => [sequence, text]);
  const alarm =
    'more than 25 % of web would go down within 60 s on the word of agent region here alone; there is no other agent region to ask, so it goes down';
  assert.deepEqual(texts, [
    [3, alarm],
    [2, 'us of web (192.0.2.2) went down: 1 of 1 agent, connect refused'],
    [1, 'us of web (192.0.2.2) came up: 1 of 1 agent'],
  ]);
  assert.deepEqual(
    control.events(3, 1).map(({ sequence }) => sequence),
    [2],
  );
  const [down] = control.events(3, 1);
  assert.deepEqual([down?.from, down?.to, down?.at], ['up', 'down', '2026-01-01T00:00:02.000Z']);
  control.close();
});

test('HealthControl lets time end holds and ramps, and tells of each step', () => {
  const { control, clock, changes } = stage();
  control.setTraffic(traffic({ web }));
  control.receive(report(1, { '192.0.2.2': 'down' }));
  clock.advance(20_000);
  control.receive(report(2, { '192.0.2.2': 'up' }));
  const ramp = () => control.health('web').get('us')?.ramp;
  assert.equal(ramp(), 0.05);
  changes.length = 0;
  for (let n = 3; n < 200; n++) {
    clock.advance(1000);
    control.receive(report(n, { '192.0.2.2': 'up' }));
  }
  assert.equal(ramp(), 1);
  assert.equal(changes.length, 19);
  control.close();
});

test('HealthControl does not take its own standstill for silence of the agents', () => {
  const { control, clock, vips } = stage();
  control.setTraffic(traffic({ web }));
  control.receive(report(1, { '192.0.2.2': 'down' }));
  clock.leap(60_000);
  clock.advance(1000);
  assert.equal(vips()['192.0.2.2'], 'down');
  // The reports that had waited would come now; there are none.
  clock.advance(1000);
  assert.equal(vips()['192.0.2.2'], 'unknown');
  control.close();
});

test('HealthControl.reportLoad() takes what names a member and tells of the rest', () => {
  const { control, changes } = stage();
  control.setTraffic(traffic({ web }));
  changes.length = 0;
  const { accepted, problems } = control.reportLoad([
    { service: 'web', member: 'us', load: 500 },
    { service: 'web', member: 'mars', load: 1 },
    { service: 'web', member: 'us', load: Number.NaN },
    { service: 'web', member: 'us', load: -1 },
  ]);
  assert.equal(accepted, 1);
  assert.deepEqual(
    problems.map(({ where }) => where),
    ['/samples/1', '/samples/2/load', '/samples/3/load'],
  );
  assert.equal(control.health('web').get('us')?.load, 500);
  assert.deepEqual(changes, [['web']]);
  control.close();
});

function snapshotOf(down: readonly string[]): HealthSnapshot {
  const { control } = stage();
  control.setTraffic(traffic({ web }));
  control.receive(report(1, Object.fromEntries(down.map((address) => [address, 'down' as const]))));
  const snapshot = control.snapshot();
  control.close();
  return JSON.parse(JSON.stringify(snapshot));
}

for (const order of ['before', 'after'] as const) {
  test(`HealthControl.restore() ${order} setTraffic keeps a dead VIP out of the answers`, () => {
    const { control, vips } = stage();
    if (order === 'before') control.restore(snapshotOf(['192.0.2.2']));
    control.setTraffic(traffic({ web }));
    if (order === 'after') control.restore(snapshotOf(['192.0.2.2']));
    assert.equal(vips()['192.0.2.2'], 'down');
    assert.match(control.events(9, 1)[0]?.text ?? '', /counts as down as before the restart/);
    control.receive(report(1, { '192.0.2.2': 'unknown' }));
    assert.equal(vips()['192.0.2.2'], 'down');
    control.receive(report(2, { '192.0.2.2': 'up' }));
    assert.equal(vips()['192.0.2.2'], 'up');
    control.close();
  });
}

test('HealthControl.restore() restores nothing where a family would be left without a VIP', () => {
  const { control, vips } = stage();
  control.setTraffic(traffic({ web }));
  control.restore(snapshotOf(['2001:db8::1', '192.0.2.1']));
  assert.deepEqual(new Set(Object.values(vips())), new Set(['unknown']));
  control.close();
});

test('HealthControl.restore() does not let the first agent that reports speak for all of before', () => {
  const { control: before } = stage();
  before.setTraffic(traffic({ web }));
  const well = report(1, { '192.0.2.1': 'up', '192.0.2.2': 'up' });
  before.receive(well);
  before.receive({ ...well, agent: 'a2', region: 'there' });
  const snapshot = before.snapshot();
  before.close();
  assert.deepEqual(snapshot.agents, [
    { agent: 'a1', region: 'here' },
    { agent: 'a2', region: 'there' },
  ]);

  const { control, vips } = stage();
  control.restore(snapshot);
  control.setTraffic(traffic({ web }));
  const bad = report(2, { '192.0.2.1': 'down', '192.0.2.2': 'down' });
  control.receive(bad);
  assert.deepEqual(new Set(Object.values(vips())), new Set(['unknown']));
  control.receive({ ...bad, agent: 'a2', region: 'there' });
  assert.deepEqual([vips()['192.0.2.1'], vips()['192.0.2.2']], ['down', 'down']);
  control.close();
});

test('HealthControl.restore() ignores what is too old, or from the future', () => {
  for (const ageMs of [600_001, -1]) {
    const { control, clock, vips } = stage();
    control.setTraffic(traffic({ web }));
    control.restore({ ...snapshotOf(['192.0.2.2']), atEpochMs: clock.epochMs() - ageMs });
    assert.equal(vips()['192.0.2.2'], 'unknown');
    control.close();
  }
});

test('HealthControl and an agent take a dead VIP out within interval × fall + 1 s', async () => {
  const { clock, control, vips } = stage();
  const verdicts = new Map<string, Verdict>();
  const agent = startAgent({
    agent: 'embedded',
    region: 'here',
    clock,
    random: new Random(1),
    log: silentLog,
    allowPrivateTargets: false,
    check: async ({ address }) => ({ outcome: verdicts.get(address) ?? 'up' }),
    report: (next) => control.receive(next),
  });
  control.setTraffic(traffic({ web }));
  agent.setPlan(control.plan());
  const run = async (untilDown: boolean, forMs: number) => {
    for (let passed = 0; passed < forMs; passed += 50) {
      clock.advance(50);
      for (let turn = 0; turn < 4; turn++) await Promise.resolve();
      if (untilDown && vips()['192.0.2.2'] === 'down') return passed;
    }
    return forMs;
  };
  await run(false, 60_000);
  assert.deepEqual(new Set(Object.values(vips())), new Set(['up']));
  verdicts.set('192.0.2.2', 'down');
  const tookMs = await run(true, 60_000);
  assert.ok(tookMs <= 31_000, `${tookMs} ms`);
  assert.equal(vips()['192.0.2.1'], 'up');
  agent.close();
  control.close();
});

test('alarmText() names the silent regions and what to do, also where much would go down', () => {
  const alarm = {
    ...{ service: 'web', member: 'eu', address: '192.0.2.1', verdict: 'up' as const },
    ...{ region: 'ams', held: true, awaited: ['bos', 'cpt'] },
  };
  const rest =
    ' on the word of agent region ams alone, while nothing is heard of bos, cpt; held up until another agrees. ' +
    'Revoke the agents of a region that is gone for good (after a day of silence it is forgotten)';
  const much = 'more than 25 % of web would go down within 60 s';
  assert.equal(alarmText({ ...alarm, reason: 'share' }), `${much}${rest}`);
  assert.equal(
    alarmText({ ...alarm, reason: 'alone' }),
    `eu of web (192.0.2.1) would go down${rest}`,
  );
  assert.equal(
    alarmText({ ...alarm, reason: 'share', awaited: [] }),
    `${much} on the word of agent region ams alone; held up until another agent region agrees`,
  );
});
