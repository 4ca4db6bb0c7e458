import type { Verdict } from '../../../src/health/verdict.ts';
import type { SimMember } from '../cluster/member.ts';
import { fallMs, promised, riseMs, slowest, vipsOf } from '../fleet/fleet-times.ts';
import { differences } from './follow-watch.ts';
import type { MemberTables } from './member-tables.ts';
import type { TableStage } from './table-faults.ts';

/** How long it took until a VIP that had died was out everywhere. */
export interface Detection {
  readonly tookMs: number;
  /** interval × fall + 1 s. */
  readonly promisedMs: number;
}

/** The lease of a dead leader, turns that are waited for, and a first table: all is well after this. */
const leadMs = 45_000;
const holdMs = 30_000;
/** One report interval, one tick, and what the calm network takes to the leader and from it. */
const bookkeepingMs = 2500;
/** A leader that reaches the bus has told all that it knows within this. */
const tellMs = 5000;
const stepMs = 250;
const liveTables = ['health', 'latency'] as const;

/** Checks that a leader that can tell the others does so. */
export class LeaderWatch {
  readonly #stage: TableStage;
  #untoldSinceMs: number | undefined;

  constructor(stage: TableStage) {
    this.#stage = stage;
  }

  look(): void {
    const { world } = this.#stage;
    const leader = leaderOf(this.#stage);
    const untold = leader === undefined ? [] : this.#untold(leader);
    if (untold.length === 0) this.#untoldSinceMs = undefined;
    else this.#untoldSinceMs ??= world.nowMs;
    const lastsMs = world.nowMs - (this.#untoldSinceMs ?? world.nowMs);
    world.demand(lastsMs < tellMs, 'untold', () => {
      return `${leader?.name} knows of ${untold.join(', ')} for ${lastsMs} ms and tells nobody`;
    });
  }

  #untold(leader: SimMember): string[] {
    const { truth } = this.#stage;
    const tables = tablesOf(leader);
    const silenceMs = leader.life?.cluster.busSilenceMs() ?? Number.POSITIVE_INFINITY;
    if (tables === undefined || silenceMs >= 2000) return [];
    return liveTables.flatMap((table) => {
      return differences(truth.told(leader.name, table), tables.essences(table));
    });
  }
}

/** Runs until all steer alike and by the truth, which they have to within a time. */
export async function demandConverged(stage: TableStage): Promise<void> {
  const { world, plan } = stage;
  const settleMs = slowest(plan, (monitor) => Math.max(fallMs(monitor), riseMs(monitor)));
  const endMs = world.nowMs + leadMs + settleMs + holdMs + bookkeepingMs;
  let wrong = wrongWith(stage);
  while (wrong !== undefined && world.nowMs < endMs) {
    await world.run(world.nowMs + stepMs);
    wrong = wrongWith(stage);
  }
  world.demand(wrong === undefined, 'liveness', wrong ?? '');
}

/** A target dies, and is out on every member within the bound. */
export async function demandOut(stage: TableStage): Promise<Detection> {
  const { world, plan, ground, members } = stage;
  const alive = plan.addresses.filter((address) => ground.isAlive(address));
  const address = world.pick(alive.length > 0 ? alive : plan.addresses);
  ground.refuses = world.chance(0.7);
  ground.setAlive(address, false);
  const diedMs = world.nowMs;
  const limitMs = slowest(plan, fallMs) + bookkeepingMs;
  const isOut = (member: SimMember) =>
    vipsOf(plan).every(
      ([service, vip]) => vip !== address || tablesOf(member)?.verdict(service, vip) === 'down',
    );
  let outMs: number | undefined;
  world.check(() => {
    if (outMs === undefined && members.every(isOut)) outMs = world.nowMs;
  });
  await world.run(diedMs + limitMs);
  world.demand(outMs !== undefined, 'detection', () => {
    const late = members.filter((member) => !isOut(member)).map(({ name }) => name);
    return `${address} died and was not out on ${late.join(', ')} after ${limitMs} ms`;
  });
  return { tookMs: (outMs ?? 0) - diedMs, promisedMs: promised(plan, address) };
}

function leaderOf({ controllers }: TableStage): SimMember | undefined {
  return controllers.find((one) => one.isRunning && one.life?.cluster.lease() !== undefined);
}

function tablesOf(member: SimMember): MemberTables | undefined {
  return member.life?.side as MemberTables | undefined;
}

/** What is not yet as it has to be when all is well. */
function wrongWith(stage: TableStage): string | undefined {
  const { members, plan, ground } = stage;
  const leader = leaderOf(stage);
  const led = leader && tablesOf(leader);
  if (led === undefined) return 'nobody leads';
  for (const member of members) {
    const tables = tablesOf(member);
    if (tables === undefined) return `${member.name} does not run`;
    for (const [service, address] of vipsOf(plan)) {
      const wanted: Verdict = ground.isAlive(address) ? 'up' : 'down';
      const verdict = tables.verdict(service, address);
      if (verdict !== wanted) return `${member.name} holds ${address} of ${service} for ${verdict}`;
    }
    for (const table of liveTables) {
      const other = differences(led.essences(table), tables.essences(table));
      if (other.length > 0) return `${member.name} has other ${table} of ${other.join(', ')}`;
    }
  }
  return undefined;
}
