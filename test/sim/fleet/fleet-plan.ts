import type { Monitor } from '../../../src/health/monitor.ts';
import type { Member, PolicyNode, Service, Traffic } from '../../../src/policy/traffic.ts';
import {
  failover,
  geo,
  nearest,
  places,
  regions,
  roundRobin,
  service,
  sticky,
  weighted,
} from '../../policy/build.ts';
import type { Simulation } from '../engine/simulation.ts';

/** An agent's name and the region that it stands in. */
export interface AgentPlan {
  readonly name: string;
  readonly region: string;
  /** Whether it has a canary target. */
  readonly canary: boolean;
}

/** What a fleet's world is made of; drawn by chance and then fixed. */
export interface FleetPlan {
  readonly agents: readonly AgentPlan[];
  /** Distinct regions of the agents. */
  readonly agentRegions: readonly string[];
  readonly controllers: readonly string[];
  readonly traffic: Traffic;
  readonly addresses: readonly string[];
}

/** The address of every agent's canary target. */
export const canaryAddress = '198.51.100.250';

/** Draws a fleet, what it watches, and by whose word. */
export function drawFleet(world: Simulation): FleetPlan {
  const regionCount = world.pick([1, 2, 2, 3, 3, 4]);
  const agentRegions = ['ams', 'bos', 'cpt', 'del'].slice(0, regionCount);
  const withCanaries = world.chance(0.4);
  const agents = agentRegions.flatMap((region) =>
    Array.from({ length: 1 + world.random.below(regionCount > 2 ? 2 : 3) }, (_, place) => ({
      name: `${region}-${place + 1}`,
      region,
      canary: withCanaries,
    })),
  );
  const traffic = drawTraffic(world);
  const addresses = [...traffic.services.values()].flatMap(({ members }) =>
    [...members.values()].flatMap(({ a, aaaa }) => [...a, ...aaaa]),
  );
  const controllers = world.chance(0.3) ? ['one', 'two'] : ['one'];
  return { agents, agentRegions, controllers, traffic, addresses: [...new Set(addresses)] };
}

function drawTraffic(world: Simulation): Traffic {
  const monitors = new Map([['first', drawMonitor(world)]]);
  const services = new Map([['web', drawService(world, 0, ['first'])]]);
  if (world.chance(0.3)) {
    monitors.set('second', drawMonitor(world));
    services.set('api', drawService(world, 10, world.pick([['second'], ['first', 'second']])));
  }
  return { regions: regions(), monitors, services, networks: [] };
}

function drawMonitor(world: Simulation): Monitor {
  const intervalMs = world.pick([1000, 2000, 2000, 5000, 10_000]);
  return {
    type: 'tcp',
    intervalMs,
    timeoutMs: 0.4 * intervalMs,
    fall: 1 + world.random.below(3),
    rise: 1 + world.random.below(3),
    quorum: world.pick<Monitor['quorum']>([...majorities, 'any', 'all', 2, 3]),
    port: 443,
  };
}

const majorities = Array.from({ length: 6 }, (): 'majority' => 'majority');

function drawService(world: Simulation, firstHost: number, monitors: readonly string[]): Service {
  const names = Object.keys(places).slice(0, 2 + world.random.below(4));
  const members = Object.fromEntries(
    names.map((name, index): [string, Partial<Member>] => {
      const host = firstHost + index + 1;
      const aaaa = world.chance(0.2) ? [`2001:db8::${host}`] : [];
      return [name, { a: [`192.0.2.${host}`], aaaa, weight: 1 + world.random.below(3) }];
    }),
  );
  return service(drawPolicy(world, names), members, {
    monitors,
    minHealthy: world.pick([0, 0.5, 0.5, 1]),
    whenAllDown: world.chance(0.8) ? 'all' : { member: names[0] ?? '' },
    rampSeconds: world.pick([0, 20, 180]),
  });
}

function drawPolicy(world: Simulation, names: readonly string[]): PolicyNode {
  const half = Math.ceil(names.length / 2);
  const [near, far] = [names.slice(0, half), names.slice(half)];
  const europe = geo([[{ continent: ['EU'] }, failover([...near])]], roundRobin([...names]));
  return world.pick([
    roundRobin(names, { answers: 2 }),
    weighted(names),
    nearest(names),
    sticky(names),
    failover([roundRobin(near), roundRobin(far)], { minHealthy: 1 }),
    europe,
  ]);
}
