import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { generateClusterKeys, readClusterKeys } from '../../src/cluster/keys.ts';
import { MemoryBus, MemoryBusServer } from '../../src/cluster/memory-bus.ts';
import { Envelope } from '../../src/cluster/messages.ts';
import { ReportRelay } from '../../src/cluster/report-relay.ts';

const keys = readClusterKeys(generateClusterKeys().privatePem, 'key');
const envelope = new Envelope('test', keys);

type Test = { after(callback: () => void | Promise<void>): void };

/** Controllers on one bus, and what each was passed on: octets as text. */
function newControllers(t: Test, names: readonly string[]) {
  const clock = new VirtualClock();
  const server = new MemoryBusServer(clock);
  const living = new Set(names);
  const controllers = names.map((id) => {
    const bus = new MemoryBus(server);
    const taken: string[] = [];
    const relay = new ReportRelay({
      ...{ bus, envelope, id, clock, log: silentLog },
      others: () => [...living].filter((other) => other !== id),
      take: (item) => {
        taken.push(item instanceof Uint8Array ? Buffer.from(item).toString() : String(item));
      },
    });
    t.after(async () => {
      await bus.close();
      await relay.close();
    });
    return { id, relay, taken, bus };
  });
  /** Lets time pass, in steps in which what is posted arrives. */
  const pass = async (ms: number) => {
    for (let at = 0; at < ms; at += 100) {
      clock.advance(100);
      for (let turn = 0; turn < 10; turn += 1) {
        await new Promise<void>((done) => setImmediate(done));
      }
    }
  };
  /** An agent reports to some controllers. */
  const report = (sequence: number, heardBy: readonly string[], agent = 'eu1') => {
    for (const { id, relay } of controllers) {
      if (!heardBy.includes(id)) continue;
      relay.hear({ agent, boot: 7, sequence }, Buffer.from(`${agent} ${sequence}`));
    }
  };
  return { controllers, living, pass, report, taken: (at: number) => controllers[at]?.taken ?? [] };
}

/** Reports once a second; the last is `to`. */
async function reportTo(
  world: ReturnType<typeof newControllers>,
  [from, to]: readonly [number, number],
  heardBy: readonly string[],
): Promise<void> {
  for (let sequence = from; sequence <= to; sequence += 1) {
    world.report(sequence, heardBy);
    await world.pass(1000);
  }
}

test('ReportRelay spares what every other controller hears from the agent itself', async (t) => {
  const world = newControllers(t, ['a', 'b', 'c']);
  await world.pass(100);
  await reportTo(world, [1, 10], ['a', 'b', 'c']);
  for (const { taken, relay } of world.controllers) {
    // At first nobody knows whom the others hear.
    assert.ok(
      taken.every((one) => one === 'eu1 1'),
      taken.join(),
    );
    assert.equal(relay.reports.spared, 9);
  }
});

test('ReportRelay passes on everything of an agent that one other controller does not hear', async (t) => {
  const world = newControllers(t, ['a', 'b', 'c']);
  await world.pass(100);
  await reportTo(world, [1, 6], ['a', 'b']);
  const want = ['1', '2', '3', '4', '5', '6'].map((one) => `eu1 ${one}`);
  assert.deepEqual(
    world.taken(2).filter((_, at) => at % 2 === 0),
    want,
  );
  assert.deepEqual(
    world.taken(2).filter((_, at) => at % 2 === 1),
    want,
  );
});

test('A controller that loses an agent has its reports again from the third on', async (t) => {
  const world = newControllers(t, ['a', 'b']);
  await world.pass(100);
  await reportTo(world, [1, 5], ['a', 'b']);
  assert.ok(!world.taken(1).includes('eu1 5'));
  await reportTo(world, [6, 10], ['a']);
  assert.deepEqual(world.taken(1).slice(-3), ['eu1 8', 'eu1 9', 'eu1 10']);
  // Both hear it again: they soon know.
  await reportTo(world, [11, 15], ['a', 'b']);
  assert.ok(!world.taken(1).some((one) => Number(one.slice(4)) > 12), world.taken(1).join());
});

test('ReportRelay passes on what a change of state has sent between, when nobody can have heard of it', async (t) => {
  const world = newControllers(t, ['a', 'b']);
  await world.pass(100);
  await reportTo(world, [1, 5], ['a', 'b']);
  for (const sequence of [6, 7, 8]) world.report(sequence, ['a']);
  await world.pass(100);
  assert.equal(world.taken(1).at(-1), 'eu1 8');
});

test('ReportRelay believes no controller that has said nothing for long, nor for another boot', async (t) => {
  const world = newControllers(t, ['a', 'b']);
  const [a, b] = world.controllers;
  await world.pass(100);
  await reportTo(world, [1, 5], ['a', 'b']);
  // It lives and its reports arrive, but its words do not.
  assert.ok(a !== undefined && b !== undefined);
  b.bus.fault = (operation) => (operation === 'post' ? 'refuse' : undefined);
  await world.pass(2500);
  a.relay.hear({ agent: 'eu1', boot: 7, sequence: 6 }, Buffer.from('eu1 6'));
  await world.pass(100);
  assert.equal(world.taken(1).at(-1), 'eu1 6');
  b.bus.fault = () => undefined;
  await reportTo(world, [7, 12], ['a', 'b']);
  assert.ok(!world.taken(1).includes('eu1 12'));
  a.relay.hear({ agent: 'eu1', boot: 8, sequence: 1 }, Buffer.from('again 1'));
  await world.pass(100);
  assert.equal(world.taken(1).at(-1), 'again 1');
});

test('ReportRelay passes nothing back that another has passed on, and nothing while alone', async (t) => {
  const world = newControllers(t, ['a', 'b']);
  const [a] = world.controllers;
  await world.pass(100);
  a?.relay.hear({ agent: 'eu1', boot: 7, sequence: 1 }, undefined);
  await world.pass(100);
  assert.deepEqual(world.taken(1), []);
  world.living.delete('b');
  await reportTo(world, [2, 3], ['a']);
  assert.deepEqual(world.taken(1), []);
  assert.deepEqual(a?.relay.reports, { passedOn: 0, spared: 0 });
});
