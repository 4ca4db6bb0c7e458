/**
 * How long until a change, and a change of health, is served by every node of a cluster: a Redis, two
 * controllers and ten nodes as processes of their own on this machine, asked over UDP all the time.
 *
 *   accepted change   from the 2xx (and from sending the request) to the last node's new answer
 *   health change     from the leader's verdict (the time of its event) to the last node's new answer
 *
 * Run: node bench/cluster.ts [changes, default 100] [nodes, default 10]
 */
import { loadavg } from 'node:os';
import { decodeMessage, encodeMessage } from '../src/wire/message.ts';
import { answerTexts, queryOf } from '../test/e2e/support/ask.ts';
import { type ClusterMember, leaderOf, startCluster } from '../test/e2e/support/cluster.ts';
import { Origin } from '../test/e2e/support/origin.ts';
import { freePort } from '../test/e2e/support/processes.ts';
import { UdpChannel } from '../test/e2e/support/udp-channel.ts';

const changes = Number(process.argv[2] ?? 100);
const nodeCount = Number(process.argv[3] ?? 10);
const turns = Math.ceil(changes / 5);
const pollMs = 4;

const east = '127.0.5.1';
const westOf = (number: number) => `127.0.6.${number + 1}`;
const closers: (() => void | Promise<void>)[] = [];
const t = { after: (close: () => void | Promise<void>) => void closers.push(close) };

const print = (text: string) => process.stdout.write(`${text}\n`);
const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** Asks until the answer is as wanted; resolves with the time of that, milliseconds since 1970. */
async function servedAt(
  channel: UdpChannel,
  name: string,
  type: string,
  wanted: string,
): Promise<number> {
  for (;;) {
    const bytes = await channel.ask(encodeMessage(queryOf({ port: 0, name, type })), 1000);
    const texts = answerTexts(bytes === undefined ? undefined : decodeMessage(bytes));
    if (texts.join(' ') === wanted) return performance.timeOrigin + performance.now();
    await sleep(pollMs);
  }
}

function report(name: string, times: number[]): void {
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(0);
  print(
    `${name.padEnd(52)} n ${String(times.length).padStart(4)}  median ${at(0.5).padStart(5)} ms  p99 ${at(0.99).padStart(5)} ms  most ${at(1).padStart(5)} ms`,
  );
}

async function measureChanges(leader: ClusterMember, channels: readonly UdpChannel[]) {
  const fromSent: number[] = [];
  const fromAccepted: number[] = [];
  for (let value = 1; value <= changes; value += 1) {
    const all = Promise.all(
      channels.map((each) => servedAt(each, 'now.cluster.test', 'TXT', `"${value}"`)),
    );
    const sentMs = performance.timeOrigin + performance.now();
    const body = { ttl: 60, values: [`"${value}"`] };
    const answer = await leader.running.api('PUT', '/v1/zones/cluster.test/rrsets/now/TXT', body);
    if (!answer.ok) throw new Error(await answer.text());
    const acceptedMs = performance.timeOrigin + performance.now();
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

async function main(): Promise<void> {
  const port = await freePort(east);
  const origins = Array.from({ length: turns }, (_, number) => new Origin(westOf(number), port));
  const alive = new Origin(east, port);
  for (const origin of [...origins, alive]) await origin.start();
  t.after(async () => {
    for (const origin of [...origins, alive]) await origin.die();
  });
  const services = origins.map(
    ({ address }, number) => `  s${number}:
    ttl: 5
    ramp: 0s
    monitors: [web]
    members: { west: { a: [${address}] }, east: { a: [${east}] } }
    policy: { failover: [west, east] }
`,
  );
  const names = origins.map((_, number) => `s${number} STEER s${number}\n`);
  const cluster = await startCluster(t, {
    zone: `$TTL 60\n@ SOA ns1 hostmaster 1 7200 900 1209600 60\n@ NS ns1\nns1 A 127.0.0.1\n${names.join('')}`,
    traffic: `
regions: { east: { place: aws:us-east-1 }, west: { place: aws:eu-west-1 } }
monitors:
  web: { type: http, port: ${port}, path: /, interval: 500ms, timeout: 400ms, fall: 2, rise: 1 }
services:
${services.join('')}`,
  });
  const controllers = [
    await cluster.add('c1', 'controller'),
    await cluster.add('c2', 'controller'),
  ];
  const nodes: ClusterMember[] = [];
  for (let number = 1; number <= nodeCount; number += 1) {
    nodes.push(await cluster.add(`n${number}`, 'node'));
  }
  const channels = await Promise.all(nodes.map(({ running }) => UdpChannel.open(t, running.port)));
  await Promise.all(channels.map((each) => servedAt(each, 's0.cluster.test', 'A', westOf(0))));
  const leader = await leaderOf(controllers);
  print(
    `${nodeCount} nodes, load average ${loadavg()
      .map((one) => one.toFixed(1))
      .join(' ')}`,
  );
  await measureChanges(leader, channels);
  await measureHealth(leader, channels, origins);
  print(
    `load average ${loadavg()
      .map((one) => one.toFixed(1))
      .join(' ')}`,
  );
}

try {
  await main();
} finally {
  for (const close of closers.toReversed()) await close();
}
