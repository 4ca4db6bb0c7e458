import assert from 'node:assert/strict';
import { test } from 'node:test';
import { healthOf, leastLoad, regions, roundRobin, service, sharesOf } from './build.ts';

const capacity = 100;
const of = service(leastLoad(['virginia', 'ireland', 'tokyo']), {
  virginia: { capacity: 200 },
  ireland: { capacity },
  tokyo: { capacity },
});

test('leastLoad shares by free capacity', () => {
  const health = healthOf(of, {
    virginia: { load: 100 },
    ireland: { load: 50 },
    tokyo: { load: 50 },
  });
  assert.deepEqual(sharesOf(of, { health }), { ireland: 0.25, tokyo: 0.25, virginia: 0.5 });
});

test('leastLoad shares by capacity where no load was reported', () => {
  assert.deepEqual(sharesOf(of), { ireland: 0.25, tokyo: 0.25, virginia: 0.5 });
});

test('leastLoad takes a member without a load for as loaded as the average', () => {
  const health = healthOf(of, { virginia: { load: 100 }, ireland: { load: 100 } });
  // Used 50 % and 100 %, so tokyo counts as 75 % used: free 100, 1 (the least), 25.
  assert.deepEqual(sharesOf(of, { health }), { ireland: 0.008, tokyo: 0.198, virginia: 0.794 });
});

test('leastLoad shares by capacity where every member is overloaded', () => {
  const health = healthOf(of, {
    virginia: { load: 900 },
    ireland: { load: 900 },
    tokyo: { load: 900 },
  });
  assert.deepEqual(sharesOf(of, { health }), { ireland: 0.25, tokyo: 0.25, virginia: 0.5 });
});

test('leastLoad counts a member without capacity as free as the average', () => {
  const mixed = service(of.policy, {
    virginia: { capacity: 300 },
    ireland: { capacity },
    tokyo: {},
  });
  assert.deepEqual(sharesOf(mixed), { ireland: 0.167, tokyo: 0.333, virginia: 0.5 });
  const none = service(of.policy, { virginia: {}, ireland: {}, tokyo: {} });
  assert.deepEqual(sharesOf(none), { ireland: 0.333, tokyo: 0.333, virginia: 0.333 });
});

test('leastLoad multiplies by dial, ramp and health', () => {
  const health = healthOf(of, { virginia: { ramp: 0.5 }, ireland: 'degraded' });
  const found = sharesOf(of, { health, regions: regions({ tokyo: { dial: 50 } }) });
  assert.deepEqual(found, { ireland: 0.25, tokyo: 0.25, virginia: 0.5 });
});

test('leastLoad does not count weights, but weight 0 is a standby', () => {
  const weights = service(of.policy, {
    virginia: { capacity, weight: 50 },
    ireland: { capacity },
    tokyo: { capacity, weight: 0 },
  });
  assert.deepEqual(sharesOf(weights), { ireland: 0.5, virginia: 0.5 });
  const health = healthOf(weights, { virginia: 'down', ireland: 'down' });
  assert.deepEqual(sharesOf(weights, { health }), { tokyo: 1 });
});

test('leastLoad sums load and capacity of a nested child', () => {
  const nested = service(leastLoad([roundRobin(['virginia', 'ireland']), 'tokyo']), {
    virginia: { capacity },
    ireland: { capacity },
    tokyo: { capacity },
  });
  const health = healthOf(nested, {
    virginia: { load: 90 },
    ireland: { load: 10 },
    tokyo: { load: 50 },
  });
  assert.deepEqual(sharesOf(nested, { health }), { ireland: 0.333, tokyo: 0.333, virginia: 0.333 });
});
