import { systemClock } from '../../base/clock.ts';
import { Random } from '../../base/random.ts';
import type { Bus } from '../../cluster/bus.ts';
import { createCluster } from '../../cluster/cluster.ts';
import type { Cluster } from '../../cluster/cluster-types.ts';
import { orphanFolder } from '../../cluster/orphans.ts';
import { openRedisBus } from '../../cluster/redis-bus.ts';
import { parseBusUrls } from '../../cluster/redis-url.ts';
import { Relay } from '../../cluster/relay.ts';
import { ReportRelay } from '../../cluster/report-relay.ts';
import { Served } from '../../cluster/served.ts';
import type { ClusterView } from '../../control/cluster-view.ts';
import type { LoadSample, RttSample } from '../../control/controller.ts';
import type { RunningController } from '../../control/create-controller.ts';
import { HealthSource } from '../../control/health-source.ts';
import type { Replication } from '../../control/replication.ts';
import type { Report } from '../../health/report.ts';
import type { Store } from '../../store/store.ts';
import type { AnsweringPart } from '../answering-part.ts';
import type { Closers } from '../closers.ts';
import type { ClusterOptions } from '../cluster-flags.ts';
import { LateHealth } from '../node-health.ts';
import type { NodeOptions } from '../node-options.ts';
import { keysOf, urlOf } from './cluster-identity.ts';
import { ClusterTables } from './cluster-tables.ts';
import { createClusterView, rounded } from './cluster-view.ts';
import { nodeIdOf } from './node-id.ts';

/** What a cluster wants to know of the way of a change; all of it absent in a process of its own. */
export interface SharedChanges {
  readonly replication?: Replication;
  /** A revision is served here. */
  published?(revision: number): void;
  measured?(samples: readonly RttSample[], source: string | undefined): void;
  loaded?(samples: readonly LoadSample[]): void;
}

/** A first start waits at most so long for a leader, or for what the cluster has, milliseconds. */
const settleMs = 10_000;
/** A process that takes another's place waits so long for the leader's word, and for a leader. */
const tablesMs = 2000;
const leaderMs = 5000;
const lookMs = 1000;
const pollMs = 25;
const connectMs = 500;

const pause = () => new Promise<void>((done) => void setTimeout(done, pollMs));

/** Resolves when something holds, or after a time. */
async function until(holds: () => boolean, withinMs: number): Promise<void> {
  const endMs = systemClock.monotonicMs() + withinMs;
  while (!holds() && systemClock.monotonicMs() < endMs) await pause();
}

export interface JoiningParts {
  readonly options: NodeOptions;
  readonly cluster: ClusterOptions;
  readonly bus: Bus;
  readonly answering: AnsweringPart;
  readonly store: Store;
  readonly closers: Closers;
}

/** A report of the agent inside a controller, for the others; those of other agents are passed on as signed. */
interface Passed {
  readonly report: Report;
}

/** What controllers pass on to one another besides reports. */
interface Samples {
  readonly load?: readonly LoadSample[];
  readonly rtt?: readonly RttSample[];
  readonly source?: string;
}

/** Prepares a process's membership in a cluster; `start` begins it. Throws `E_CLUSTER_KEY`, `E_BUS_URL`. */
export async function joinCluster(parts: Omit<JoiningParts, 'bus'>): Promise<Membership> {
  const { cluster, options, closers } = parts;
  const { urls, name } = cluster;
  const address = parseBusUrls(urls, {
    ...(cluster.username === undefined ? {} : { username: cluster.username }),
    ...(cluster.password === undefined ? {} : { password: cluster.password }),
  });
  const bus = openRedisBus({
    address,
    cluster: name,
    onFailure: (text) => options.log.debug({ bus: text }, `the bus: ${text}`),
  });
  closers.add(() => bus.close());
  return new Membership({ ...parts, bus });
}

/** A process's membership in a cluster: revisions, health, latency, and what it says of itself. */
export class Membership {
  readonly health: HealthSource;
  readonly shared: SharedChanges;
  readonly view: ClusterView;
  /** Called each time that this process has begun to lead. */
  onLead: () => void = () => {};
  readonly #parts: JoiningParts;
  readonly #cluster: Cluster;
  readonly #tables: ClusterTables;
  readonly #served: Served;
  readonly #isController: boolean;
  #reports: ReportRelay | undefined;
  #samples: Relay | undefined;
  #serving = 0;

