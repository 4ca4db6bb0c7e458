import type { Verdict } from '../../../src/health/verdict.ts';
import { SimNetwork } from '../engine/sim-network.ts';
import type { Simulation } from '../engine/simulation.ts';
import { type FleetStage as FaultStage, healAll, scheduleFaults } from './fleet-faults.ts';
import { drawFleet } from './fleet-plan.ts';
import { fallMs, promised, riseMs, slowest, vipsOf } from './fleet-times.ts';
import { Ground } from './ground.ts';
import { SimAgent } from './sim-agent.ts';
import { SimController } from './sim-controller.ts';

/** How long it took to see that a target had died while all was well. */
export interface Detection {
  readonly tookMs: number;
  /** What the project promises at the 99th percentile: interval × fall + 1 s. */
  readonly promisedMs: number;
}

interface FleetStage extends FaultStage {
  readonly controllers: readonly SimController[];
}

const holdMs = 30_000;
/** One report interval, one tick and what the calm network takes. */
const bookkeepingMs = 2500;

/**
 * A fleet of agents, the targets that they watch and the controllers that they report to. In one of
 * four seeds nothing goes wrong but targets, and how fast that is seen is measured; in the others
 * everything may, and once it has healed every controller must know the truth.
 */
export async function runFleet(world: Simulation): Promise<readonly Detection[]> {
  const plan = drawFleet(world);
  const ground = new Ground(world);
  const network = new SimNetwork(world);
  const controllers = plan.controllers.map((name) => new SimController(world, plan, name));
  for (const controller of controllers) controller.start();
  const targets = controllers[0]?.targets() ?? [];
  const agents = plan.agents.map((agent) => {
    return new SimAgent(world, agent, ground, targets, (report) => {
      for (const controller of controllers) {
        network.send(agent.name, controller.name, () => controller.arrive(report));
      }
    });
  });
  for (const agent of agents) world.after(world.between(0, 1500), () => agent.start());
  world.check(() => {
    for (const controller of controllers) controller.check();
  });
  const stage: FleetStage = { world, plan, ground, network, agents, controllers };
  const warmMs = 3000 + slowest(plan, ({ intervalMs, rise }) => 1.1 * intervalMs * rise);
  if (world.chance(0.25)) {
    await world.run(warmMs);
    const found: Detection[] = [];
    await world.rounds(async () => void found.push(...(await runCalm(stage))));
    return found;
  }
  await world.rounds(() => runFaults(stage, warmMs));
  return [];
}

/** Things go wrong, heal, and every controller knows what is true. */
async function runFaults(stage: FleetStage, warmMs: number): Promise<void> {
  const { world, plan } = stage;
  const fromMs = world.nowMs;
  const faultsEndMs = fromMs + warmMs + world.pick([10_000, 40_000, 70_000]);
  scheduleFaults(stage, fromMs + world.between(0, warmMs), faultsEndMs);
  await world.run(faultsEndMs);
  healAll(stage);
  const settleMs = slowest(plan, (monitor) => Math.max(fallMs(monitor), riseMs(monitor)));
  await world.run(world.nowMs + settleMs + holdMs + bookkeepingMs);
  demandTruth(stage);
}

/** Targets die and return one by one, each change after the hold of the one before. */
async function runCalm(stage: FleetStage): Promise<readonly Detection[]> {
  const { world, plan, ground, controllers } = stage;
  const found: Detection[] = [];
  for (let n = 0; n < 2; n++) {
    const address = world.pick(plan.addresses);
    ground.refuses = world.chance(0.7);
    ground.setAlive(address, false);
    const diedMs = world.nowMs;
    const limitMs = slowest(plan, fallMs);
    let tookMs: number | undefined;
    const look = () => {
      if (tookMs === undefined && isDownEverywhere(stage, address)) tookMs = world.nowMs - diedMs;
    };
    world.check(look);
    await world.run(diedMs + limitMs + bookkeepingMs);
    world.demand(tookMs !== undefined, 'detection', () => {
      return `${address} died and was not out after ${limitMs + bookkeepingMs} ms`;
    });
    if (ground.refuses && tookMs !== undefined) {
      found.push({ tookMs, promisedMs: promised(plan, address) });
    }
    await world.run(world.nowMs + holdMs);
    ground.setAlive(address, true);
    await world.run(world.nowMs + slowest(plan, riseMs) + bookkeepingMs);
    for (const controller of controllers) demandTruthOf(stage, controller, 'return');
    await world.run(world.nowMs + holdMs);
  }
  return found;
}

function isDownEverywhere({ plan, controllers }: FleetStage, address: string): boolean {
  return vipsOf(plan).every(
    ([service, vip]) =>
      vip !== address || controllers.every((one) => one.verdict(service, vip) === 'down'),
  );
}

function demandTruth(stage: FleetStage): void {
  for (const controller of stage.controllers) demandTruthOf(stage, controller, 'liveness');
}

function demandTruthOf(
  { world, plan, ground }: FleetStage,
  controller: SimController,
  invariant: string,
): void {
  for (const [service, address] of vipsOf(plan)) {
    const wanted: Verdict = ground.isAlive(address) ? 'up' : 'down';
    const verdict = controller.verdict(service, address);
    world.demand(verdict === wanted, invariant, () => {
      return `${controller.name} holds ${address} of ${service} for ${verdict}, but it is ${wanted}`;
    });
  }
}
