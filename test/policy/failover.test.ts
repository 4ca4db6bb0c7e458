import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluate } from '../../src/policy/evaluate.ts';
import {
  failover,
  geo,
  healthOf,
  paris,
  question,
  regions,
  roundRobin,
  service,
  sharesOf,
  sticky,
} from './build.ts';

const members = { virginia: {}, ireland: {}, tokyo: {} };
const three = service(failover(['virginia', 'ireland', 'tokyo']), members);

test('failover takes the first child that stands', () => {
  assert.deepEqual(sharesOf(three), { virginia: 1 });
  assert.deepEqual(sharesOf(three, { health: healthOf(three, { virginia: 'down' }) }), {
    ireland: 1,
  });
});

test('failover stays on a degraded child', () => {
  const health = healthOf(three, { virginia: 'degraded' });
  assert.deepEqual(sharesOf(three, { health }), { virginia: 1 });
});

test('failover at dial 30 keeps 30 % and sends 70 % to the next', () => {
  const found = sharesOf(three, { regions: regions({ virginia: { dial: 30 } }) });
  assert.deepEqual(found, { ireland: 0.7, virginia: 0.3 });
});

test('failover brings a recovered child back by its ramp', () => {
  const ramp = (share: number) =>
    sharesOf(three, { health: healthOf(three, { virginia: { ramp: share } }) });
  assert.deepEqual(ramp(0.25), { ireland: 0.75, virginia: 0.25 });
  assert.deepEqual(ramp(1), { virginia: 1 });
});

test('failover ignores the ramp of a child that is the only one left', () => {
  const health = healthOf(three, { virginia: 'down', ireland: { ramp: 0.1 }, tokyo: 'down' });
  assert.deepEqual(sharesOf(three, { health }), { ireland: 1 });
});

test('failover keeps its order when every child is dialed down alike', () => {
  const found = sharesOf(three, {
    regions: regions({ virginia: { dial: 30 }, ireland: { dial: 30 }, tokyo: { dial: 30 } }),
  });
  assert.deepEqual(found, { virginia: 1 });
});

test('failover with spill hands demand above capacity to the next child', () => {
  const of = service(three.policy, { ...members, virginia: { capacity: 100 } }, { spill: true });
  const health = healthOf(of, { virginia: { load: 125 } });
  assert.deepEqual(sharesOf(of, { health }), { ireland: 0.2, virginia: 0.8 });
});

const groups = service(
  failover([roundRobin(['virginia', 'oregon']), roundRobin(['ireland', 'frankfurt'])], {}),
  { virginia: {}, oregon: {}, ireland: {}, frankfurt: {} },
  { minHealthy: 0.6 },
);

test('failover moves on from a group below minHealthy', () => {
  assert.deepEqual(sharesOf(groups, { health: healthOf(groups, { oregon: 'down' }) }), {
    frankfurt: 0.5,
    ireland: 0.5,
  });
});

test('failover takes the first group with anything left when all are below minHealthy', () => {
  const health = healthOf(groups, { oregon: 'down', ireland: 'down' });
  assert.deepEqual(sharesOf(groups, { health }), { virginia: 1 });
});

test('failover counts drained members on neither side of minHealthy', () => {
  const found = sharesOf(groups, { regions: regions({ oregon: { state: 'drained' } }) });
  assert.deepEqual(found, { virginia: 1 });
});

test('failover counts minHealthy by weight', () => {
  const of = service(
    groups.policy,
    { virginia: { weight: 9 }, oregon: { weight: 1 }, ireland: {}, frankfurt: {} },
    { minHealthy: 0.6 },
  );
  assert.deepEqual(sharesOf(of, { health: healthOf(of, { oregon: 'down' }) }), { virginia: 1 });
  assert.deepEqual(sharesOf(of, { health: healthOf(of, { virginia: 'down' }) }), {
    frankfurt: 0.5,
    ireland: 0.5,
  });
});

test('failover nested in another node stands as long as one of its children does', () => {
  const of = service(
    geo([[{ continent: ['EU'] }, failover(['ireland', 'virginia', 'oregon'])]], 'tokyo'),
    {
      ireland: { weight: 5 },
      virginia: {},
      oregon: {},
      tokyo: {},
    },
  );
  const health = healthOf(of, { ireland: 'down' });
  assert.deepEqual(sharesOf(of, { client: paris, health }), { virginia: 1 });
});

test('failover with a minHealthy of its own fails by it', () => {
  const inner = failover(['ireland', 'virginia'], { minHealthy: 0.9 });
  const of = service(geo([[{ continent: ['EU'] }, inner]], 'tokyo'), {
    ireland: {},
    virginia: {},
    tokyo: {},
  });
  const health = healthOf(of, { ireland: 'down' });
  assert.deepEqual(sharesOf(of, { client: paris, health }), { tokyo: 1 });
});

test('failover splits by hash, not by chance, where a child is sticky', () => {
  const of = service(failover([sticky(['virginia', 'oregon']), 'tokyo']), {
    virginia: {},
    oregon: {},
    tokyo: {},
  });
  const dialed = regions({ virginia: { dial: 40 }, oregon: { dial: 40 } });
  assert.equal(evaluate(question(of, { regions: dialed })).choice.kind, 'sticky');
  assert.deepEqual(sharesOf(of, { regions: dialed }), { oregon: 0.2, tokyo: 0.6, virginia: 0.2 });
});

test('failover passes over a weight-0 child while another can serve', () => {
  const of = service(three.policy, { virginia: { weight: 0 }, ireland: {}, tokyo: {} });
  assert.deepEqual(sharesOf(of), { ireland: 1 });
  const dialed = sharesOf(of, { regions: regions({ ireland: { dial: 1 }, tokyo: { dial: 1 } }) });
  assert.deepEqual(dialed, { ireland: 1 }, 'a dial does not call the standby');
});
