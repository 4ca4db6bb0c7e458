/**
 * How long until a change, and a change of health, is served by every node of a cluster: a Redis, two
 * controllers and ten nodes as processes of their own on this machine, asked over UDP all the time.
 *
 *   accepted change   from the 2xx (and from sending the request) to the last node's new answer
 *   health change     from the leader's verdict (the time of its event) to the last node's new answer
 *   death             from the moment that a VIP is gone to each node's first answer without it, as three
 *                     agents far away and those of the controllers see it; half of the VIPs refuse
 *                     connections, half swallow packets
 *
 *   node bench/cluster.ts [--changes 100] [--nodes 10] [--fast-deaths 24] [--slow-deaths 10] [--urgent]
 *
 * With --urgent all of these processes start at a high priority, and then come before everything else on
 * the machine: on a busy machine that leaves the figures of an idle one.
 */
import { constants, setPriority } from 'node:os';
import { parseArgs } from 'node:util';
import { holdMs } from '../src/health/damping.ts';
import { type ClusterMember, leaderOf, startCluster } from '../test/e2e/support/cluster.ts';
import { Origin } from '../test/e2e/support/origin.ts';
import { freePort, type Running } from '../test/e2e/support/processes.ts';
import { UdpChannel } from '../test/e2e/support/udp-channel.ts';
import { type Cleanup, runBench } from './cleanup.ts';
import { epochMs, print, printLoad, report, servedAt, sleep } from './cluster/asking.ts';
import {
  type Deaths,
  deathFiles,
  measureDeaths,
  startAgents,
  startMortals,
  untilAllAgree,
} from './cluster/deaths.ts';
import { setUrgent } from './urgency.ts';

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '100' },
    nodes: { type: 'string', default: '10' },
    'fast-deaths': { type: 'string', default: '24' },
    'slow-deaths': { type: 'string', default: '10' },
    urgent: { type: 'boolean', default: false },
  },
});
const changes = Number(values.changes);
const nodeCount = Number(values.nodes);
const turns = Math.ceil(changes / 5);
const allDeaths: readonly Deaths[] = [
  {
    ...{ monitor: 'fast', intervalMs: 1000, timeoutMs: 500, fall: 2 },
    ...{ count: Number(values['fast-deaths']), network: '127.0.9', pollMs: 20 },
  },
  {
    ...{ monitor: 'slow', intervalMs: 10_000, timeoutMs: 4000, fall: 3 },
    ...{ count: Number(values['slow-deaths']), network: '127.0.10', pollMs: 50 },
  },
];

const east = '127.0.5.1';
const westOf = (number: number) => `127.0.6.${number + 1}`;

async function measureChanges(leader: ClusterMember, channels: readonly UdpChannel[]) {
  const fromSent: number[] = [];
  const fromAccepted: number[] = [];
  for (let value = 1; value <= changes; value += 1) {
    const all = Promise.all(
      channels.map((each) => servedAt(each, 'now.cluster.test', 'TXT', `"${value}"`)),
    );
    const sentMs = epochMs();
    const body = { ttl: 60, values: [`"${value}"`] };
    const answer = await leader.running.api('PUT', '/v1/zones/cluster.test/rrsets/now/TXT', body);
    if (!answer.ok) throw new Error(await answer.text());
    const acceptedMs = epochMs();
    const lastMs = Math.max(...(await all));
    fromSent.push(lastMs - sentMs);
    fromAccepted.push(Math.max(0, lastMs - acceptedMs));
  }
  report('change: request sent → served by all', fromSent);
  report('change: accepted (2xx) → served by all', fromAccepted);
}

/** Each origin dies once: one that came and went would be damped. */
async function measureHealth(
  leader: ClusterMember,
  channels: readonly UdpChannel[],
  origins: readonly Origin[],
) {
  const times: number[] = [];
  for (const [number, origin] of origins.entries()) {
    const name = `s${number}.cluster.test`;
    const all = Promise.all(channels.map((each) => servedAt(each, name, 'A', east)));
    await origin.die();
    const lastMs = Math.max(...(await all));
    const events = (await (
      await leader.running.api('GET', '/v1/health-events?limit=50')
    ).json()) as { items: { at: string; service: string; to: string }[] };
    const verdict = events.items.find((one) => one.service === `s${number}` && one.to === 'down');
    times.push(lastMs - Date.parse(verdict?.at ?? ''));
  }
  report('health: verdict of the leader → served by all', times);
}

/** Lets all processes of the bench, this one last, come before everything else. */
function hurry(all: readonly Running[]): void {
  const isUrgent = all.every(({ child }) => setUrgent(child.pid ?? 0, 'answers'));
  if (!isUrgent || !setUrgent(process.pid, 'asks')) throw new Error('SCHED_FIFO is not allowed');
}

await runBench(async (cleanup: Cleanup) => {
  // What this starts takes after it.
  if (values.urgent) setPriority(constants.priority.PRIORITY_HIGH);
  const port = await freePort(east);
  const origins = Array.from({ length: turns }, (_, number) => new Origin(westOf(number), port));
  const alive = new Origin(east, port);
  for (const origin of [...origins, alive]) await origin.start();
  cleanup.after(async () => {
    for (const origin of [...origins, alive]) await origin.die();
  });
  const mortals = await startMortals(cleanup, allDeaths, port);
  const deaths = deathFiles(allDeaths, port, east);
  const services = origins.map(
    ({ address }, number) => `  s${number}:
    ttl: 5
    ramp: 0s
    monitors: [web]
    members: { west: { a: [${address}] }, east: { a: [${east}] } }
    policy: { failover: [west, east] }
`,
  );
  const names = [...origins.map((_, number) => `s${number} STEER s${number}\n`), ...deaths.names];
  const cluster = await startCluster(cleanup, {
    zone: `$TTL 60\n@ SOA ns1 hostmaster 1 7200 900 1209600 60\n@ NS ns1\nns1 A 127.0.0.1\n${names.join('')}`,
    traffic: `
regions: { east: { place: aws:us-east-1 }, west: { place: aws:eu-west-1 } }
monitors:
  web: { type: http, port: ${port}, path: /, interval: 500ms, timeout: 400ms, fall: 2, rise: 1 }
${deaths.monitors.join('')}services:
${[...services, ...deaths.services].join('')}`,
  });
  const controllers = [
    await cluster.add('c1', 'controller'),
    await cluster.add('c2', 'controller'),
  ];
  const nodes: ClusterMember[] = [];
  for (let number = 1; number <= nodeCount; number += 1) {
    nodes.push(await cluster.add(`n${number}`, 'node'));
  }
  const channels = await Promise.all(
    nodes.map(({ running }) => UdpChannel.open(cleanup, running.port)),
  );
  await Promise.all(channels.map((each) => servedAt(each, 's0.cluster.test', 'A', westOf(0))));
  const leader = await leaderOf(controllers);
  const agents = await startAgents(cleanup, leader, controllers);
  await untilAllAgree(leader, mortals);
  const all = [
    cluster.redis,
    ...[...controllers, ...nodes].map(({ running }) => running),
    ...agents,
  ];
  if (values.urgent) hurry(all);
  // What checks found while everything started is held for a while.
  await sleep(holdMs);
  print(`${nodeCount} nodes${values.urgent ? ', before everything else on the machine' : ''}`);
  printLoad();
  await measureChanges(leader, channels);
  await measureHealth(leader, channels, origins);
  await measureDeaths(cleanup, leader, channels, mortals, allDeaths);
  printLoad();
});
