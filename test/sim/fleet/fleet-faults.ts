import type { SimNetwork } from '../engine/sim-network.ts';
import type { SimProcess } from '../engine/sim-process.ts';
import type { Simulation } from '../engine/simulation.ts';
import type { FleetPlan } from './fleet-plan.ts';
import type { Ground } from './ground.ts';
import type { SimAgent } from './sim-agent.ts';

/** A process that faults can happen to. */
export interface SimHost {
  readonly name: string;
  readonly process: SimProcess | undefined;
  kill(): void;
  start(): void;
}

/** All that faults can happen to. */
export interface FleetStage {
  readonly world: Simulation;
  readonly plan: FleetPlan;
  readonly ground: Ground;
  readonly network: SimNetwork;
  readonly agents: readonly SimAgent[];
  readonly controllers: readonly SimHost[];
}

/** One thing that goes wrong; returns what ends it. */
type Fault = (stage: FleetStage) => () => void;

const nothing = () => {};

const agentsOf = ({ agents }: FleetStage, region: string) =>
  agents.filter(({ plan }) => plan.region === region);

/** The agents of one region, one agent, or all of them. */
function someAgents(stage: FleetStage): readonly SimAgent[] {
  const { world, plan, agents } = stage;
  const draw = world.random.fraction();
  if (draw < 0.5) return agentsOf(stage, world.pick(plan.agentRegions));
  return draw < 0.85 ? [world.pick(agents)] : agents;
}

const faults: readonly Fault[] = [
  function targetDies({ world, plan, ground }) {
    const address = world.pick(plan.addresses);
    ground.setAlive(address, false);
    return world.chance(0.5) ? nothing : () => ground.setAlive(address, true);
  },
  function allTargetsDie({ world, plan, ground }) {
    const dead = plan.addresses.filter(() => world.chance(0.9));
    for (const address of dead) ground.setAlive(address, false);
    return () => {
      for (const address of dead) ground.setAlive(address, true);
    };
  },
  function targetFlaps({ world, plan, ground }) {
    const address = world.pick(plan.addresses);
    let isOver = false;
    const flip = () => {
      if (isOver) return;
      ground.setAlive(address, !ground.isAlive(address));
      world.after(world.delay(500, 6000), flip);
    };
    flip();
    return () => {
      isOver = true;
    };
  },
  function targetSickens({ world, plan, ground }) {
    const address = world.pick(plan.addresses);
    ground.setSick(address, true);
    return () => ground.setSick(address, false);
  },
  function agentsSeeNothing(stage) {
    const blocked = someAgents(stage);
    stage.world.note(`${namesOf(blocked)} reach nothing`);
    for (const { plan } of blocked) stage.ground.cutOff(plan.name);
    return () => stage.ground.mendWays(blocked.map(({ plan }) => plan.name));
  },
  function agentsMissTargets(stage) {
    const { world, ground, plan } = stage;
    const blocked = someAgents(stage);
    world.note(`${namesOf(blocked)} miss some targets`);
    for (const agent of blocked) {
      for (const address of plan.addresses) {
        if (world.chance(0.5)) ground.block(agent.plan.name, address);
      }
    }
    return () => ground.mendWays(blocked.map((agent) => agent.plan.name));
  },
  function agentsAreBlind(stage) {
    const blind = someAgents(stage);
    stage.world.note(`${namesOf(blind)} cannot check`);
    for (const { plan } of blind) stage.ground.blind(plan.name);
    return () => stage.ground.mendWays(blind.map(({ plan }) => plan.name));
  },
  function agentsDie(stage) {
    const dying = someAgents(stage);
    stage.world.note(`${namesOf(dying)} die`);
    for (const agent of dying) agent.kill();
    return () => {
      for (const agent of dying) agent.start();
    };
  },
  function agentsStandStill(stage) {
    const stopped = someAgents(stage);
    stage.world.note(`${namesOf(stopped)} are stopped`);
    for (const agent of stopped) agent.process?.stop();
    return () => {
      stage.world.note(`${namesOf(stopped)} go on`);
      for (const agent of stopped) agent.process?.resume();
    };
  },
  function agentsLoseControl(stage) {
    const lost = someAgents(stage);
    const controllers = stage.controllers.filter(() => stage.world.chance(0.7));
    stage.world.note(`${namesOf(lost)} lose ${controllers.map(({ name }) => name)}`);
    const each = (change: (agent: string, controller: string) => void) => {
      for (const { plan } of lost) for (const { name } of controllers) change(plan.name, name);
    };
    each((agent, controller) => stage.network.part(agent, controller));
    return () => each((agent, controller) => stage.network.mend(agent, controller));
  },
  function networkSuffers({ world, network }) {
    const before = network.quality;
    world.note('the network suffers');
    network.quality = {
      leastMs: 1,
      meanMs: world.pick([10, 300, 2000]),
      loss: world.pick([0, 0.1, 0.5]),
      duplication: world.pick([0, 0.2]),
    };
    return () => {
      network.quality = before;
    };
  },
  function controllerDies({ world, controllers }) {
    const controller = world.pick(controllers);
    world.note(`controller ${controller.name} dies`);
    controller.kill();
    return () => {
      world.note(`controller ${controller.name} starts again`);
      controller.start();
    };
  },
  function controllerStandsStill({ world, controllers }) {
    const { process } = world.pick(controllers);
    world.note(`controller ${process?.name} is stopped`);
    process?.stop();
    return () => {
      world.note(`controller ${process?.name} goes on`);
      process?.resume();
    };
  },
];

/** Lets faults begin and end at random between two moments. */
export function scheduleFaults(stage: FleetStage, fromMs: number, untilMs: number): void {
  const { world } = stage;
  const count = 1 + world.random.below(6);
  for (let n = 0; n < count; n++) {
    const fault = world.pick(faults);
    const startMs = world.between(fromMs, untilMs);
    world.after(startMs - world.nowMs, () => {
      const end = fault(stage);
      const lastsMs = world.pick([500, 3000, 10_000, 30_000]) * world.between(0.5, 1.5);
      world.after(Math.min(lastsMs, untilMs - world.nowMs), end);
    });
  }
}

/** Ends whatever is wrong: everybody runs, every way is free, and targets are as chance has it. */
export function healAll(stage: FleetStage): void {
  const { world, plan, ground, network, agents, controllers } = stage;
  world.note('everything heals');
  network.heal();
  ground.mendWays(agents.map((agent) => agent.plan.name));
  for (const address of plan.addresses) ground.setAlive(address, world.chance(0.7));
  for (const one of [...agents, ...controllers]) {
    one.process?.resume();
    one.start();
  }
}

function namesOf(agents: readonly SimAgent[]): string {
  return agents.map(({ plan }) => plan.name).join(', ');
}
