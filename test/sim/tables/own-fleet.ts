import { silentLog } from '../../../src/base/log.ts';
import { Random } from '../../../src/base/random.ts';
import {
  createHealthControl,
  type HealthControl,
  type HealthSnapshot,
} from '../../../src/control/apply-health.ts';
import type { OwnFleet } from '../../../src/control/health-source.ts';
import { embeddedAgent, type Report } from '../../../src/health/report.ts';
import type { Traffic } from '../../../src/policy/traffic.ts';
import { type Agent, startAgent } from '../../../src/probe/agent.ts';
import type { SimProcess } from '../engine/sim-process.ts';
import type { Simulation } from '../engine/simulation.ts';
import type { FleetPlan } from '../fleet/fleet-plan.ts';
import type { Ground } from '../fleet/ground.ts';
import { VerdictWatch } from '../fleet/verdict-watch.ts';
import { WordOracle } from '../fleet/word-oracle.ts';

export interface SimFleetParts {
  readonly world: Simulation;
  readonly plan: FleetPlan;
  readonly ground: Ground;
  readonly process: SimProcess;
  /** Greater for each start of the agent inside. */
  readonly boot: number;
  moved(names: readonly string[]): void;
  /** Told of each report of the agent inside. */
  reported(report: Report): void;
}

/**
 * A process's own fleet with an agent inside, as cli/node-health.ts opens it; every verdict is checked
 * as in the world of the fleet.
 */
export class SimFleet implements OwnFleet {
  readonly health: HealthControl;
  readonly #control: HealthControl;
  readonly #words = new WordOracle();
  readonly #watch: VerdictWatch;
  readonly #process: SimProcess;
  readonly #agent: Agent;
  /** True while what was down elsewhere is taken over. */
  #isRestoring = false;

  constructor(parts: SimFleetParts) {
    const { world, plan, process, ground, boot } = parts;
    this.#process = process;
    const enrolled = [...(plan.traffic.agents ?? [])];
    this.#words.expect(enrolled.map(([agent, { region }]) => ({ agent, region })));
    this.#watch = new VerdictWatch(world, plan, process, this.#words);
    let agent: Agent | undefined;
    this.#control = createHealthControl({
      clock: process,
      log: silentLog,
      onServicesChanged: (names) => {
        this.#watch.published(names, this.#control, this.#isRestoring);
        parts.moved(names);
      },
      onPlan: (targets) => agent?.setPlan(targets),
    });
    agent = startAgent({
      agent: `embedded-${process.name}`,
      region: embeddedAgent.region,
      clock: process,
      random: new Random(world.random.uint32()),
      log: silentLog,
      allowPrivateTargets: true,
      boot,
      check: ground.checkOf(process, () => {}),
      report: (report) => {
        this.hear(report);
        this.#control.receive(report);
        parts.reported(report);
      },
    });
    this.#agent = agent;
    this.health = this.#watched();
  }

  /** A report is about to be taken. */
  hear(report: Report): void {
    this.#words.take(report, this.#process.monotonicMs());
  }

  /** Whether what is public of its own verdicts is what they are. */
  demandPublished(): void {
    this.#watch.demandPublished(this.#control);
  }

  close(): void {
    this.#agent.close();
    this.#control.close();
  }

  /** The same control, which lets the watch know when it takes something over. */
  #watched(): HealthControl {
    const takeOver = (step: () => void) => {
      this.#isRestoring = true;
      try {
        step();
      } finally {
        this.#isRestoring = false;
      }
    };
    const control = this.#control;
    const restore = (snapshot: HealthSnapshot) => {
      this.#words.expect(snapshot.agents ?? []);
      takeOver(() => control.restore(snapshot));
    };
    const setTraffic = (traffic: Traffic) => takeOver(() => control.setTraffic(traffic));
    return {
      ...{ restore, setTraffic },
      health: (service) => control.health(service),
      plan: () => control.plan(),
      receive: (report) => control.receive(report),
      reportLoad: (samples) => control.reportLoad(samples),
      snapshot: () => control.snapshot(),
      service: (name) => control.service(name),
      targets: (service, member) => control.targets(service, member),
      events: (before, limit) => control.events(before, limit),
      agentRegions: () => control.agentRegions(),
      close: () => control.close(),
    };
  }
}
