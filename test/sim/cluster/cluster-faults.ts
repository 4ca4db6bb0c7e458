import type { LogEntry } from '../../../src/cluster/bus.ts';
import { Envelope } from '../../../src/cluster/messages.ts';
import { chainHash } from '../../../src/store/chain.ts';
import { calm } from '../engine/sim-network.ts';
import { cheapKeys } from './cheap-keys.ts';
import type { ClusterStage, SimMember } from './member.ts';
import { busPlace } from './sim-bus.ts';

/** All that can go wrong, and for whom. */
export interface FaultStage extends ClusterStage {
  readonly members: readonly SimMember[];
  readonly controllers: readonly SimMember[];
  readonly clients: readonly string[];
}

type Fault = (stage: FaultStage) => () => void;

const nothing = () => {};

/** The leader, most of the time; else anybody. */
function somebody({ world, members, controllers }: FaultStage): SimMember {
  const leader = controllers.find(({ life }) => life?.cluster.lease() !== undefined);
  return leader !== undefined && world.chance(0.5) ? leader : world.pick(members);
}

/** Faults after which the bus still has all that it was given. */
const kind: readonly Fault[] = [
  function memberDies(stage) {
    const member = somebody(stage);
    member.kill();
    return () => member.start();
  },
  function memberDiesWriting({ world, controllers }) {
    const member = world.pick(controllers);
    member.diskFault = world.pick(['torn', 'whole']);
    return () => {
      member.diskFault = 'none';
      member.start();
    };
  },
  function leadersFallInTurn({ world, controllers }) {
    const leaderNow = () => controllers.find(({ life }) => life?.cluster.lease() !== undefined);
    const first = leaderNow();
    if (first === undefined) return nothing;
    first.diskFault = 'whole';
    let second: SimMember | undefined;
    const fall = world.after(world.between(7000, 12_000), () => {
      second = leaderNow();
      if (second !== first) second?.kill();
      world.after(500, () => second?.start());
    });
    return () => {
      fall();
      first.diskFault = 'none';
      first.start();
      second?.start();
    };
  },
  function memberStallsWriting({ world, controllers }) {
    const member = world.pick(controllers);
    member.diskFault = 'stall';
    return () => {
      member.diskFault = 'none';
      if (member.isStopped) world.note(`${member.name} goes on`);
      member.process?.resume();
    };
  },
  function diskIsFull(stage) {
    const member = somebody(stage);
    stage.world.note(`the disk of ${member.name} is full`);
    member.diskFault = 'full';
    return () => {
      if (member.diskFault === 'full') member.diskFault = 'none';
    };
  },
  function memberStandsStill(stage) {
    const { process, name } = somebody(stage);
    stage.world.note(`${name} is stopped`);
    process?.stop();
    return () => {
      stage.world.note(`${name} goes on`);
      process?.resume();
    };
  },
  function memberLeaves(stage) {
    const member = somebody(stage);
    member.leave().catch(nothing);
    return () => {
      member.kill();
      member.start();
    };
  },
  function memberLosesBus(stage) {
    const { world, network } = stage;
    const { name } = somebody(stage);
    const oneWay = world.random.below(3);
    world.note(`${name} and the bus lose each other (${oneWay})`);
    if (oneWay !== 1) network.cut(name, busPlace);
    if (oneWay !== 2) network.cut(busPlace, name);
    return () => network.mend(name, busPlace);
  },
  function clientsLoseController({ world, network, controllers, clients }) {
    const { name } = world.pick(controllers);
    for (const client of clients) network.part(client, name);
    return () => {
      for (const client of clients) network.mend(client, name);
    };
  },
  function busHangs({ world, redis }) {
    world.note('the bus hangs');
    redis.hang();
    return () => redis.resume();
  },
  function busIsAway({ world, redis }) {
    world.note('the bus is away');
    redis.stop();
    return () => redis.resume();
  },
  function networkSuffers({ world, network }) {
    world.note('the network suffers');
    const meanMs = world.pick([20, 200, 900]);
    network.quality = { leastMs: 1, meanMs, loss: 0.1, duplication: 0.1 };
    return () => {
      network.quality = calm;
    };
  },
  function memberReadsForgeries(stage) {
    const { world, members } = stage;
    const member = world.pick(members);
    world.note(`${member.name} reads forgeries`);
    member.lie = (entries) => entries.map((entry) => forge(entry, cheapKeys(666)));
    return () => {
      member.lie = undefined;
    };
  },
];

