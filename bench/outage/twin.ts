import {
  type ClusterFiles,
  type ClusterMember,
  leaderOf,
  type RunningRedis,
  startCluster,
  startRedis,
} from '../../test/e2e/support/cluster.ts';
import type { Cleanup } from '../cleanup.ts';
import { cpuTime, memoryMb } from '../peers/measure.ts';

/** What one member says of itself (`GET /v1/nodes`). */
interface MemberView {
  readonly healthSource: 'own' | 'leader';
  readonly leads: boolean;
  readonly items: readonly {
    readonly id: string;
    readonly sequence: number;
    readonly serving: number;
    readonly digest: string;
    readonly self: boolean;
  }[];
}

/** Memory and CPU time of a process so far. */
export interface Usage {
  readonly rssMb: number;
  readonly cpuMs: number;
}

/** One of two equal clusters: a Redis, two controllers and some nodes. */
export class Twin {
  readonly controllers: readonly ClusterMember[];
  readonly nodes: readonly ClusterMember[];
  readonly #cleanup: Cleanup;
  readonly #folder: string;
  #redis: RunningRedis;

  private constructor(
    cleanup: Cleanup,
    redis: RunningRedis,
    folder: string,
    controllers: readonly ClusterMember[],
    nodes: readonly ClusterMember[],
  ) {
    this.#cleanup = cleanup;
    this.#redis = redis;
    this.#folder = folder;
    this.controllers = controllers;
    this.nodes = nodes;
  }

  static async start(cleanup: Cleanup, files: ClusterFiles, nodeCount: number): Promise<Twin> {
    const cluster = await startCluster(cleanup, files);
    const folder = (await cluster.redis.cli('config', 'get', 'dir')).split('\n')[1]?.trim() ?? '';
    const controllers = [];
    for (const name of ['c1', 'c2']) controllers.push(await cluster.add(name, 'controller'));
    const nodes = [];
    for (let number = 1; number <= nodeCount; number += 1) {
      nodes.push(await cluster.add(`n${number}`, 'node'));
    }
    await leaderOf(controllers);
    return new Twin(cleanup, cluster.redis, folder, controllers, nodes);
  }

  get members(): readonly ClusterMember[] {
    return [...this.controllers, ...this.nodes];
  }

  async stopRedis(): Promise<void> {
    await this.#redis.stop('SIGTERM');
  }

  /** Starts Redis again on its port and its data; resolves when it answers. */
  async startRedis(): Promise<void> {
    const { port } = this.#redis;
    this.#redis = await startRedis(this.#cleanup, { port, folder: this.#folder });
  }

  /** Writes a TXT record by way of a controller; returns the status, 0 where nothing came back. */
  async put(controller: number, value: string): Promise<number> {
    const body = { ttl: 60, values: [`"${value}"`] };
    const path = '/v1/zones/cluster.test/rrsets/now/TXT';
    const answer = await this.controllers[controller]?.running
      .api('PUT', path, body)
      .catch(() => undefined);
    await answer?.arrayBuffer().catch(() => undefined);
    return answer?.status ?? 0;
  }

  /** The digest that all members have and serve, where nodes follow a leader and none differs. */
  async agreement(): Promise<string | undefined> {
    const digests = new Set<string>();
    const views = await Promise.all(this.members.map((member) => viewOf(member)));
    if (!views.some((view) => view?.leads)) return undefined;
    for (const [place, view] of views.entries()) {
      const self = view?.items.find((one) => one.self);
      if (view === undefined || self === undefined) return undefined;
      if (self.serving !== self.sequence) return undefined;
      if (place >= this.controllers.length && view.healthSource !== 'leader') return undefined;
      digests.add(`${self.sequence} ${self.digest}`);
    }
    return digests.size === 1 ? [...digests][0] : undefined;
  }

  /** Member → what its process has used so far. */
  usage(): Map<string, Usage> {
    return new Map(
      this.members.map(({ name, running }) => {
        const pid = running.child.pid ?? 0;
        return [name, { rssMb: memoryMb(pid), cpuMs: cpuTime(pid).all / 1000 }];
      }),
    );
  }
}

async function viewOf({ running }: ClusterMember): Promise<MemberView | undefined> {
  const answer = await running.api('GET', '/v1/nodes').catch(() => undefined);
  return (await answer?.json().catch(() => undefined)) as MemberView | undefined;
}
