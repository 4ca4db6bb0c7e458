import assert from 'node:assert/strict';
import { test } from 'node:test';
import { healthOf, regions, roundRobin, service, sharesOf, weighted } from './build.ts';

const three = service(weighted(['virginia', 'ireland', 'tokyo']), {
  virginia: { weight: 3 },
  ireland: { weight: 2 },
  tokyo: { weight: 1 },
});

test('weighted shares by member weight', () => {
  assert.deepEqual(sharesOf(three), { ireland: 0.333, tokyo: 0.167, virginia: 0.5 });
});

test('weighted prefers the weight given with a child', () => {
  const of = service(weighted(['virginia', ['ireland', 9]]), {
    virginia: { weight: 1 },
    ireland: { weight: 2 },
  });
  assert.deepEqual(sharesOf(of), { ireland: 0.9, virginia: 0.1 });
});

test('weighted multiplies weight, dial, ramp and health factor', () => {
  const health = healthOf(three, { virginia: { ramp: 0.5 }, ireland: 'degraded' });
  // 3 × 0.5 × 0.4, 2 × 0.5, 1
  assert.deepEqual(sharesOf(three, { health, regions: regions({ virginia: { dial: 40 } }) }), {
    ireland: 0.385,
    tokyo: 0.385,
    virginia: 0.231,
  });
});

test('weighted counts the share of VIPs that are eligible', () => {
  const of = service(weighted(['virginia', 'ireland']), {
    virginia: { a: ['192.0.2.1', '192.0.2.2'] },
    ireland: {},
  });
  const vips = new Map([['192.0.2.2', 'down']] as const);
  const health = new Map([['virginia', { vips, ramp: 1 }]]);
  assert.deepEqual(sharesOf(of, { health }), { ireland: 0.667, virginia: 0.333 });
});

test('weighted gives a ramping member everything when nothing else is eligible', () => {
  const health = healthOf(three, { virginia: { ramp: 0.1 }, ireland: 'down', tokyo: 'down' });
  assert.deepEqual(sharesOf(three, { health }), { virginia: 1 });
});

test('weighted turns to weight 0 only when nothing else can serve, then to equals', () => {
  const of = service(weighted(['virginia', 'ireland', ['tokyo', 0]]), {
    virginia: {},
    ireland: { weight: 0 },
    tokyo: {},
  });
  assert.deepEqual(sharesOf(of), { virginia: 1 });
  const health = healthOf(of, { virginia: 'down' });
  assert.deepEqual(sharesOf(of, { health }), { ireland: 0.5, tokyo: 0.5 });
});

test('weighted weighs a nested child by the sum of its eligible members', () => {
  const of = service(weighted([roundRobin(['virginia', 'ireland', 'oregon']), 'tokyo']), {
    virginia: { weight: 3 },
    ireland: { weight: 2 },
    oregon: { weight: 1 },
    tokyo: { weight: 5 },
  });
  const health = healthOf(of, { oregon: 'down' });
  assert.deepEqual(sharesOf(of, { health }), { ireland: 0.25, tokyo: 0.5, virginia: 0.25 });
});

test('weighted keeps a given weight of a nested child while it stands', () => {
  const of = service(weighted([[roundRobin(['virginia', 'ireland']), 3], 'tokyo']), {
    virginia: {},
    ireland: {},
    tokyo: {},
  });
  const health = healthOf(of, { ireland: 'down' });
  assert.deepEqual(sharesOf(of, { health }), { tokyo: 0.25, virginia: 0.75 });
});

test('weighted drops a nested child below its minHealthy', () => {
  const group = roundRobin(['virginia', 'ireland'], { minHealthy: 0.9 });
  const of = service(weighted([[group, 3], 'tokyo']), { virginia: {}, ireland: {}, tokyo: {} });
  const health = healthOf(of, { ireland: 'down' });
  assert.deepEqual(sharesOf(of, { health }), { tokyo: 1 });
  const more = healthOf(of, { ireland: 'down', tokyo: 'down' });
  assert.deepEqual(sharesOf(of, { health: more }), { virginia: 1 }, 'nothing better is left');
});

test('weighted with spill keeps capacity / load of a share and hands on the rest', () => {
  const capacity = 100;
  const of = service(
    weighted(['virginia', 'ireland', 'tokyo']),
    { virginia: { capacity, weight: 2 }, ireland: { capacity }, tokyo: { capacity } },
    { spill: true },
  );
  const health = healthOf(of, { virginia: { load: 200 }, ireland: { load: 100 } });
  assert.deepEqual(sharesOf(of, { health }), { ireland: 0.375, tokyo: 0.375, virginia: 0.25 });
  const full = healthOf(of, {
    virginia: { load: 200 },
    ireland: { load: 400 },
    tokyo: { load: 400 },
  });
  assert.deepEqual(sharesOf(of, { health: full }), {
    ireland: 0.167,
    tokyo: 0.167,
    virginia: 0.667,
  });
});
