import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bus, Lease, TableMessage } from '../../src/cluster/bus.ts';
import { MemoryBus, MemoryBusServer } from '../../src/cluster/memory-bus.ts';
import type { Position } from '../../src/cluster/position.ts';
import { SimBus } from './cluster/sim-bus.ts';
import { SimRedis } from './cluster/sim-redis.ts';
import { SimNetwork } from './engine/sim-network.ts';
import { SimProcess } from './engine/sim-process.ts';
import { Simulation } from './engine/simulation.ts';

/** What is asked of both buses, as far as it depends on nothing but chance. */
type Step = (bus: Bus) => Promise<unknown>;

const bytes = (text: string) => new TextEncoder().encode(text);

const assumed = new WeakMap<Bus, Set<number>>();

function drawStep(world: Simulation, leases: Lease[]): Step {
  const { random } = world;
  const position = (): Position => ({ term: random.below(4), sequence: random.below(5) });
  const holder = `h${random.below(2)}`;
  const lease = leases.length > 0 ? world.pick(leases) : { holder, term: 1 };
  const ttlMs = world.pick([300, 2000]);
  const group = `g${random.below(3)}`;
  const entry = { position: { term: lease.term, sequence: random.below(6) }, bytes: bytes('e') };
  const message: TableMessage = {
    position: position(),
    full: world.chance(0.5),
    bytes: bytes('t'),
  };
  const [from, knownTerm, replaces] = [position(), random.below(6), random.below(6)];
  return world.pick<Step>([
    async (bus) => {
      const asked = { holder, url: 'u', knownTerm, position: from, ttlMs };
      const reply = await bus.lead({ ...asked, replaces });
      if (reply.outcome === 'led') leases.push({ holder, term: reply.term });
      return reply;
    },
    (bus) => bus.state(),
    (bus) => bus.renew(lease, ttlMs),
    (bus) => bus.resign(lease),
    async (bus) => {
      // A leader does so once; twice at one place, a stream would refuse the second.
      const mine = assumed.get(bus) ?? new Set();
      assumed.set(bus, mine);
      return mine.has(lease.term)
        ? undefined
        : bus.assume(lease, entry, 'hash').finally(() => mine.add(lease.term));
    },
    (bus) => bus.append(lease, entry, 'hash'),
    (bus) => bus.append(lease, entry, 'hash'),
    (bus) => bus.entries(from, 2, 0),
    (bus) => bus.putChunk(group, 0, bytes(group)),
    (bus) => bus.chunk(group, 0),
    (bus) => bus.announce(lease, { position: from, group, manifest: bytes('m') }),
    (bus) => bus.snapshot(),
    (bus) => bus.publish(lease, 'health', message),
    (bus) => bus.table('health'),
    (bus) => bus.follow('health', from, 3, 0),
    (bus) => bus.beat(holder, bytes('b'), ttlMs),
    (bus) => bus.forget(holder),
    async (bus) => new Set((await bus.nodes()).map(({ id }) => id)).size,
  ]);
}

/** Lets only what is due now happen, so that a step takes no time on either bus. */
const plain = (value: unknown) => JSON.stringify(value, (_, one) => one ?? null);

test('SimRedis answers any sequence of steps as the bus in memory does', async () => {
  const outcomes = new Map<string, number>();
  for (let seed = 1; seed <= 200; seed++) {
    const world = new Simulation(seed);
    const clock = new SimProcess(world, 'server');
    const network = new SimNetwork(world);
    network.quality = { leastMs: 0, meanMs: 0, loss: 0, duplication: 0 };
    const memory = new MemoryBus(new MemoryBusServer(clock));
    const simulated = new SimBus(world, network, clock, new SimRedis(world));
    const leases: Lease[] = [];
    for (let n = 0; n < 60; n++) {
      const step = drawStep(world, leases);
      const expected = await step(memory);
      let actual: unknown;
      const asked = step(simulated).then((reply) => {
        actual = reply;
      });
      await world.run(world.nowMs);
      await asked;
      assert.equal(plain(actual), plain(expected), `seed ${seed}, step ${n}: ${step}`);
      const { outcome } = (expected ?? {}) as { outcome?: string };
      if (outcome !== undefined) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      await world.run(world.nowMs + world.pick([0, 10, 400]));
    }
  }
  for (const outcome of ['led', 'held', 'behind', 'done', 'fenced', 'conflict']) {
    assert.ok((outcomes.get(outcome) ?? 0) > 20, `${outcome} happens often enough`);
  }
});