  constructor(parts: JoiningParts) {
    const { options, cluster: wish, bus, answering, store } = parts;
    const { log } = options;
    const clock = systemClock;
    this.#parts = parts;
    this.#isController = wish.role !== 'node';
    const id = nodeIdOf(wish.nodeId, options.data);
    this.#cluster = createCluster({
      role: this.#isController ? 'controller' : 'node',
      name: wish.name,
      id,
      url: urlOf(wish, options.http, options.certificate !== undefined, log),
      version: options.version,
      ...{ bus, store, clock, log },
      keys: keysOf(wish, log),
      random: new Random(Date.now() ^ process.pid),
      orphans: orphanFolder(options.data),
      beat: () => this.#beat(),
      onLeading: (lease) => this.#led(lease !== undefined),
    });
    this.health = new HealthSource({
      ...{ clock, log },
      isLeading: () => this.#cluster.lease() !== undefined,
      tableAgeMs: () => this.#tables.healthAgeMs,
      isWarm: this.#isController,
      openFleet: () =>
        answering.openFleet({
          agent: `embedded-${id}`,
          onServicesChanged: (names) => this.health.fleetMoved(names),
          onReport: (report) => this.#reports?.pass({ report } satisfies Passed),
        }),
      onServicesChanged: (names) => {
        answering.publishing.servicesMoved(names);
        this.#tables.healthMoved(names);
      },
    });
    this.#tables = new ClusterTables({
      serving: answering,
      ...{ store, bus, clock, log },
      health: this.health,
      cluster: this.#cluster,
      isController: this.#isController,
    });
    if (answering.health instanceof LateHealth) answering.health.attach(this.health);
    this.#served = new Served({
      ...{ bus, clock },
      envelope: this.#cluster.envelope,
      nodes: () => this.#cluster.nodes(),
    });
    this.view = createClusterView({
      ...{ id, bus },
      cluster: this.#cluster,
      tables: this.#tables,
      health: this.health,
      served: this.#served,
      counters: () => ({
        shed: (this.#reports?.counters.shed ?? 0) + (this.#samples?.counters.shed ?? 0),
        passed_on: this.#reports?.reports.passedOn ?? 0,
        spared: this.#reports?.reports.spared ?? 0,
      }),
    });
    this.shared = {
      replication: this.#cluster.replication,
      published: (revision) => {
        this.#serving = revision;
        this.#cluster.touch();
      },
      measured: (rtt, source) =>
        this.#samples?.pass({ rtt, ...(source === undefined ? {} : { source }) }),
      loaded: (load) => this.#samples?.pass({ load }),
    };
  }

  /** Begins to follow the cluster and, on controllers, to stand for the lead. */
  async start(controller: RunningController): Promise<void> {
    const { bus, closers } = this.#parts;
    // The first connection takes a moment, which is no outage to be told of.
    await until(() => bus.isUp, connectMs);
    this.#cluster.start(controller);
    this.#tables.start();
    if (this.#isController) this.#startRelays();
    let cancel = () => {};
    const look = () => {
      cancel = systemClock.setTimer(lookMs, look);
      this.#served.look(controller.configuration().revision);
    };
    look();
    closers.add(async () => {
      cancel();
      this.#tables.close();
      void this.#reports?.close();
      void this.#samples?.close();
      // Resigns first of all, so that a standby need not wait for the lease to run out.
      await this.#cluster.close();
    });
  }

  /**
   * Waits for the leader's word on health and latency, so that a process which takes another's place
   * answers as that one did; not for long, since there may be no leader.
   */
  async hearTables(): Promise<void> {
    await until(() => this.#tables.areHeard, tablesMs);
  }

  /** Waits until somebody leads, so that writes which were waiting find their way; not for long. */
  async hearLeader(): Promise<void> {
    await until(() => this.#cluster.leader() !== undefined, leaderMs);
  }

  /** Waits, at a first start, for the lead or for what the cluster has; true when this process leads. */
  async settle(): Promise<boolean> {
    const { store } = this.#parts;
    await until(() => this.leads || store.latest() > 0, settleMs);
    return this.leads;
  }

  /** Whether this process leads, and so may make revisions. */
  get leads(): boolean {
    return this.#cluster.lease() !== undefined;
  }

  #led(leads: boolean): void {
    this.health.choose();
    if (!leads) {
      this.#tables.follow();
      return;
    }
    this.#tables.lead();
    this.onLead();
  }

  #beat(): Readonly<Record<string, unknown>> {
    return {
      role: this.#parts.cluster.role,
      serving: this.#serving,
      healthAgeMs: rounded(this.#tables.healthAgeMs),
      healthSource: this.health.usesOwnFleet ? 'own' : 'leader',
    };
  }

  #startRelays(): void {
    const { answering, bus, options } = this.#parts;
    const { id } = this.view.state();
    const others = () =>
      this.#cluster.nodes().flatMap((node) => {
        return node.role === 'controller' && node.id !== id ? [node.id] : [];
      });
    const common = {
      ...{ bus, id },
      envelope: this.#cluster.envelope,
      clock: systemClock,
      log: options.log,
    };
    const reports = new ReportRelay({
      ...{ ...common, others },
      take: (item) => {
        if (item instanceof Uint8Array) answering.desk.takePassedOn(item);
        else this.health.receive((item as Passed).report);
      },
    });
    this.#reports = reports;
    answering.onReportHeard((report, bytes) => reports.hear(report, bytes));
    this.#samples = new Relay({
      ...{ ...common, hasOthers: () => others().length > 0 },
      stream: 'samples',
      take: (item) => {
        const { load, rtt, source } = item as Samples;
        if (load !== undefined) this.health.reportLoad(load);
        if (rtt !== undefined) answering.publishing.measure(rtt, source);
      },
    });
  }
}
