import { silentLog } from '../../../src/base/log.ts';
import { createHealthControl, type HealthControl } from '../../../src/control/apply-health.ts';
import { keepHealth } from '../../../src/control/keep-health.ts';
import type { CheckTarget, Report } from '../../../src/health/report.ts';
import type { Verdict } from '../../../src/health/verdict.ts';
import { type ClockFault, SimProcess } from '../engine/sim-process.ts';
import { openSimStore, SimDisk } from '../engine/sim-store.ts';
import type { Simulation } from '../engine/simulation.ts';
import type { FleetPlan } from './fleet-plan.ts';
import { VerdictWatch } from './verdict-watch.ts';
import { WordOracle } from './word-oracle.ts';

interface Life {
  readonly process: SimProcess;
  readonly control: HealthControl;
  readonly words: WordOracle;
  readonly watch: VerdictWatch;
}

/** One controller's side of health, through all its lives on one disk. */
export class SimController {
  readonly name: string;
  readonly #world: Simulation;
  readonly #plan: FleetPlan;
  readonly #disk = new SimDisk();
  readonly #clock: ClockFault;
  #life: Life | undefined;

  constructor(world: Simulation, plan: FleetPlan, name: string) {
    this.#world = world;
    this.#plan = plan;
    this.name = name;
    this.#clock = { skewMs: world.between(-500, 500), rate: world.between(0.999, 1.001) };
  }

  get process(): SimProcess | undefined {
    return this.#life?.process;
  }

  /** Starts a new life from what the disk holds, unless one is under way. */
  start(): void {
    if (this.#life?.process.isAlive === true) return;
    const world = this.#world;
    const process = new SimProcess(world, this.name, this.#clock);
    const words = new WordOracle();
    const watch = new VerdictWatch(world, this.#plan, process, words);
    let isRestoring = true;
    const control = createHealthControl({
      clock: process,
      log: silentLog,
      onServicesChanged: (names) => watch.published(names, control, isRestoring),
    });
    this.#life = { process, control, words, watch };
    const store = openSimStore(this.#disk, () => process.epochMs());
    words.expect(store.loadHealth()?.agents ?? []);
    keepHealth(control, store, process, silentLog);
    control.setTraffic(this.#plan.traffic);
    isRestoring = false;
  }

  /** It is killed; what its disk was told to keep stays. */
  kill(): void {
    this.#life?.process.end();
    this.#disk.lose(this.#world.random.fraction());
  }

  /** What agents are to check. */
  targets(): readonly CheckTarget[] {
    return this.#life?.control.plan() ?? [];
  }

  /** An agent's report comes in. */
  arrive(report: Report): void {
    const life = this.#life;
    life?.process.arrive(() => {
      life.words.take(report, life.process.monotonicMs());
      life.control.receive(report);
    });
  }

  /** Asked after each event. */
  check(): void {
    if (this.#life?.process.isRunning === true)
      this.#life.watch.demandPublished(this.#life.control);
  }

  /** What it makes of a VIP now; undefined while it does not run. */
  verdict(service: string, address: string): Verdict | undefined {
    if (this.#life?.process.isRunning !== true) return undefined;
    const health = this.#life.control.health(service);
    for (const { vips } of health.values()) {
      const verdict = vips.get(address);
      if (verdict !== undefined) return verdict;
    }
    return 'unknown';
  }
}
