import type { Log } from '../../../src/base/log.ts';
import { Random } from '../../../src/base/random.ts';
import type { Lease, LogEntry } from '../../../src/cluster/bus.ts';
import { createCluster } from '../../../src/cluster/cluster.ts';
import type { Cluster } from '../../../src/cluster/cluster-types.ts';
import type { ClusterKeys } from '../../../src/cluster/keys.ts';
import type { ApplyResult } from '../../../src/control/change.ts';
import type { HealthView } from '../../../src/control/controller.ts';
import {
  createController,
  type RunningController,
} from '../../../src/control/create-controller.ts';
import type { ReplicatedRevision } from '../../../src/control/replication.ts';
import type { Store } from '../../../src/store/store.ts';
import { put } from '../../control/fixtures.ts';
import type { SimNetwork } from '../engine/sim-network.ts';
import { type ClockFault, SimProcess } from '../engine/sim-process.ts';
import { openSimStore, SimDisk, type StoreFaults } from '../engine/sim-store.ts';
import type { Simulation } from '../engine/simulation.ts';
import type { History } from './history.ts';
import { SimBus } from './sim-bus.ts';
import type { SimRedis } from './sim-redis.ts';

/** What members share. */
export interface ClusterStage {
  readonly world: Simulation;
  readonly network: SimNetwork;
  readonly redis: SimRedis;
  readonly history: History;
  readonly keys: ClusterKeys;
  /** Told when somebody begins to lead. */
  leads(member: SimMember, lease: Lease): void;
  /** What else a process does in a life, beside the log. */
  attach?(member: SimMember, life: Life): Side;
}

/** A part of a process that hears of its membership as the real one does. */
export interface Side {
  /** The process is a member from now on. */
  start(): void;
  /** It leads from now on, or no longer. */
  led(leads: boolean): void;
  /** It ends in good order. */
  close(): void;
}

/** One life of a member. */
export interface Life {
  readonly process: SimProcess;
  readonly store: Store;
  readonly bus: SimBus;
  readonly cluster: Cluster;
  controller: RunningController | undefined;
  side: Side | undefined;
  /** When what it holds was first served, by true time. */
  servedMs: number | undefined;
}

const noHealth: HealthView = {
  service: () => undefined,
  targets: () => [],
  events: () => [],
  agentRegions: () => [],
};

/** A controller or a node, through all its lives on one disk. */
export class SimMember {
  readonly name: string;
  readonly role: 'controller' | 'node';
  readonly #stage: ClusterStage;
  readonly #disk = new SimDisk();
  readonly #clock: ClockFault;
  readonly #log: Log;
  /** Revisions that it made and the cluster does not have, as files beside the store. */
  readonly orphans: ReplicatedRevision[] = [];
  /** What the next commit comes to; `full` is every write, `stall` stops the process inside it. */
  diskFault: ReturnType<StoreFaults['next']> | 'stall' = 'none';
  /** Replaces what it reads of the log while set. */
  lie: ((entries: readonly LogEntry[]) => readonly LogEntry[]) | undefined;
  #life: Life | undefined;

  constructor(stage: ClusterStage, name: string, role: 'controller' | 'node') {
    const { world } = stage;
    this.#stage = stage;
    this.name = name;
    this.role = role;
    const say = (_: object, message: string) => world.note(`  ${name} says: ${message}`);
    this.#log = { debug() {}, info: say, warn: say, error: say };
    this.#clock = { skewMs: world.between(-5000, 5000), rate: world.between(0.9995, 1.0005) };
  }

  get life(): Life | undefined {
    return this.#life?.process.isAlive === true ? this.#life : undefined;
  }

  get process(): SimProcess | undefined {
    return this.#life?.process;
  }

  get isRunning(): boolean {
    return this.#life?.process.isRunning === true;
  }

  get isStopped(): boolean {
    return this.life !== undefined && !this.isRunning;
  }