/** Faults in which the bus forgets. */
const lossy: readonly Fault[] = [
  function flush({ world, redis }) {
    world.note('FLUSHALL');
    redis.flush();
    return nothing;
  },
  function failover({ world, redis }) {
    world.note('the bus fails over to a replica that lags');
    redis.rollBack(false);
    return nothing;
  },
  function oldDump({ world, redis }) {
    world.note('the bus comes back with an old dump');
    redis.rollBack(true);
    return nothing;
  },
  function standbyLagsAndBusGoesBack({ world, network, redis, controllers }) {
    const standbys = controllers.filter(({ life }) => life?.cluster.lease() === undefined);
    if (standbys.length === 0) return nothing;
    const { name } = world.pick(standbys);
    world.note(`${name} loses the bus, until the bus goes back`);
    network.part(name, busPlace);
    let leader: SimMember | undefined;
    const goBack = world.after(world.between(1500, 6000), () => {
      world.note(`${name} finds the bus as it was before`);
      if (world.chance(0.3)) redis.flush();
      else redis.rollBack(true);
      network.mend(name, busPlace);
      // With the leader gone it is between this one and another, which has more.
      leader = controllers.find(({ life }) => life?.cluster.lease() !== undefined);
      if (controllers.length > 2 && world.chance(0.5)) leader?.kill();
    });
    return () => {
      goBack();
      network.mend(name, busPlace);
      leader?.start();
    };
  },
  function twoBusesInTurn({ world, redis }) {
    const { state } = redis;
    world.note('another bus takes over, and then the first again');
    redis.rollBack(true);
    const goBack = world.after(world.between(300, 3500), () => {
      world.note('the first bus again');
      redis.replace(state);
    });
    return goBack;
  },
  function awayAndEmpty({ world, redis }) {
    world.note('the bus is away, and comes back empty');
    redis.stop();
    redis.flush();
    return () => redis.resume();
  },
];

/** A revision of the same place, with other content, as a stranger would sign it. */
function forge(entry: LogEntry, keys: ReturnType<typeof cheapKeys>): LogEntry {
  const text = Buffer.from(entry.bytes.subarray(65)).toString('utf8');
  const message = JSON.parse(text) as { kind: string; revision?: Record<string, unknown> };
  if (message.kind !== 'revision' || message.revision === undefined) return entry;
  const forged = { ...message.revision, summary: 'forged', changes: [] };
  const content = forged as unknown as Parameters<typeof chainHash>[1];
  const hash = chainHash(String(message.revision['previousHash']), content);
  const bytes = new Envelope('sim', keys).seal('log', {
    ...message,
    revision: { ...forged, hash },
  });
  return { position: entry.position, bytes };
}

/** Lets faults begin and end at random until a moment; `isLossy`: the bus may forget, too. */
export function scheduleFaults(stage: FaultStage, untilMs: number, isLossy: boolean): void {
  const { world } = stage;
  const fromMs = world.nowMs;
  const count = 1 + world.random.below(6);
  for (let n = 0; n < count; n++) {
    const fault = world.pick(isLossy && world.chance(0.35) ? lossy : kind);
    world.after(world.between(0, untilMs - fromMs), () => {
      const end = fault(stage);
      const lastsMs = world.pick([300, 2000, 8000, 20_000]) * world.between(0.5, 1.5);
      world.after(Math.min(lastsMs, untilMs - world.nowMs), end);
    });
  }
}

/** Ends whatever is wrong. */
export function healAll({ world, network, redis, members }: FaultStage): void {
  world.note('everything heals');
  network.heal();
  redis.resume();
  for (const member of members) {
    member.diskFault = 'none';
    member.lie = undefined;
    member.process?.resume();
    member.start();
  }
}
