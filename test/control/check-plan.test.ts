import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CheckPlans } from '../../src/control/check-plan.ts';
import type { Monitor } from '../../src/health/monitor.ts';
import type { CheckTarget } from '../../src/health/report.ts';
import type { FleetAgent, Traffic } from '../../src/policy/traffic.ts';
import { readPlan } from '../../src/probe/plan.ts';
import { httpMonitor } from '../health/fleet-fixture.ts';

function agent(region: string, more: Partial<FleetAgent> = {}): FleetAgent {
  return {
    location: 'aws:eu-west-1',
    coordinates: { latitude: 53, longitude: -6 },
    region,
    publicKey: '',
    state: 'active',
    canaries: new Map(),
    ...more,
  };
}

const monitors: Readonly<Record<string, Monitor>> = {
  all: httpMonitor,
  eu: { ...httpMonitor, from: ['eu'] },
  one: { ...httpMonitor, from: ['us1'] },
  uplink: { ...httpMonitor, canaries: ['192.0.2.99'] },
};

function target(monitor: string, address: string): CheckTarget {
  return { id: `${monitor}@${address}`, address, monitor: monitors[monitor] as Monitor };
}

const targets = [target('one', '192.0.2.1'), target('eu', '192.0.2.2'), target('all', '192.0.2.3')];

function plansOf(agents: Readonly<Record<string, FleetAgent>>, all = targets): CheckPlans {
  const plans = new CheckPlans();
  plans.update(all, trafficOf(agents));
  return plans;
}

function trafficOf(agents: Readonly<Record<string, FleetAgent>>): Traffic {
  return {
    regions: new Map(),
    services: new Map(),
    networks: [],
    monitors: new Map(Object.entries(monitors)),
    agents: new Map(Object.entries(agents)),
  };
}

const idsOf = (plans: CheckPlans, name: string) =>
  readPlan(plans.planOf(name)?.body ?? '').targets.map(({ id }) => id);

test('CheckPlans gives each agent the checks that ask for it or its region, and canaries', () => {
  const plans = plansOf({ eu1: agent('eu'), us1: agent('us'), us2: agent('us') });
  const canary = 'canary:uplink@192.0.2.99';
  assert.deepEqual(idsOf(plans, 'eu1'), ['all@192.0.2.3', 'eu@192.0.2.2', canary]);
  assert.deepEqual(idsOf(plans, 'us1'), ['all@192.0.2.3', 'one@192.0.2.1', canary]);
  assert.deepEqual(idsOf(plans, 'us2'), ['all@192.0.2.3', canary]);
  const inside = plans.targetsFor('embedded', 'local').map(({ id }) => id);
  assert.deepEqual(inside, ['all@192.0.2.3', canary]);
});

test('CheckPlans gives an agent its own canaries besides', () => {
  const canaries = new Map([['all', ['192.0.2.98']]]);
  const plans = plansOf({ eu1: agent('eu', { canaries }), eu2: agent('eu') });
  assert.deepEqual(idsOf(plans, 'eu1').slice(-2), [
    'canary:all@192.0.2.98',
    'canary:uplink@192.0.2.99',
  ]);
  assert.notEqual(plans.planOf('eu1')?.digest, plans.planOf('eu2')?.digest);
  assert.equal(plans.planOf('eu1')?.layout, plans.planOf('eu2')?.layout, 'canaries are no votes');
});

test('CheckPlans gives equal plans whatever order the checks came in', () => {
  const agents = { eu1: agent('eu') };
  const one = plansOf(agents).planOf('eu1');
  assert.equal(plansOf(agents, targets.toReversed()).planOf('eu1')?.digest, one?.digest);
});

test('CheckPlans knows a plan for a while after it was replaced, and none of the revoked', () => {
  const plans = plansOf({ eu1: agent('eu') });
  const before = plans.planOf('eu1')?.digest ?? '';
  plans.update(targets.slice(0, 2), trafficOf({ eu1: agent('eu') }));
  assert.notEqual(plans.planOf('eu1')?.digest, before);
  assert.ok(plans.layouts.has(before));
  plans.update(targets, trafficOf({ eu1: agent('eu', { state: 'revoked' }) }));
  assert.equal(plans.planOf('eu1'), undefined);
});

test('readPlan() refuses what could not be carried out', () => {
  const digest = '00'.repeat(32);
  const base = { digest, monitors: { m: httpMonitor }, checks: [['m', '192.0.2.1']], canaries: [] };
  assert.equal(readPlan(JSON.stringify(base)).targets.length, 1);
  const bad: [object, RegExp][] = [
    [{ digest: 'x' }, /no digest/],
    [{ monitors: null }, /no monitors/],
    [{ checks: 'all' }, /no list/],
    [{ checks: [['m']] }, /no monitor or address/],
    [{ checks: [['other', '192.0.2.1']] }, /"other"/],
    [{ monitors: { m: { ...httpMonitor, timeoutMs: 20_000 } } }, /malformed/],
    [{ monitors: { m: { ...httpMonitor, intervalMs: 1 } } }, /malformed/],
  ];
  for (const [more, message] of bad) {
    assert.throws(() => readPlan(JSON.stringify({ ...base, ...more })), { message });
  }
});