  /** Starts a new life from what the disk holds, unless one is under way. */
  start(): void {
    if (this.life !== undefined) return;
    const { world, network, redis, keys } = this.#stage;
    world.note(`${this.name} starts`);
    const process = new SimProcess(world, this.name, this.#clock);
    const store = openSimStore(this.#disk, () => process.epochMs(), {
      next: (method) => this.#nextFault(method, process),
      die: () => this.kill(),
    });
    const bus = new SimBus(world, network, process, redis, {
      entries: (entries) => this.lie?.(entries) ?? entries,
    });
    const cluster = createCluster({
      role: this.role,
      name: 'sim',
      id: this.name,
      url: this.role === 'controller' ? `http://${this.name}` : '',
      version: '1',
      bus,
      store,
      keys: this.role === 'controller' ? keys : { verify: keys.verify },
      clock: process,
      random: new Random(world.random.uint32()),
      log: this.#log,
      orphans: { keep: (revision) => this.#keepOrphan(revision) },
      onLeading: (lease) => {
        if (!process.isAlive) return;
        if (lease !== undefined) this.#stage.leads(this, lease);
        life.side?.led(lease !== undefined);
      },
    });
    const life: Life = {
      ...{ process, store, bus, cluster },
      ...{ controller: undefined, side: undefined, servedMs: undefined },
    };
    this.#life = life;
    life.side = this.#stage.attach?.(this, life);
    this.#open(life).catch((error: unknown) => {
      if (process.isAlive) world.fail(error);
    });
  }

  async #open(life: Life): Promise<void> {
    const { process, store, cluster } = life;
    life.controller = await createController({
      store,
      clock: process,
      log: this.#log,
      compile: ({ revision }) => ({
        accept: () => ({ epoch: revision, revision, zones: [], services: [], maps: [] }),
      }),
      publish: async ({ revision }) => this.#serve(life, revision),
      health: noHealth,
      explain: () => {
        throw new Error('not asked');
      },
      measure: () => ({ accepted: 0, problems: [] }),
      reportLoad: () => ({ accepted: 0, problems: [] }),
      replication: cluster.replication,
    });
    if (!process.isAlive) return;
    cluster.start(life.controller);
    life.side?.start();
  }

  /** Power fails. */
  kill(): void {
    if (this.life === undefined) return;
    this.#stage.world.note(`${this.name} is killed`);
    this.#life?.process.end();
    this.#disk.lose(this.#stage.world.random.fraction());
  }

  /** SIGTERM: resigns, then ends. */
  async leave(): Promise<void> {
    const life = this.life;
    if (life === undefined) return;
    this.#stage.world.note(`${this.name} leaves`);
    life.side?.close();
    await life.cluster.close();
    await life.controller?.close();
    await life.bus.close();
    life.process.end();
  }

  /** Makes one change; rejects as the API would refuse it. */
  async write(key: string): Promise<ApplyResult> {
    const controller = this.life?.controller;
    if (controller === undefined) throw new Error('not started yet');
    return controller.change(
      {
        asked: { key },
        writes: ({ traffic }) => {
          // Depends on what is there: made twice, it would be seen twice.
          const before = traffic.regions.get('tally')?.coordinates.latitude ?? 0;
          const tally = put('region', 'tally', { latitude: before + 0.01, longitude: 0 });
          return { writes: [tally], problems: [] };
        },
      },
      { actor: 'client', summary: key, idempotencyKey: key },
    );
  }

  /** True when the disk holds the revision that a key made. */
  holds(key: string, revision: number): boolean {
    return this.#life?.store.revision(revision)?.summary === key;
  }

  #nextFault(method: string, process: SimProcess): ReturnType<StoreFaults['next']> {
    const fault = this.diskFault;
    if (fault === 'full') return fault;
    if (fault === 'none' || method !== 'commit') return 'none';
    this.diskFault = 'none';
    if (fault !== 'stall') return fault;
    // What the code does after the write it does when the process goes on.
    this.#stage.world.note(`${this.name} is stopped inside a write`);
    process.stop();
    return 'none';
  }

  #serve(life: Life, revision: number): void {
    const { process, store } = life;
    if (!process.isAlive) return;
    const isStart = life.servedMs === undefined;
    life.servedMs ??= this.#stage.world.nowMs;
    const hash = revision === 0 ? '0'.repeat(64) : store.revision(revision)?.hash;
    const digest = hash ?? (store.latest() === revision ? store.digest() : undefined);
    this.#stage.world.demand(digest !== undefined, 'not stored', () => {
      return `${this.name} serves revision ${revision}, which its disk does not hold`;
    });
    if (digest === undefined) return;
    const position = { term: store.term(), sequence: revision };
    this.#stage.history.serves(this.name, { position, digest }, isStart);
  }

  #keepOrphan(revision: ReplicatedRevision): void {
    this.#stage.world.note(`${this.name} keeps ${revision.summary} aside`);
    this.orphans.push(revision);
  }
}
