import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { MeridianError } from '../../src/base/errors.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { type Bench, berlin, by, openBench, put } from './fixtures.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));
const inMs = ({ clock }: { clock: VirtualClock }, ms: number) =>
  new Date(clock.epochMs() + ms).toISOString();
const eu = ({ controller }: Bench) => controller.configuration().traffic.regions.get('eu');

test('a region goes back when its expiry passes, as a revision of its own', async () => {
  const bench = await openBench();
  const { controller, clock, store } = bench;
  await controller.apply([put('region', 'eu', { ...berlin, dial: 80 })], by);
  const drill = {
    ...berlin,
    dial: 0,
    state: 'down',
    expiry: { at: inMs(bench, 60_000), dial: 80 },
  };
  await controller.apply([put('region', 'eu', drill)], by);
  clock.advance(59_999);
  await settle();
  assert.equal(eu(bench)?.state, 'down');
  clock.advance(1);
  await settle();
  assert.deepEqual(eu(bench), { coordinates: berlin, dial: 80, state: 'active' });
  assert.equal(store.latest(), 3);
  assert.equal(store.revision(3)?.actor, 'expiry');
});

test('an expiry that passed while nobody was there is kept at the next start', async () => {
  const clock = new VirtualClock();
  const store = new MemoryStore(() => clock.epochMs());
  const first = await openBench({ store, clock });
  const drill = { ...berlin, state: 'drained', expiry: { at: inMs(first, 60_000) } };
  await first.controller.apply([put('region', 'eu', drill)], by);
  await first.controller.close();
  clock.advance(120_000);
  await settle();
  assert.equal(store.latest(), 1);
  const second = await openBench({ store, clock });
  clock.advance(0);
  await settle();
  assert.equal(eu(second)?.state, 'active');
  assert.equal(store.latest(), 2);
});

test('a later word about the region takes the expiry away', async () => {
  const bench = await openBench();
  const { controller, clock, store } = bench;
  const drill = { ...berlin, state: 'down', expiry: { at: inMs(bench, 60_000) } };
  await controller.apply([put('region', 'eu', drill)], by);
  await controller.apply([put('region', 'eu', { ...berlin, state: 'down' })], by);
  clock.advance(120_000);
  await settle();
  assert.equal(eu(bench)?.state, 'down');
  assert.equal(store.latest(), 2);
});

test('several expiries are each kept in their time, months away too', async () => {
  const bench = await openBench();
  const { controller, clock } = bench;
  const until = (ms: number) => ({ ...berlin, dial: 1, expiry: { at: inMs(bench, ms) } });
  const days = 86_400_000;
  await controller.apply(
    [put('region', 'eu', until(90 * days)), put('region', 'us', until(5000))],
    by,
  );
  const dials = () =>
    [...controller.configuration().traffic.regions.values()].map(({ dial }) => dial);
  clock.advance(5000);
  await settle();
  assert.deepEqual(dials(), [1, 100]);
  for (let day = 0; day < 89; day++) {
    clock.advance(days);
    await settle();
  }
  assert.deepEqual(dials(), [1, 100]);
  clock.advance(days);
  await settle();
  assert.deepEqual(dials(), [100, 100]);
});

test('a restoration that fails is logged and tried again', async () => {
  const bench = await openBench();
  const { controller, clock, faults, errors } = bench;
  const drill = { ...berlin, state: 'down', expiry: { at: inMs(bench, 1000) } };
  await controller.apply([put('region', 'eu', drill)], by);
  faults.compile = new MeridianError({ code: 'E_LIMIT', message: 'no; wait' });
  clock.advance(1000);
  await settle();
  assert.equal(eu(bench)?.state, 'down');
  assert.equal(errors.length, 1);
  faults.compile = undefined;
  clock.advance(10_000);
  await settle();
  assert.equal(eu(bench)?.state, 'active');
});

test('close() leaves no timer that would still change something', async () => {
  const bench = await openBench();
  const drill = { ...berlin, state: 'down', expiry: { at: inMs(bench, 1000) } };
  await bench.controller.apply([put('region', 'eu', drill)], by);
  await bench.controller.close();
  bench.clock.advance(5000);
  await settle();
  assert.equal(bench.store.latest(), 1);
});
