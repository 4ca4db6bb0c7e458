import { silentLog } from '../../../src/base/log.ts';
import { Random } from '../../../src/base/random.ts';
import type { Monitor } from '../../../src/health/monitor.ts';
import { type CheckTarget, checkId, type Report } from '../../../src/health/report.ts';
import { startAgent } from '../../../src/probe/agent.ts';
import { SimProcess } from '../engine/sim-process.ts';
import type { Simulation } from '../engine/simulation.ts';
import { type AgentPlan, canaryAddress } from './fleet-plan.ts';
import type { Ground } from './ground.ts';
import { ThresholdOracle } from './threshold-oracle.ts';

/** One probe agent through all its lives. */
export class SimAgent {
  readonly plan: AgentPlan;
  readonly #world: Simulation;
  readonly #ground: Ground;
  readonly #targets: readonly CheckTarget[];
  readonly #send: (report: Report) => void;
  #boot = 0;
  #life: SimProcess | undefined;

  constructor(
    world: Simulation,
    plan: AgentPlan,
    ground: Ground,
    targets: readonly CheckTarget[],
    send: (report: Report) => void,
  ) {
    this.#world = world;
    this.plan = plan;
    this.#ground = ground;
    this.#targets = plan.canary ? [...targets, canaryOf(targets)] : targets;
    this.#send = send;
  }

  get process(): SimProcess | undefined {
    return this.#life;
  }

  /** Starts a new life, unless one is under way. */
  start(): void {
    if (this.#life?.isAlive === true) return;
    const world = this.#world;
    const { name, region } = this.plan;
    const clock = {
      skewMs: world.between(-3_600_000, 3_600_000),
      rate: world.between(0.999, 1.001),
    };
    const process = new SimProcess(world, name, clock);
    const found = new Map(
      this.#targets.map(({ id, monitor }) => [id, new ThresholdOracle(monitor)] as const),
    );
    this.#life = process;
    const agent = startAgent({
      agent: name,
      region,
      clock: process,
      random: new Random(world.random.uint32()),
      log: silentLog,
      allowPrivateTargets: true,
      boot: ++this.#boot,
      check: this.#ground.checkOf(process, (id, { outcome }) => found.get(id)?.take(outcome)),
      report: (report) => {
        this.#demandTrue(report, found);
        this.#send(report);
      },
    });
    agent.setPlan(this.#targets);
  }

  /** It ends without a word. */
  kill(): void {
    this.#life?.end();
  }

  /** An agent's word is what `fall` and `rise` make of its own results. */
  #demandTrue(report: Report, found: ReadonlyMap<string, ThresholdOracle>): void {
    for (const { target, state } of report.results) {
      this.#world.demand(
        (state === 'down') === (found.get(target)?.isDown === true),
        'thresholds',
        () => `${report.agent} calls ${target} ${state} against its own results`,
      );
    }
  }
}

function canaryOf(targets: readonly CheckTarget[]): CheckTarget {
  const fastest = targets.reduce<Monitor | undefined>((best, { monitor }) => {
    return best === undefined || monitor.intervalMs < best.intervalMs ? monitor : best;
  }, undefined);
  if (fastest === undefined) throw new Error('a fleet without targets');
  const id = checkId('canary', canaryAddress);
  return { id, address: canaryAddress, monitor: { ...fastest, fall: 1 }, canary: true };
}
