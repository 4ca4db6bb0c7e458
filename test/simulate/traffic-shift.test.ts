import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { LatencyTable } from '../../src/latency/latency-table.ts';
import { trafficShift } from '../../src/simulate/traffic-shift.ts';
import { latency, nearest, regions, service } from '../policy/build.ts';
import { configurationOf, partsOf, type World } from './world.ts';

const members = { virginia: {}, ireland: {} };
const web = service(nearest(['virginia', 'ireland']), members);

function shift(before: World, after: World, parts = partsOf(before)) {
  return trafficShift(configurationOf(before), configurationOf(after), parts).map(
    ({ service: name, member, before: was, after: becomes }) =>
      `${name} ${member} ${was.toFixed(2)} ${becomes.toFixed(2)}`,
  );
}

test('trafficShift() lists members whose share differs, those of new and lost services too', () => {
  const before = { services: { web, gone: web }, regions: regions() };
  const after = {
    services: { web: { ...web, policy: service('ireland', members).policy }, fresh: web },
    regions: before.regions,
  };
  assert.deepEqual(shift(before, after), [
    'web virginia 0.70 0.00',
    'web ireland 0.30 1.00',
    'gone virginia 0.70 0.00',
    'gone ireland 0.30 0.00',
    'fresh virginia 0.00 0.70',
    'fresh ireland 0.00 0.30',
  ]);
});

test('trafficShift() is empty where nothing moves', () => {
  const before = { services: { web }, regions: regions() };
  assert.deepEqual(shift(before, before), []);
  const renewed = { services: { web: { ...web, ttl: { min: 5, max: 5 } } }, regions: regions() };
  assert.deepEqual(shift(before, renewed), []);
});

test('trafficShift() follows dials of regions', () => {
  const before = { services: { web }, regions: regions() };
  const after = { services: { web }, regions: regions({ ireland: { dial: 0 } }) };
  assert.deepEqual(shift(before, after), ['web virginia 0.70 1.00', 'web ireland 0.30 0.00']);
});

test('trafficShift() measures latency to where regions will stand', () => {
  const fast = service(latency(['virginia', 'ireland'], { toleranceMs: 0 }), members);
  const before = { services: { web: fast }, regions: regions() };
  const swapped = regions({
    virginia: { coordinates: { latitude: 53.3, longitude: -6.3 } },
    ireland: { coordinates: { latitude: 39, longitude: -77.5 } },
  });
  const stored = configurationOf(before);
  const table = new LatencyTable({
    clock: new VirtualClock(),
    coordinatesOf: (region) => stored.traffic.regions.get(region)?.coordinates,
  });
  const parts = { ...partsOf(before), estimate: table.estimate };
  assert.deepEqual(shift(before, { services: { web: fast }, regions: swapped }, parts), [
    'web virginia 0.70 0.30',
    'web ireland 0.30 0.70',
  ]);
});
