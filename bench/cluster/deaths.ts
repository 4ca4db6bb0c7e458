import { join } from 'node:path';
import { decodeMessage, encodeMessage } from '../../src/wire/message.ts';
import { answerTexts, queryOf } from '../../test/e2e/support/ask.ts';
import type { ClusterMember } from '../../test/e2e/support/cluster.ts';
import { Origin } from '../../test/e2e/support/origin.ts';
import {
  type Running,
  startProgram,
  temporaryFolder,
  until,
} from '../../test/e2e/support/processes.ts';
import type { UdpChannel } from '../../test/e2e/support/udp-channel.ts';
import type { Cleanup } from '../cleanup.ts';
import { epochMs, print, report, sleep } from './asking.ts';
import { openVanishing } from './vanish.ts';

/** VIPs of one monitor that die, each once, half of them refusing and half swallowing packets. */
export interface Deaths {
  readonly monitor: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly fall: number;
  readonly count: number;
  /** `127.0.N`: where the VIPs are. */
  readonly network: string;
  /** How often a node is asked meanwhile, milliseconds. */
  readonly pollMs: number;
}

const agentPlaces = ['aws:us-east-1', 'aws:eu-west-1', 'aws:ap-south-1'];
/** Beside them the agents inside the two controllers, which are one region. */
const voters = agentPlaces.length + 2;
const regions = agentPlaces.length + 1;
/** What a death may take beside `interval` × `fall`, milliseconds. */
const allowedMs = 1000;
/** A question without an answer for this long is asked again, milliseconds. */
const lostMs = 200;

const serviceOf = ({ monitor }: Deaths, number: number) => `${monitor}${number}`;
const addressOf = ({ network }: Deaths, number: number) => `${network}.${number + 1}`;

/** Names, monitors and services of deaths, for the zone and the traffic file. */
export function deathFiles(all: readonly Deaths[], port: number, spare: string) {
  const numbers = all.flatMap((one) =>
    Array.from({ length: one.count }, (_, number) => [one, number] as const),
  );
  return {
    names: numbers.map(([one, number]) => {
      const service = serviceOf(one, number);
      return `${service} STEER ${service}\n`;
    }),
    monitors: all.map(
      ({ monitor, intervalMs, timeoutMs, fall }) =>
        `  ${monitor}: { type: tcp, port: ${port}, interval: ${intervalMs}ms, timeout: ${timeoutMs}ms, fall: ${fall}, rise: 2 }\n`,
    ),
    services: numbers.map(
      ([one, number]) => `  ${serviceOf(one, number)}:
    ttl: 5
    ramp: 0s
    monitors: [${one.monitor}]
    members: { west: { a: [${addressOf(one, number)}] }, east: { a: [${spare}] } }
    policy: { failover: [west, east] }
`,
    ),
  };
}

/** Starts what dies later; call it before the cluster checks it. */
export async function startMortals(
  cleanup: Cleanup,
  all: readonly Deaths[],
  port: number,
): Promise<ReadonlyMap<string, Origin>> {
  const origins = new Map<string, Origin>();
  for (const one of all) {
    for (let number = 0; number < one.count; number += 1) {
      const origin = new Origin(addressOf(one, number), port);
      await origin.start();
      cleanup.after(() => origin.die());
      origins.set(serviceOf(one, number), origin);
    }
  }
  return origins;
}

/** Starts real agents, each in a region of its own, that report to all controllers. */
export async function startAgents(
  cleanup: Cleanup,
  leader: ClusterMember,
  controllers: readonly ClusterMember[],
): Promise<readonly Running[]> {
  const wish = { name: 'bench', scopes: ['agent:enroll'] };
  const made = await leader.running.api('POST', '/v1/tokens', wish);
  const { secret } = (await made.json()) as { secret: string };
  const main = join(import.meta.dirname, '../../src/main.ts');
  return agentPlaces.map((place, number) =>
    startProgram(cleanup, [
      ...[process.execPath, main, 'probe', '--name', `agent${number}`, '--location', place],
      ...controllers.flatMap(({ running }) => ['--control', running.url]),
      ...['--token', secret, '--data', temporaryFolder(cleanup)],
      ...['--allow-private-targets', '--plain-http', '--json'],
    ]),
  );
}

/** Waits until every agent sees all of these services up. */
export async function untilAllAgree(
  leader: ClusterMember,
  origins: ReadonlyMap<string, Origin>,
): Promise<void> {
  for (const service of origins.keys()) {
    await until(
      async () => {
        const votes = await votesOn(leader, service);
        return (votes.length === voters && votes.every(({ state }) => state === 'up')) || undefined;
      },
      () => `all agents to see ${service} up`,
      120_000,
    );
  }
}

interface Vote {
  readonly agent: string;
  readonly region: string;
  readonly state: string;
  readonly since: string;
}

