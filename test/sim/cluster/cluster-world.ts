import type { Lease } from '../../../src/cluster/bus.ts';
import { formatPosition } from '../../../src/cluster/position.ts';
import { calm, SimNetwork } from '../engine/sim-network.ts';
import type { Simulation } from '../engine/simulation.ts';
import { cheapKeys } from './cheap-keys.ts';
import { SimClient } from './client.ts';
import { type FaultStage, healAll, scheduleFaults } from './cluster-faults.ts';
import { History } from './history.ts';
import { SimMember } from './member.ts';
import { busPlace } from './sim-bus.ts';
import { SimRedis } from './sim-redis.ts';

/** A cold start has to serve what its disk holds within this, milliseconds. */
const coldStartMs = 5000;
/** The lease of a dead leader, a wait that is deferred, and catching up: all is well after this. */
const convergeMs = 45_000;

/** How a seed's cluster came out. */
export interface ClusterOutcome {
  readonly acknowledged: number;
  readonly terms: number;
}

/**
 * Controllers and nodes over one bus, with clients that make changes all the while. Everything may
 * go wrong; whatever does, no acknowledged change is lost, all see one history and none ever goes
 * back; and once everything has healed all are at the same place and changes go through.
 */
export async function runCluster(world: Simulation): Promise<ClusterOutcome> {
  const network = new SimNetwork(world);
  network.quality = calm;
  const redis = new SimRedis(world);
  const history = new History(world);
  const controllers: SimMember[] = [];
  const stage: FaultStage = {
    ...{ world, network, redis, history, keys: cheapKeys(17) },
    leads: (member, lease) => demandNothingLost(stage, member, lease),
    ...{ members: [], controllers: [], clients: [] },
  };
  for (let n = 1; n <= 2 + world.random.below(2); n++) {
    controllers.push(new SimMember(stage, `control-${n}`, 'controller'));
  }
  const nodeCount = 1 + world.random.below(3);
  const nodes = Array.from({ length: nodeCount }, (_, n) => {
    return new SimMember(stage, `node-${n + 1}`, 'node');
  });
  const members = [...controllers, ...nodes];
  const clients = ['ann', 'bob'].map((name) => {
    return new SimClient(world, network, name, controllers, history, 4 + world.random.below(12));
  });
  const names = clients.map(({ name }) => name);
  Object.assign(stage, { members, controllers, clients: names });
  for (const member of members) world.after(world.between(0, 3000), () => member.start());
  for (const client of clients) world.after(world.between(0, 8000), () => client.ask());
  const isLossy = world.chance(0.5);
  world.check(() => demandNow(stage));

  await world.run(world.between(2000, 10_000));
  await world.rounds(async () => {
    await runRound(stage, clients, isLossy);
    if (world.nowMs < world.longMs) for (const one of clients) one.want(2 + world.random.below(12));
  });
  return { acknowledged: history.acknowledged.size, terms: history.terms };
}

/** Things go wrong, heal, and are well. */
async function runRound(
  stage: FaultStage,
  clients: readonly SimClient[],
  isLossy: boolean,
): Promise<void> {
  const { world } = stage;
  const untilMs = world.nowMs + world.pick([8000, 20_000, 40_000]);
  scheduleFaults(stage, untilMs, isLossy);
  await world.run(untilMs);
  healAll(stage);
  await world.run(world.nowMs + convergeMs);
  demandOneHistory(stage);
  for (const client of clients) client.want(1);
  await world.run(world.nowMs + 10_000);
  for (const client of clients) {
    world.demand(client.isDone, 'liveness', () => `${client.name} could not make its changes`);
  }
  demandOneHistory(stage);
}

