import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluate } from '../../src/policy/evaluate.ts';
import {
  failover,
  healthOf,
  question,
  regions,
  roundRobin,
  service,
  sharesOf,
  weighted,
} from './build.ts';

const members = { virginia: {}, ireland: {}, tokyo: {} };
const three = service(roundRobin(['virginia', 'ireland', 'tokyo']), members);

test('roundRobin rotates all eligible members evenly, whatever their weights', () => {
  const of = service(three.policy, { virginia: { weight: 9 }, ireland: {}, tokyo: {} });
  assert.deepEqual(sharesOf(of), { ireland: 0.333, tokyo: 0.333, virginia: 0.333 });
  assert.equal(evaluate(question(of)).choice.kind, 'rotate');
});

test('roundRobin gives up to `answers` addresses, members taking turns', () => {
  const of = service(roundRobin(['virginia', 'ireland'], { answers: 3 }), {
    virginia: { a: ['192.0.2.1', '192.0.2.2'] },
    ireland: { a: ['192.0.2.3', '192.0.2.4'] },
  });
  const { choice } = evaluate(question(of));
  assert.ok(choice.kind === 'rotate');
  assert.equal(choice.answers, 3);
  assert.deepEqual(
    choice.vips.map(({ address }) => address),
    ['192.0.2.1', '192.0.2.3', '192.0.2.2', '192.0.2.4'],
  );
});

test('roundRobin leaves out what is down', () => {
  const health = healthOf(three, { ireland: 'down' });
  assert.deepEqual(sharesOf(three, { health }), { tokyo: 0.5, virginia: 0.5 });
});

test('roundRobin at dial 10 gives a member 10 % of its normal share', () => {
  const found = sharesOf(three, { regions: regions({ ireland: { dial: 10 } }) });
  assert.deepEqual(found, { ireland: 0.033, tokyo: 0.483, virginia: 0.483 });
});

test('roundRobin gives a ramping or degraded member part of its normal share', () => {
  const ramping = healthOf(three, { ireland: { ramp: 0.5 } });
  const degraded = healthOf(three, { ireland: 'degraded' });
  const half = { ireland: 0.167, tokyo: 0.417, virginia: 0.417 };
  assert.deepEqual(sharesOf(three, { health: ramping }), half);
  assert.deepEqual(sharesOf(three, { health: degraded }), half);
});

test('roundRobin ignores dials, ramps and degradation that all share', () => {
  const health = healthOf(three, {
    virginia: { ramp: 0.1, verdict: 'degraded' },
    ireland: { ramp: 0.1, verdict: 'degraded' },
    tokyo: { ramp: 0.1, verdict: 'degraded' },
  });
  assert.equal(evaluate(question(three, { health })).choice.kind, 'rotate');
});

test('roundRobin keeps a weight-0 member until it is the only one', () => {
  const of = service(three.policy, { virginia: { weight: 0 }, ireland: {}, tokyo: {} });
  assert.deepEqual(sharesOf(of), { ireland: 0.5, tokyo: 0.5 });
  const health = healthOf(of, { ireland: 'down', tokyo: 'down' });
  assert.deepEqual(sharesOf(of, { health }), { virginia: 1 });
});

test('roundRobin lists a nested failover as the member that it comes to', () => {
  const of = service(roundRobin([failover(['virginia', 'ireland']), 'tokyo']), members);
  assert.deepEqual(sharesOf(of), { tokyo: 0.5, virginia: 0.5 });
  assert.equal(evaluate(question(of)).choice.kind, 'rotate');
});

test('roundRobin gives a nested child that draws its turn in so many queries', () => {
  const of = service(roundRobin(['oregon', 'frankfurt', weighted(['virginia', ['ireland', 3]])]), {
    ...members,
    oregon: {},
    frankfurt: {},
  });
  assert.deepEqual(sharesOf(of), {
    frankfurt: 0.333,
    ireland: 0.25,
    oregon: 0.333,
    virginia: 0.083,
  });
});
