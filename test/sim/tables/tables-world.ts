import { silentLog } from '../../../src/base/log.ts';
import { Envelope } from '../../../src/cluster/messages.ts';
import { createHealthControl } from '../../../src/control/apply-health.ts';
import type { CheckTarget } from '../../../src/health/report.ts';
import { cheapKeys } from '../cluster/cheap-keys.ts';
import { SimClient } from '../cluster/client.ts';
import { healAll as healCluster } from '../cluster/cluster-faults.ts';
import { History } from '../cluster/history.ts';
import { SimMember } from '../cluster/member.ts';
import { SimRedis } from '../cluster/sim-redis.ts';
import { SimNetwork } from '../engine/sim-network.ts';
import { SimProcess } from '../engine/sim-process.ts';
import type { Simulation } from '../engine/simulation.ts';
import { healAll as healFleet } from '../fleet/fleet-faults.ts';
import { drawFleet, type FleetPlan } from '../fleet/fleet-plan.ts';
import { Ground } from '../fleet/ground.ts';
import { SimAgent } from '../fleet/sim-agent.ts';
import { MemberTables, type TablesStage } from './member-tables.ts';
import { scheduleFaults, type TableStage } from './table-faults.ts';
import { TableTruth } from './table-truth.ts';
import { type Detection, demandConverged, demandOut, LeaderWatch } from './tables-checks.ts';

/** How a seed's tables came out. */
export interface TablesOutcome {
  readonly detections: readonly Detection[];
  /** How often a member began to judge alone. */
  readonly alone: number;
  readonly terms: number;
}

const lookMs = 250;
const holdMs = 30_000;
/** So few that who was away finds a gap; a real bus keeps thousands. */
const tableEntries = 4;

/**
 * Controllers with their fleets and nodes without one, over one bus: the leader publishes health and
 * latency, all others follow. In one of four seeds nothing goes wrong; in the others everything may,
 * and once it has healed all steer alike and by the truth, and a VIP that dies is out everywhere.
 */
export async function runTables(world: Simulation): Promise<TablesOutcome> {
  const stage = build(world);
  const { members, controllers, agents } = stage;
  const client = new SimClient(world, stage.network, 'ann', controllers, stage.history, 4);
  for (const member of members) world.after(world.between(0, 3000), () => member.start());
  for (const agent of agents) world.after(world.between(0, 1500), () => agent.start());
  world.after(world.between(3000, 8000), () => client.ask());
  measureNowAndThen(stage);
  const alone = lookNowAndThen(stage);
  await world.run(world.between(2000, 20_000));
  const detections: Detection[] = [];
  await world.rounds(async () => void detections.push(await runRound(stage)));
  return { detections, alone: alone(), terms: stage.history.terms };
}

/** Things go wrong, most of the time, and heal; then a VIP dies. */
async function runRound(stage: TableStage): Promise<Detection> {
  const { world, ground, members } = stage;
  if (world.chance(0.75)) {
    const untilMs = world.nowMs + world.pick([20_000, 40_000, 60_000]);
    scheduleFaults(stage, untilMs, world.chance(0.3));
    await world.run(untilMs);
  }
  healCluster(stage);
  healFleet(stage);
  ground.mendWays(members.map(({ name }) => name));
  await demandConverged(stage);
  await world.run(world.nowMs + holdMs);
  const detection = await demandOut(stage);
  await demandConverged(stage);
  return detection;
}

function build(world: Simulation): TableStage {
  const network = new SimNetwork(world);
  const redis = new SimRedis(world, tableEntries);
  const history = new History(world);
  const keys = cheapKeys(17);
  const plan = enrol(drawFleet(world));
  const ground = new Ground(world);
  const truth = new TableTruth(world, new Envelope('sim', keys));
  const boots = new Map<string, number>();
  const nextBoot = (name: string) => {
    const boot = (boots.get(name) ?? 0) + 1;
    boots.set(name, boot);
    return boot;
  };
  const shared: TablesStage = {
    ...{ world, network, redis, history, keys, plan, ground, truth },
    leads: ({ name }, { term }) => history.leads(name, term),
    attach: (member, life) => {
      return new MemberTables(shared, member, life, () => nextBoot(member.name));
    },
  };
  const controllers = Array.from({ length: 2 + world.random.below(2) }, (_, n) => {
    return new SimMember(shared, `control-${n + 1}`, 'controller');
  });
  const nodes = Array.from({ length: 1 + world.random.below(2) }, (_, n) => {
    return new SimMember(shared, `node-${n + 1}`, 'node');
  });
  const targets = targetsOf(world, plan);
  const agents = plan.agents.map((agent) => {
    return new SimAgent(world, agent, ground, targets, (report) => {
      for (const one of controllers) {
        network.send(agent.name, one.name, () => {
          one.process?.arrive(() => tablesOf(one)?.hear(report));
        });
      }
    });
  });
  return { ...shared, controllers, members: [...controllers, ...nodes], clients: ['ann'], agents };
}

/** The live tables of a member that lives. */
export function tablesOf(member: SimMember): MemberTables | undefined {
  return member.life?.side as MemberTables | undefined;
}

/** The same fleet, with its agents enrolled. */
function enrol(plan: FleetPlan): FleetPlan {
  const agents = new Map(
    plan.agents.map(({ name, region }) => [
      name,
      {
        ...{ location: '1,2', coordinates: { latitude: 1, longitude: 2 }, publicKey: '' },
        ...{ region, state: 'active' as const, canaries: new Map<string, string[]>() },
      },
    ]),
  );
  return { ...plan, traffic: { ...plan.traffic, agents } };
}

function targetsOf(world: Simulation, { traffic }: FleetPlan): readonly CheckTarget[] {
  const clock = new SimProcess(world, 'plan');
  const control = createHealthControl({ clock, log: silentLog, onServicesChanged: () => {} });
  control.setTraffic(traffic);
  control.close();
  return control.plan();
}

/** Measurements of clients reach those controllers that the network lets them. */
function measureNowAndThen({ world, network, controllers, plan }: TableStage): void {
  const regions = [...plan.traffic.regions.keys()];
  const measure = () => {
    const ms = world.between(5, 300);
    const sample = {
      country: world.pick(['IN', 'FR', 'US']),
      region: world.pick(regions),
      ms,
      count: 12,
    };
    for (const one of controllers) {
      network.send('browser', one.name, () => {
        one.process?.arrive(() => tablesOf(one)?.measure(sample));
      });
    }
    world.after(world.delay(500, 4000), measure);
  };
  world.after(world.between(0, 5000), measure);
}

/** Has every checker look at how things stand; gives back how often somebody judged alone. */
function lookNowAndThen(stage: TableStage): () => number {
  const { world, members } = stage;
  const seen = new Set<MemberTables>();
  const leader = new LeaderWatch(stage);
  const look = () => {
    for (const member of members) {
      const tables = tablesOf(member);
      if (tables === undefined) continue;
      seen.add(tables);
      tables.look();
    }
    leader.look();
    world.after(lookMs, look);
  };
  world.after(lookMs, look);
  return () => [...seen].reduce((sum, { steer }) => sum + steer.alone, 0);
}
