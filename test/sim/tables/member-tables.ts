import { silentLog } from '../../../src/base/log.ts';
import { ImagePublishing, type PublishingParts } from '../../../src/cli/image-publishing.ts';
import { ClusterTables, type ClusterTablesParts } from '../../../src/cli/node/cluster-tables.ts';
import { ReportRelay } from '../../../src/cluster/report-relay.ts';
import type { RttSample } from '../../../src/control/controller.ts';
import type { HealthSource } from '../../../src/control/health-source.ts';
import { serviceWords } from '../../../src/control/health-words.ts';
import { keepHealth } from '../../../src/control/keep-health.ts';
import type { Report } from '../../../src/health/report.ts';
import type { Verdict } from '../../../src/health/verdict.ts';
import type { LatencyTable } from '../../../src/latency/latency-table.ts';
import type { ClusterStage, Life, Side, SimMember } from '../cluster/member.ts';
import type { FleetPlan } from '../fleet/fleet-plan.ts';
import type { Ground } from '../fleet/ground.ts';
import { FollowWatch } from './follow-watch.ts';
import { SimFleet } from './own-fleet.ts';
import { SteerWatch } from './steer-watch.ts';
import { essencesOf, type TableState, type TableTruth } from './table-truth.ts';
import {
  latencyEntries,
  toldBus,
  WatchedEnvelope,
  WatchedLatency,
  WatchedSource,
} from './watched-parts.ts';

/** What the tables of all members share. */
export interface TablesStage extends ClusterStage {
  readonly plan: FleetPlan;
  readonly ground: Ground;
  readonly truth: TableTruth;
}

/**
 * The live tables of one life of a member: the leader publishes health and latency, everybody follows,
 * and who hears nothing judges alone. Put together as cli/node/joining.ts does.
 */
export class MemberTables implements Side {
  readonly source: HealthSource;
  readonly latency: LatencyTable;
  readonly steer: SteerWatch;
  readonly #stage: TablesStage;
  readonly #life: Life;
  readonly #isController: boolean;
  readonly #tables: ClusterTables;
  readonly #publishing: ImagePublishing;
  readonly #health: FollowWatch;
  readonly #nextBoot: () => number;
  readonly #stopKeeping: () => void;
  #fleet: SimFleet | undefined;
  #reports: ReportRelay | undefined;

  /** `nextBoot` numbers the starts of this member's agent, over all its lives. */
  constructor(stage: TablesStage, member: SimMember, life: Life, nextBoot: () => number) {
    const { world, plan, truth, keys } = stage;
    const { process, store, bus, cluster } = life;
    this.#stage = stage;
    this.#life = life;
    this.#nextBoot = nextBoot;
    this.#isController = member.role === 'controller';
    this.#health = new FollowWatch(world, truth, 'health', member.name, store);
    this.source = this.#openSource();
    const latencyWatch = new FollowWatch(world, truth, 'latency', member.name, store);
    const envelope = new WatchedEnvelope('sim', keys);
    this.latency = new WatchedLatency(plan, process, (take) => {
      if (envelope.opened !== undefined) latencyWatch.takes(envelope.opened);
      take();
      latencyWatch.demandSame(latencyEntries(this.latency));
    });
    this.#publishing = new ImagePublishing({
      ...{ latency: this.latency, clock: process, log: silentLog },
      images: { recompileServices: () => undefined, *followLatency() {} },
    } as unknown as PublishingParts);
    const { traffic } = plan;
    this.#tables = new ClusterTables({
      serving: {
        ...{ latency: this.latency, publishing: this.#publishing },
        configuration: () => ({ traffic }),
      },
      tokens: { shared: () => [], take: () => {}, onChange: () => {} },
      health: this.source,
      cluster: { envelope, lease: () => cluster.lease() },
      bus: toldBus(bus, (table, message) => truth.says(member.name, table, message)),
      ...{ store, clock: process, log: silentLog, isController: this.#isController },
    } as unknown as ClusterTablesParts);
    this.#stopKeeping = keepHealth(this.source, store, process, silentLog);
    this.source.setTraffic(traffic);
    this.steer = new SteerWatch({
      ...{ world, process, source: this.source },
      ...{ traffic, isCold: !this.#isController },
      isLeading: () => cluster.lease() !== undefined,
    });
  }

  start(): void {
    this.#tables.start();
    if (!this.#isController) return;
    const { process, bus, cluster } = this.#life;
    this.#reports = new ReportRelay({
      ...{ bus, id: process.name, clock: process, log: silentLog },
      envelope: cluster.envelope,
      others: () =>
        cluster
          .nodes()
          .flatMap(({ role, id }) => (role === 'controller' && id !== process.name ? [id] : [])),
      take: (report) => this.#receive(report as Report),
    });
  }

  led(leads: boolean): void {
    this.source.choose();
    if (leads) this.#tables.lead();
    else this.#tables.follow();
  }

  /** A report comes in from an agent. */
  hear(report: Report): void {
    this.#receive(report);
    this.#reports?.hear(report, report);
  }

  #receive(report: Report): void {
    this.#fleet?.hear(report);
    this.source.receive(report);
  }

  /** Somebody tells how far it is from clients to a region. */
  measure(sample: RttSample): void {
    this.#publishing.measure([sample], 'browsers');
  }

  /** Looks at how things stand. */
  look(): void {
    this.steer.look();
    if (this.#life.process.isRunning) this.#fleet?.demandPublished();
  }

  /** What it steers by for a VIP. */
  verdict(service: string, address: string): Verdict {
    for (const { vips } of this.source.health(service).values()) {
      const verdict = vips.get(address);
      if (verdict !== undefined) return verdict;
    }
    return 'unknown';
  }

  #openSource(): HealthSource {
    const { cluster, process } = this.#life;
    const source: HealthSource = new WatchedSource(
      {
        ...{ clock: process, log: silentLog, isWarm: this.#isController },
        isLeading: () => cluster.lease() !== undefined,
        tableAgeMs: () => this.#tables.healthAgeMs,
        openFleet: () => this.#openFleet((names) => source.fleetMoved(names)),
        onServicesChanged: (names) => {
          this.steer.published(names);
          this.#tables.healthMoved(names);
        },
      },
      (content, take) => {
        this.#health.takes(content);
        take();
        this.steer.heard();
        if (!source.usesOwnFleet) this.#health.demandSame(healthEntries(source, this.#stage.plan));
      },
    );
    return source;
  }

  #openFleet(moved: (names: readonly string[]) => void): SimFleet {
    const { world, plan, ground } = this.#stage;
    this.#fleet = new SimFleet({
      ...{ world, plan, ground, process: this.#life.process, boot: this.#nextBoot(), moved },
      reported: (report) => this.#reports?.pass(report),
    });
    return this.#fleet;
  }

  /** Its part of a table, as far as answers depend on it. */
  essences(table: 'health' | 'latency'): TableState {
    return table === 'health'
      ? essencesOf(table, healthEntries(this.source, this.#stage.plan))
      : essencesOf(table, latencyEntries(this.latency));
  }

  close(): void {
    this.#tables.close();
    this.#publishing.close();
    void this.#reports?.close();
    this.#stopKeeping();
    this.source.close();
  }
}

function* healthEntries(
  source: HealthSource,
  { traffic }: FleetPlan,
): Iterable<readonly [key: string, value: unknown]> {
  for (const name of traffic.services.keys()) yield* serviceWords(name, source.health(name));
}