async function votesOn(leader: ClusterMember, service: string): Promise<readonly Vote[]> {
  const answer = await leader.running.api('GET', `/v1/health/${service}/west`);
  const { targets } = (await answer.json()) as { targets?: readonly { votes: Vote[] }[] };
  return targets?.[0]?.votes ?? [];
}

/** Lets all VIPs die at moments of their own, and prints how long each stayed in answers. */
export async function measureDeaths(
  cleanup: Cleanup,
  leader: ClusterMember,
  channels: readonly UdpChannel[],
  origins: ReadonlyMap<string, Origin>,
  all: readonly Deaths[],
): Promise<void> {
  const vanishing = openVanishing(cleanup);
  if (vanishing === undefined) print('nft may not be used here: every VIP that dies refuses');
  const verdictMs: number[] = [];
  const turnMs: number[] = [];
  await Promise.all(
    all.map(async (deaths) => {
      const times = { refuses: [] as number[], vanishes: [] as number[] };
      await Promise.all(
        Array.from({ length: deaths.count }, async (_, number) => {
          const origin = origins.get(serviceOf(deaths, number));
          if (origin === undefined) return;
          const how = vanishing !== undefined && number % 2 === 1 ? 'vanishes' : 'refuses';
          await sleep(Math.random() * Math.max(deaths.intervalMs, (deaths.count * 1000) / 2));
          const diedMs = epochMs();
          if (how === 'vanishes') vanishing?.vanish(origin.address);
          else await origin.die();
          const gone = await Promise.all(
            channels.map((one) => goneAt(one, deaths, number, origin.address)),
          );
          times[how].push(...gone.map((atMs) => atMs - diedMs));
          for (const [node, atMs] of gone.entries()) {
            if (atMs - diedMs <= targetMs(deaths)) continue;
            const service = serviceOf(deaths, number);
            print(`  late: ${service} on n${node + 1}, ${(atMs - diedMs).toFixed(0)} ms`);
          }
          const decided = await decidedAt(leader, serviceOf(deaths, number));
          verdictMs.push(Math.max(...gone) - decided.verdictMs);
          turnMs.push(Math.max(...gone) - decided.turnMs);
        }),
      );
      printDeaths(deaths, times);
    }),
  );
  report('death: the deciding agent knows → out on all nodes', turnMs);
  report('death: the deciding report is taken in → out on all nodes', verdictMs);
}

const targetMs = ({ intervalMs, fall }: Deaths) => intervalMs * fall + allowedMs;

function printDeaths(
  deaths: Deaths,
  times: Readonly<Record<'refuses' | 'vanishes', readonly number[]>>,
): void {
  for (const how of ['refuses', 'vanishes'] as const) {
    if (times[how].length === 0) continue;
    const { intervalMs, fall } = deaths;
    const mostMs = targetMs(deaths);
    const late = times[how].filter((ms) => ms > mostMs).length;
    const name = `death, ${how}, ${intervalMs / 1000} s × ${fall}: each node`;
    report(`${name} (over ${mostMs / 1000} s: ${late})`, times[how]);
  }
}

/** When a node's answer no longer holds an address, milliseconds since 1970. */
async function goneAt(
  channel: UdpChannel,
  deaths: Deaths,
  number: number,
  address: string,
): Promise<number> {
  const name = `${serviceOf(deaths, number)}.cluster.test`;
  for (;;) {
    const query = encodeMessage(queryOf({ port: 0, name, type: 'A' }));
    const bytes = await channel.ask(query, lostMs);
    const message = bytes === undefined ? undefined : decodeMessage(bytes);
    const isAnswer = message !== undefined && message.answers.length > 0;
    if (isAnswer && !answerTexts(message).includes(address)) return epochMs();
    await sleep(deaths.pollMs);
  }
}

/**
 * When the agent turned whose word made a majority of agent regions, and when the leader had that,
 * milliseconds since 1970.
 */
async function decidedAt(leader: ClusterMember, service: string) {
  const answer = await leader.running.api('GET', '/v1/health-events?limit=200');
  const { items } = (await answer.json()) as {
    items: readonly { at: string; service: string; to: string }[];
  };
  const event = items.find((one) => one.service === service && one.to === 'down');
  const votes = await votesOn(leader, service);
  const byRegion = Map.groupBy(votes, ({ region }) => region);
  const turns = [...byRegion.values()].map((own) => {
    // A region says what more than half of its agents say.
    const sinceMs = own
      .map(({ state, since }) => (state === 'down' ? Date.parse(since) : Number.POSITIVE_INFINITY))
      .toSorted((a, b) => a - b);
    return sinceMs[Math.floor(sinceMs.length / 2)] ?? Number.POSITIVE_INFINITY;
  });
  return {
    verdictMs: Date.parse(event?.at ?? ''),
    turnMs: turns.toSorted((a, b) => a - b)[Math.floor(regions / 2)] ?? Number.NaN,
  };
}
