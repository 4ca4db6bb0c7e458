import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { VirtualClock } from '../../src/base/clock.ts';
import type { Log } from '../../src/base/log.ts';
import { Random } from '../../src/base/random.ts';
import { createCluster } from '../../src/cluster/cluster.ts';
import type { Cluster, ClusterParts } from '../../src/cluster/cluster-types.ts';
import { generateClusterKeys, readClusterKeys } from '../../src/cluster/keys.ts';
import { MemoryBus, MemoryBusServer } from '../../src/cluster/memory-bus.ts';
import type { RunningController } from '../../src/control/create-controller.ts';
import type { ReplicatedRevision } from '../../src/control/replication.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import { by, openBench, put } from '../control/fixtures.ts';

export const pems = generateClusterKeys();
export const controllerKeys = readClusterKeys(pems.privatePem, 'private.pem');
export const nodeKeys = readClusterKeys(pems.publicPem, 'public.pem');

/** One member of a cluster: a real controller on a store, over a bus in memory. */
export interface TestMember {
  readonly id: string;
  readonly store: Store;
  readonly bus: MemoryBus;
  readonly cluster: Cluster;
  readonly controller: RunningController;
  readonly orphans: ReplicatedRevision[];
  readonly logged: string[];
  /** Ends it without a word, as kill -9 does; the store stays. */
  kill(): Promise<void>;
}

/** A cluster whose time stands still until it is told to move. */
export class World {
  readonly clock = new VirtualClock();
  readonly server = new MemoryBusServer(this.clock);
  readonly members: TestMember[] = [];
  #seed = 1;

  async add(
    id: string,
    role: ClusterParts['role'] = 'controller',
    store: Store = new MemoryStore(() => this.clock.epochMs()),
  ): Promise<TestMember> {
    const bus = new MemoryBus(this.server);
    const orphans: ReplicatedRevision[] = [];
    const logged: string[] = [];
    const note = (_: object, message: string) => logged.push(message);
    const log: Log = { debug() {}, info: note, warn: note, error: note };
    const cluster = createCluster({
      role,
      name: 'test',
      id,
      url: `https://${id}.example`,
      version: '1.0.0',
      bus,
      store,
      keys: role === 'controller' ? controllerKeys : nodeKeys,
      clock: this.clock,
      random: new Random(this.#seed++),
      log,
      orphans: { keep: (revision) => orphans.push(revision) },
    });
    const { controller } = await openBench({
      store,
      clock: this.clock,
      replication: cluster.replication,
    });
    cluster.start(controller);
    const kill = async () => {
      bus.fault = () => 'refuse';
      this.members.splice(this.members.indexOf(member), 1);
      const closed = cluster.close();
      await bus.close();
      await closed;
      await controller.close();
    };
    const member: TestMember = { id, store, bus, cluster, controller, orphans, logged, kill };
    this.members.push(member);
    await settle();
    return member;
  }

  /** Moves time in small steps, with everything that becomes possible done in between. */
  async advance(byMs: number): Promise<void> {
    for (let leftMs = byMs; leftMs > 0; leftMs -= 25) {
      this.clock.advance(Math.min(25, leftMs));
      await settle();
    }
  }

  /** Moves time until something holds. */
  async until(what: string, holds: () => boolean, withinMs = 60_000): Promise<number> {
    const startMs = this.clock.monotonicMs();
    while (!holds()) {
      const tookMs = this.clock.monotonicMs() - startMs;
      assert.ok(tookMs < withinMs, `not within ${withinMs} ms: ${what}`);
      await this.advance(25);
    }
    return this.clock.monotonicMs() - startMs;
  }

  leader(): TestMember | undefined {
    return this.members.find((member) => member.cluster.lease() !== undefined);
  }

  async untilLed(): Promise<TestMember> {
    await this.until('somebody leads', () => this.leader() !== undefined);
    const leader = this.leader();
    assert.ok(leader !== undefined);
    return leader;
  }

  /** Moves time until all members hold what the leader holds. */
  async untilSame(): Promise<void> {
    await this.untilLed();
    await this.until('all stores are the same', () =>
      this.members.every(({ store, cluster }) => {
        const leader = this.leader();
        return (
          leader !== undefined &&
          store.digest() === leader.store.digest() &&
          cluster.position().term === leader.cluster.position().term
        );
      }),
    );
  }

  /** Runs work while time moves, as long as it takes. */
  async during<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const noted = work.finally(() => {
      isDone = true;
    });
    noted.catch(() => undefined);
    await this.until('the work is done', () => isDone);
    return noted;
  }

  /** Makes a change through a member; resolves with its revision. */
  async change(member: TestMember, dial: number, idempotencyKey?: string): Promise<number> {
    const body = { latitude: 1, longitude: 2, dial };
    const options = idempotencyKey === undefined ? by : { ...by, idempotencyKey };
    const change = member.controller.apply([put('region', 'eu', body)], options);
    return (await this.during(change)).revision;
  }

  async close(): Promise<void> {
    for (const member of [...this.members]) await member.kill();
  }
}

/** A test in a world of its own. */
export function inWorld(title: string, check: (world: World) => Promise<void>): void {
  test(title, async () => {
    const world = new World();
    try {
      await check(world);
    } finally {
      await world.close();
    }
  });
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  await setImmediate();
}

/** The dial of the one region that tests change. */
export function dialOf(member: TestMember): number | undefined {
  return member.controller.configuration().traffic.regions.get('eu')?.dial;
}
