import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  colombo,
  fixedLatency,
  healthOf,
  latency,
  paris,
  regions,
  service,
  sharesOf,
} from './build.ts';

const members = { virginia: { weight: 3 }, ireland: { weight: 1 }, tokyo: {} };
const names = Object.keys(members);
const of = service(latency(names), members);

test('latency takes the member with the lowest estimate', () => {
  const estimate = fixedLatency({ virginia: 80, ireland: 20, tokyo: 200 });
  assert.deepEqual(sharesOf(of, { estimate }), { ireland: 1 });
});

test('latency lets members within toleranceMs share by weight', () => {
  const within = fixedLatency({ virginia: 30, ireland: 20, tokyo: 200 });
  assert.deepEqual(sharesOf(of, { estimate: within }), { ireland: 0.25, virginia: 0.75 });
  const beyond = fixedLatency({ virginia: 31, ireland: 20, tokyo: 200 });
  assert.deepEqual(sharesOf(of, { estimate: beyond }), { ireland: 1 });
});

test('latency lets members within toleranceRatio of a slow best share by weight', () => {
  const estimate = fixedLatency({ virginia: 220, ireland: 200, tokyo: 221 });
  assert.deepEqual(sharesOf(of, { estimate }), { ireland: 0.25, virginia: 0.75 });
});

test('latency at dial 30 sends 70 % of the clients of the fastest to the next', () => {
  const estimate = fixedLatency({ virginia: 80, ireland: 20, tokyo: 200 });
  const found = sharesOf(of, { estimate, regions: regions({ ireland: { dial: 30 } }) });
  assert.deepEqual(found, { ireland: 0.3, virginia: 0.7 });
});

test('latency shares among tied members by dial, and sends nobody further away', () => {
  const estimate = fixedLatency({ virginia: 25, ireland: 20, tokyo: 200 });
  const found = sharesOf(of, { estimate, regions: regions({ virginia: { dial: 50 } }) });
  assert.deepEqual(found, { ireland: 0.4, virginia: 0.6 });
});

test('latency counts members without an estimate as slowest', () => {
  const estimate = fixedLatency({ tokyo: 900 });
  assert.deepEqual(sharesOf(of, { estimate }), { tokyo: 1 });
});

test('latency shares by weight where nobody has an estimate, at any tolerance', () => {
  const expected = { ireland: 0.2, tokyo: 0.2, virginia: 0.6 };
  assert.deepEqual(sharesOf(of), expected);
  const strict = service(latency(names, { toleranceMs: 0, toleranceRatio: 0 }), members);
  assert.deepEqual(sharesOf(strict), expected);
});

test('latency works from distance where nothing was measured', () => {
  assert.deepEqual(sharesOf(of, { client: paris }), { ireland: 1 });
  const health = healthOf(of, { ireland: 'down' });
  assert.deepEqual(sharesOf(of, { client: paris, health }), { virginia: 1 });
  assert.deepEqual(sharesOf(of, { client: colombo }), { tokyo: 1 });
});
