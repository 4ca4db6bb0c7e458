import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { Random } from '../../src/base/random.ts';
import type { Bus } from '../../src/cluster/bus.ts';
import { createCluster } from '../../src/cluster/cluster.ts';
import type { Cluster, ClusterParts } from '../../src/cluster/cluster-types.ts';
import { openRedisBus, type RedisBusOptions } from '../../src/cluster/redis-bus.ts';
import { parseBusUrls } from '../../src/cluster/redis-url.ts';
import { createController, type RunningController } from '../../src/control/create-controller.ts';
import type { ReplicatedRevision } from '../../src/control/replication.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import { put } from '../control/fixtures.ts';
import { controllerKeys, nodeKeys } from './harness.ts';

/** One member on a real Redis, on the machine's clock. */
export interface RealMember {
  readonly id: string;
  readonly store: Store;
  readonly bus: Bus;
  readonly cluster: Cluster;
  readonly controller: RunningController;
  readonly orphans: readonly ReplicatedRevision[];
  /** Ends it without a word to the bus, as kill -9 does; the store stays. */
  kill(): Promise<void>;
}

/** Starts a member whose bus is at these addresses. */
export async function joinMember(
  urls: readonly string[],
  id: string,
  role: ClusterParts['role'] = 'controller',
  store: Store = new MemoryStore(),
  more: Partial<RedisBusOptions> = {},
): Promise<RealMember> {
  const log = silentLog;
  const bus = openRedisBus({ address: parseBusUrls(urls), cluster: 'test', ...more });
  const orphans: ReplicatedRevision[] = [];
  const cluster = createCluster({
    ...{ role, name: 'test', id, url: `https://${id}.example`, version: '1.0.0' },
    ...{ bus, store, clock: systemClock, random: new Random(Date.now()), log },
    keys: role === 'controller' ? controllerKeys : nodeKeys,
    orphans: { keep: (revision) => orphans.push(revision) },
  });
  const controller = await createController({
    ...{ store, clock: systemClock, log, replication: cluster.replication },
    compile: ({ revision }) => ({
      accept: () => ({ epoch: revision, revision, zones: [], services: [], maps: [] }),
    }),
    publish: async () => undefined,
    health: {
      service: () => undefined,
      targets: () => [],
      events: () => [],
      agentRegions: () => [],
    },
    explain: () => assert.fail('not asked'),
    measure: () => ({ accepted: 0, problems: [] }),
    reportLoad: () => ({ accepted: 0, problems: [] }),
  });
  cluster.start(controller);
  const kill = async () => {
    await bus.close();
    await cluster.close();
    await controller.close();
  };
  return { id, store, bus, cluster, controller, orphans, kill };
}

/** Waits until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(5);
}

/** Waits until all hold what the leader among them holds. */
export async function untilSame(members: readonly RealMember[]): Promise<void> {
  await until(() => {
    const leader = members.find(({ cluster }) => cluster.lease() !== undefined);
    return members.every(({ store, cluster }) => {
      return (
        store.digest() === leader?.store.digest() &&
        cluster.position().term === leader.cluster.position().term
      );
    });
  });
}

/** Sets the dial of the one region. */
export async function changeDial(member: RealMember, dial: number): Promise<number> {
  const write = put('region', 'eu', { latitude: 1, longitude: 2, dial });
  const { revision } = await member.controller.apply([write], { actor: 'x', summary: 'y' });
  return revision;
}

/** The dial as a member sees it. */
export function dialOf(member: RealMember): number | undefined {
  return member.controller.configuration().traffic.regions.get('eu')?.dial;
}
