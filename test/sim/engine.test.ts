import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { EventHeap } from './engine/event-heap.ts';
import { SimNetwork } from './engine/sim-network.ts';
import { SimProcess } from './engine/sim-process.ts';
import { openSimStore, SimDisk } from './engine/sim-store.ts';
import { runSeed, Simulation } from './engine/simulation.ts';
import { worlds } from './worlds.ts';

const entry = { at: '2026-01-01T00:00:00Z', actor: 'a', summary: 's', changes: [] };

test('EventHeap gives events back by time, and in their order within a moment', () => {
  const random = new Random(1);
  const heap = new EventHeap();
  const times = Array.from({ length: 500 }, () => random.below(40));
  for (const time of times) heap.push(time, () => {});
  const popped = times.map(() => heap.pop());
  const sorted = [...popped].sort((a, b) => {
    return (a?.atMs ?? 0) - (b?.atMs ?? 0) || (a?.order ?? 0) - (b?.order ?? 0);
  });
  assert.deepEqual(popped, sorted);
  assert.equal(heap.pop(), undefined);
});

test('Simulation lets promises settle between two events', async () => {
  const world = new Simulation(1);
  const seen: string[] = [];
  world.after(5, () => {
    void (async () => {
      for (let n = 0; n < 50; n++) await undefined;
      seen.push('the end of the first');
    })();
  });
  world.after(5, () => seen.push('the second'));
  await world.run(10);
  assert.deepEqual(seen, ['the end of the first', 'the second']);
  assert.equal(world.nowMs, 10);
});

test('Simulation fails when code under test rejects and nobody listens', async () => {
  const world = new Simulation(1);
  world.after(1, () => void Promise.reject(new Error('unheard')));
  await assert.rejects(world.run(10), /unheard/);
});

for (const name of Object.keys(worlds) as (keyof typeof worlds)[]) {
  test(`a seed of the ${name} world tells the same story twice`, async () => {
    const tell = () => runSeed(7, name, async (world) => void (await worlds[name](world)));
    const [one, other] = [await tell(), await tell()];
    assert.ok(one.events > 100);
    assert.equal(other.events, one.events);
    assert.equal(other.story(), one.story());
  });
}

test('runSeed() says how to see a failure again', async () => {
  const failing = runSeed(42, 'fleet', async (world) => {
    world.note('something happens');
    world.demand(false, 'never', 'it did');
  });
  await assert.rejects(
    failing,
    /never: it did\n.*MERIDIAN_SIM_SEED=42 npm run sim -- fleet\n.*some/,
  );
});

test('SimProcess keeps timers and arrivals while it is stopped, and drops them at its end', async () => {
  const world = new Simulation(1);
  const process = new SimProcess(world, 'p', { skewMs: 1000, rate: 2 });
  const seen: string[] = [];
  process.setTimer(10, () => seen.push(`timer at ${process.monotonicMs()}`));
  process.setTimer(10, () => seen.push('cancelled'))();
  await world.run(1);
  process.stop();
  world.after(2, () => process.arrive(() => seen.push('arrival')));
  await world.run(20);
  assert.equal(seen.length, 0);
  process.resume();
  await world.run(21);
  assert.deepEqual(seen, ['timer at 40', 'arrival']);
  process.setTimer(1, () => seen.push('after the end'));
  process.end();
  process.arrive(() => seen.push('after the end'));
  await world.run(30);
  assert.deepEqual(seen, ['timer at 40', 'arrival']);
});

test('SimNetwork loses, repeats and reorders, and lets nothing through a cut', async () => {
  const world = new Simulation(3);
  const network = new SimNetwork(world);
  network.quality = { leastMs: 1, meanMs: 20, loss: 0.2, duplication: 0.2 };
  const seen: number[] = [];
  for (let n = 0; n < 200; n++) network.send('a', 'b', () => seen.push(n));
  await world.run(1000);
  assert.ok(new Set(seen).size < 200);
  assert.ok(new Set(seen).size < seen.length);
  assert.notDeepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  network.cut('a', 'b');
  network.send('a', 'b', () => assert.fail('it passed'));
  await world.run(2000);
});

test('openSimStore() keeps what was synced, through a loss of power', () => {
  const disk = new SimDisk();
  const store = openSimStore(disk, () => 0);
  store.commit(0, entry);
  store.commit(1, { ...entry, term: 3 });
  store.undo(2);
  disk.lose(0);
  const again = openSimStore(disk, () => 0);
  assert.equal(again.latest(), 1);
  assert.equal(again.digest(), store.digest());
  assert.equal(again.term(), 3);
  const replacement = again.replacement();
  replacement.addObjects([{ kind: 'zone', id: 'z.', body: '{}', revision: 5 }]);
  replacement.finish({ term: 4, latest: 5, digest: 'f'.repeat(64), history: [] });
  disk.lose(0);
  const third = openSimStore(disk, () => 0);
  assert.deepEqual([third.latest(), third.term(), [...third.objects()].length], [5, 4, 1]);
});

test('openSimStore() loses what was never synced, and fails as disks do', () => {
  const disk = new SimDisk();
  const careless = openSimStore(
    disk,
    () => 0,
    undefined,
    () => {},
  );
  careless.commit(0, entry);
  disk.lose(0.4);
  assert.equal(openSimStore(disk, () => 0).latest(), 0);
  let deaths = 0;
  const faults = ['full', 'torn', 'whole'] as const;
  let next = 0;
  const store = openSimStore(disk, () => 0, {
    next: () => faults[next++] ?? 'none',
    die: () => deaths++,
  });
  assert.throws(() => store.commit(0, entry), /no space left/);
  assert.throws(() => store.commit(0, entry), /before the write/);
  assert.equal(openSimStore(disk, () => 0).latest(), 0);
  assert.throws(() => store.commit(0, entry), /after the write/);
  assert.equal(openSimStore(disk, () => 0).latest(), 1);
  assert.equal(deaths, 2);
});
