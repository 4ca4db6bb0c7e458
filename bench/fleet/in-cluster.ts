import { loadavg } from 'node:os';
import { type ClusterMember, leaderOf, startCluster } from '../../test/e2e/support/cluster.ts';
import type { Cleanup } from '../cleanup.ts';
import { cpuTime } from '../peers/measure.ts';
import { type Fails, trafficText } from './load-agent.ts';
import { ReportLoad } from './report-load.ts';

export interface ClusterPlan {
  readonly agentCount: number;
  readonly targetCount: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly nodeCount: number;
  /** Targets that die and come back, in the second part. */
  readonly flapping: number;
  /** Which controllers agents report to. */
  readonly told: string;
}

/** Half of the time that a flapping target takes to die and come back: longer than fall and hold. */
const halfTurnSeconds = 60;
/** Time for agents and images to settle, and for damping to let go of what they found otherwise, seconds. */
const settleSeconds = 45;

/** Prints what each process of a cluster with a fleet costs. */
export async function measureInCluster(cleanup: Cleanup, plan: ClusterPlan): Promise<void> {
  const { agentCount, targetCount, nodeCount, flapping } = plan;
  const count = Math.ceil(targetCount / 4);
  const names = Array.from({ length: count }, (_, at) => `s${at} STEER s${at}\n`);
  const cluster = await startCluster(cleanup, {
    zone: `$TTL 60\n@ SOA ns1 hostmaster 1 7200 900 1209600 60\n@ NS ns1\nns1 A 127.0.0.1\n${names.join('')}`,
    traffic: trafficText(targetCount),
  });
  const flags = ['--log-level', 'error'];
  const members: ClusterMember[] = [];
  for (const name of ['c1', 'c2']) members.push(await cluster.add(name, 'controller', flags));
  const controllers = [...members];
  for (let number = 1; number <= nodeCount; number += 1) {
    members.push(await cluster.add(`n${number}`, 'node', flags));
  }
  const leader = await leaderOf(controllers);
  const { token } = leader.running;
  const isTold = ({ name }: ClusterMember) =>
    plan.told === 'all' || (plan.told === 'leader') === (name === leader.name);
  const urls = controllers.filter(isTold).map(({ running }) => running.url);
  const pids = new Map(
    members.map(({ name, running }) => [
      name === leader.name ? `${name} (leads)` : name,
      running.child.pid ?? 0,
    ]),
  );
  pids.set('redis', cluster.redis.child.pid ?? 0);
  const idle = async () => {
    await new Promise((done) => setTimeout(done, plan.seconds * 1000));
    return { wallMs: plan.seconds * 1000, taken: 0 };
  };
  await printCpu('a cluster without agents', pids, idle);
  const load = await ReportLoad.open(cleanup, urls, token, agentCount);
  await load.run(settleSeconds, () => false);
  load.printRefused();
  const all = `${agentCount} agents, ${targetCount} targets`;
  await printCpu(`${all}, all well`, pids, () => load.run(plan.seconds, () => false));
  await printPassedOn(controllers);
  // Spread over the plan and over time.
  const step = Math.max(1, Math.floor(targetCount / Math.max(1, flapping)));
  const fails: Fails = (place, second) => {
    if (place % step !== 0 || place / step >= flapping) return false;
    const phase = (place / step / flapping) * 2 * halfTurnSeconds;
    return (second + phase) % (2 * halfTurnSeconds) < halfTurnSeconds;
  };
  await load.run(2 * halfTurnSeconds, fails);
  const eventsBefore = await newestEvent(leader);
  await printCpu(`${all}, ${flapping} flap`, pids, () => load.run(plan.seconds, fails));
  await printPassedOn(controllers);
  const turns = (await newestEvent(leader)) - eventsBefore;
  process.stdout.write(`  ${turns} verdicts turned in the last part\n`);
  load.printRefused();
}

/** Prints the CPU of each process while something goes on, at how many reports a second. */
async function printCpu(
  what: string,
  pids: ReadonlyMap<string, number>,
  work: () => Promise<{ readonly wallMs: number; readonly taken: number }>,
): Promise<void> {
  const look = () => new Map([...pids].map(([name, pid]) => [name, cpuTime(pid).all / 1000]));
  const before = look();
  const { wallMs, taken } = await work();
  const each = [...look()].map(([name, ms]) => {
    const percent = ((ms - (before.get(name) ?? 0)) / wallMs) * 100;
    return `${name} ${percent.toFixed(1)} %`;
  });
  const rate = (taken / wallMs) * 1000;
  process.stdout.write(
    `${what}: ${rate.toFixed(0)} reports a second, load average ${loadavg()[0]?.toFixed(1)}\n` +
      `  of a core: ${each.join(', ')}\n`,
  );
}

/** Prints how many of the reports so far each controller has passed on to the other. */
async function printPassedOn(controllers: readonly ClusterMember[]): Promise<void> {
  for (const { name, running } of controllers) {
    const text = await (await running.api('GET', '/metrics')).text();
    const count = (event: string) =>
      Number(new RegExp(`cluster_events_total\\{event="${event}"\\} (\\d+)`).exec(text)?.[1]);
    process.stdout.write(
      `  ${name} has passed ${count('passed_on')} reports on; ${count('spared')} the other had itself\n`,
    );
  }
}

async function newestEvent({ running }: ClusterMember): Promise<number> {
  const answer = await running.api('GET', '/v1/health-events?limit=1');
  const { items } = (await answer.json()) as { items: readonly { sequence: number }[] };
  return items[0]?.sequence ?? 0;
}