/** What holds at every moment. */
function demandNow({ world, redis, history, members, controllers }: FaultStage): void {
  // One leader at a time, too, as long as the bus does not forget who that is.
  if (redis.losses === 0) {
    const leaders = controllers.filter((one) => one.isRunning && one.life?.cluster.lease());
    world.demand(leaders.length <= 1, 'two leaders', () => {
      return `${leaders.map(({ name }) => name).join(' and ')} both trust their leases`;
    });
  }
  // Invariant 5: whoever runs answers, whatever became of the bus.
  for (const { name, life, process } of members) {
    if (life === undefined || !process?.isRunning || life.servedMs !== undefined) continue;
    const isLate = process.monotonicMs() > coldStartMs && history.servedBy(name) !== undefined;
    world.demand(!isLate, 'no answers', () => `${name} runs and serves nothing`);
  }
}

/**
 * A new leader lacks an acknowledged change only when nobody who has it could have led in its place:
 * none of them runs and reaches the bus.
 */
function demandNothingLost(stage: FaultStage, leader: SimMember, lease: Lease): void {
  const { world, network, redis, history, controllers } = stage;
  history.leads(leader.name, lease.term);
  for (const { key, revision, holders } of history.acknowledged.values()) {
    if (leader.holds(key, revision) || history.passedOver.has(key)) continue;
    const able = controllers.filter(
      (one) =>
        holders.includes(one.name) &&
        one.isRunning &&
        one.holds(key, revision) &&
        !network.isCut(one.name, busPlace) &&
        !network.isCut(busPlace, one.name),
    );
    world.note(`${leader.name} leads without ${key}`);
    world.demand(redis.losses > 0, 'acknowledged and lost', () => {
      return `${leader.name} leads under term ${lease.term} without ${key}, revision ${revision}`;
    });
    world.demand(able.length === 0, 'acknowledged and lost', () => {
      const who = able.map(({ name }) => name).join(', ');
      return `${leader.name} leads without ${key}, which ${who} could have led with`;
    });
    history.passedOver.add(key);
  }
}

/** When all is well: one history, in which every acknowledged change stands once. */
function demandOneHistory({ world, redis, history, members, controllers }: FaultStage): void {
  const [first] = members;
  const wanted = first && history.servedBy(first.name);
  for (const { name, life } of members) {
    const served = history.servedBy(name);
    world.demand(life !== undefined && served !== undefined, 'liveness', `${name} does not serve`);
    world.demand(served?.digest === wanted?.digest, 'liveness', () => {
      const at = served && formatPosition(served.position);
      const other = wanted && formatPosition(wanted.position);
      return `${name} is at ${at}, where ${first?.name} is at ${other}`;
    });
    const bad = life?.store.verify();
    world.demand(bad === undefined, 'hash chain', () => `${name} has a bad revision ${bad}`);
  }
  const store = controllers[0]?.life?.store;
  if (store === undefined) throw new Error('no controller');
  const summaries: string[] = [];
  const digests = new Set<string>();
  for (const { summary, hash } of store.revisions(store.latest() + 1, 10_000)) {
    summaries.push(summary);
    digests.add(hash);
  }
  const made = new Set(summaries);
  world.demand(made.size === summaries.length, 'made twice', 'a key made two revisions');
  world.demand(!made.has('forged'), 'forged', 'a stranger made a revision');
  const kept = new Set(members.flatMap(({ orphans }) => orphans.map(({ summary }) => summary)));
  for (const { key, revision } of history.acknowledged.values()) {
    if (store.revision(revision)?.summary === key) continue;
    world.demand(redis.losses > 0 && kept.has(key), 'acknowledged and lost', () => {
      return `${key} was acknowledged as revision ${revision}, and is gone`;
    });
  }
  if (redis.losses > 0) return;
  for (const [digest, name] of history.found) {
    const isKept = members.some(({ orphans }) => orphans.some(({ hash }) => hash === digest));
    world.demand(digests.has(digest) || isKept, 'dropped', () => {
      return `${name} had ${digest.slice(0, 8)}, which is not in the history and was not kept`;
    });
  }
  for (const [digest, revision] of history.visible) {
    world.demand(revision === 0 || digests.has(digest), 'visible and gone', () => {
      return `revision ${revision} ${digest.slice(0, 8)} was served, and is not in the history`;
    });
  }
}
