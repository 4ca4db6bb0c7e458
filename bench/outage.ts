/**
 * What an outage of Redis costs: a cluster whose Redis is stopped beside an equal one whose Redis lives,
 * under the same load at the same time, so that whatever else this machine does happens to both.
 *
 *   node bench/outage.ts [--minutes 60] [--rate 1000] [--nodes 2] [--window 10] [--quiet-minutes 2]
 *
 *     before ──────────┤ Redis stops ├───── outage ─────┤ Redis is back ├────── after
 *     --quiet-minutes                     --minutes                      --quiet-minutes
 *
 * All the time one node of each cluster gets --rate queries a second (open loop, bench/native/dns_load.c),
 * every node is asked for every steered name, and every 30 s one origin dies and another comes back; both
 * clusters check the same ones. During the outage a write is tried each 30 s, and must be refused. Where it
 * is allowed, the threads that ask and that answer come before everything else on the machine, so that
 * latencies are the servers' own; whatever makes answers waits its turn.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Random } from '../src/base/random.ts';
import { rcodes, rrTypes } from '../src/wire/types.ts';
import { type ClusterMember, untilServed } from '../test/e2e/support/cluster.ts';
import { Origin } from '../test/e2e/support/origin.ts';
import { freePort, temporaryFolder } from '../test/e2e/support/processes.ts';
import { type Cleanup, runBench } from './cleanup.ts';
import { encodeQuery } from './dns-load.ts';
import { LoadPairs, type Pair, type Phase } from './outage/load-pairs.ts';
import { print, printMoves, printPairs, printSeen, printUsage } from './outage/print.ts';
import { Twin } from './outage/twin.ts';
import { type Steered, Witness } from './outage/witness.ts';
import { compile } from './peers/measure.ts';
import { type BenchQuery, writeQueries } from './peers/workload.ts';
import { setUrgent } from './urgency.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    'quiet-minutes': { type: 'string', default: '2' },
    rate: { type: 'string', default: '1000' },
    nodes: { type: 'string', default: '2' },
    window: { type: 'string', default: '10' },
  },
});
const outageMs = Number(values.minutes) * 60_000;
const quietMs = Number(values['quiet-minutes']) * 60_000;

const services = 8;
const spare = '127.0.7.1';
const steadyAddress = '127.0.8.250';
const originAddress = (service: number) => `127.0.8.${service + 1}`;
/** One origin dies this often; the one that died three turns ago comes back, longer ago than the hold. */
const turnMs = 30_000;
const turnsDead = 3;
const pollMs = 200;
const reportEveryMs = 300_000;

const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, Math.max(0, ms)));

function filesOf(port: number) {
  const named = Array.from({ length: services }, (_, service) => `s${service} STEER s${service}`);
  const zone = [
    '$TTL 60',
    '@ SOA ns1 hostmaster 1 7200 900 1209600 60',
    '@ NS ns1',
    'ns1 A 127.0.0.1',
    '*.wild A 192.0.2.200',
    'steady STEER steady',
    ...Array.from({ length: 20 }, (_, number) => `static${number} A 192.0.2.${number}`),
    ...named,
  ];
  const service = (name: string, west: string) => `  ${name}:
    ttl: 5
    ramp: 0s
    monitors: [port]
    members: { west: { a: [${west}] }, east: { a: [${spare}] } }
    policy: { failover: [west, east] }
`;
  const traffic = `
regions: { east: { place: aws:us-east-1 }, west: { place: aws:eu-west-1 } }
monitors:
  port: { type: tcp, port: ${port}, interval: 1s, timeout: 500ms, fall: 2, rise: 2 }
services:
${service('steady', steadyAddress)}${Array.from({ length: services }, (_, number) =>
  service(`s${number}`, originAddress(number)),
).join('')}`;
  return { zone: `${zone.join('\n')}\n`, traffic };
}

/** 40 % a service that stays, 20 % those that move, 20 % static, 10 % wildcard, 10 % NXDOMAIN. */
function makeQueries(count: number): BenchQuery[] {
  const random = new Random(1);
  return Array.from({ length: count }, (_, index) => {
    const draw = random.below(100);
    const label = `x${random.uint32().toString(36)}`;
    let first = label;
    if (draw < 40) first = 'steady';
    else if (draw < 60) first = `s${random.below(services)}`;
    else if (draw < 80) first = `static${random.below(20)}`;
    else if (draw < 90) first = `${label}.wild`;
    const name = `${first}.cluster.test`;
    const exists = draw < 90;
    return {
      packet: encodeQuery(index & 0xffff, name, rrTypes.A),
      name,
      type: rrTypes.A,
      rcode: exists ? rcodes.NOERROR : rcodes.NXDOMAIN,
      answers: exists ? 1 : 0,
    };
  });
}

/** Lets everything that asks and answers come before all else; says so where that is not allowed. */
function hurry(nodes: readonly ClusterMember[]): void {
  const isUrgent = nodes.every(({ running }) =>
    setUrgent(running.child.pid ?? 0, 'answers', (thread) => thread.startsWith('udp-')),
  );
  if (!isUrgent || !setUrgent(process.pid, 'asks', (thread) => thread === 'MainThread'))
    print('SCHED_FIFO is not allowed here: latencies hold what else this machine does');
}

/** Starts what is checked: an origin for each service that moves, and those that stay. */
async function startOrigins(cleanup: Cleanup): Promise<{ port: number; names: Steered[] }> {
  const port = await freePort(spare);
  const names = Array.from({ length: services }, (_, number) => ({
    name: `s${number}.cluster.test`,
    origin: new Origin(originAddress(number), port),
    spare,
  }));
  const others = [new Origin(spare, port), new Origin(steadyAddress, port)];
  const all = [...names.map(({ origin }) => origin), ...others];
  for (const origin of all) await origin.start();
  cleanup.after(async () => {
    for (const origin of all) await origin.die();
  });
  return { port, names };
}

/** Lets origins die and come back, one of each every turn, until `stop`. */
function keepMoving(witness: Witness<'tested' | 'control'>, names: readonly Steered[]) {
  let isStopped = false;
  let wake = () => {};
  const run = async () => {
    for (let turn = 0; !isStopped; turn += 1) {
      const dies = names[turn % names.length];
      const returns = turn < turnsDead ? undefined : names[(turn - turnsDead) % names.length];
      if (dies !== undefined) await witness.move(dies, 'spare');
      if (returns !== undefined) await witness.move(returns, 'origin');
      await new Promise<void>((done) => {
        const timer = setTimeout(done, turnMs);
        wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
  };
  const running = run();
  return async () => {
    isStopped = true;
    wake();
    await running;
  };
}

/** Redis is gone for as long as was asked for; what it refuses meanwhile is counted by status. */
async function outage(tested: Twin, refused: Map<number, number>, report: () => void) {
  const startMs = performance.now();
  let reportMs = startMs + reportEveryMs;
  for (let dueMs = startMs + turnMs; dueMs < startMs + outageMs; dueMs += turnMs) {
    await sleep(dueMs - performance.now());
    const status = await tested.put(0, 'outage');
    refused.set(status, (refused.get(status) ?? 0) + 1);
    if (performance.now() < reportMs) continue;
    reportMs += reportEveryMs;
    report();
  }
  await sleep(startMs + outageMs - performance.now());
}

/** Starts Redis and writes at once; prints how long all took to come together. */
async function comeBack(tested: Twin): Promise<void> {
  const startedMs = performance.now();
  await tested.startRedis();
  const backMs = performance.now();
  const since = () => `${(performance.now() - backMs).toFixed(0)} ms`;
  for (let turn = 0; ; turn += 1) {
    const status = await tested.put(turn % 2, 'back');
    if (status >= 200 && status < 300) break;
    await sleep(20);
  }
  print(`Redis answers ${(backMs - startedMs).toFixed(0)} ms after its start; from then on:`);
  print(`  a change is accepted after ${since()}`);
  await Promise.all(tested.nodes.map((n) => untilServed(n, 'now.cluster.test', 'TXT', ['"back"'])));
  print(`  it is served by every node after ${since()}`);
  while ((await tested.agreement()) === undefined) await sleep(20);
  print(`  all members have one history, and nodes the leader's word on health, after ${since()}`);
}

await runBench(async (cleanup) => {
  const { port, names } = await startOrigins(cleanup);
  const folder = temporaryFolder(cleanup);
  const file = writeQueries(folder, 'queries', makeQueries(20_000));
  const tested = await Twin.start(cleanup, filesOf(port), Number(values.nodes));
  const control = await Twin.start(cleanup, filesOf(port), Number(values.nodes));
  const twins = { tested, control } as const;
  const asked = (['tested', 'control'] as const).flatMap((group) =>
    twins[group].nodes.map(({ name, running }) => ({ group, node: name, port: running.port })),
  );
  for (const { nodes } of [tested, control]) {
    for (const node of nodes) {
      for (const { name, origin } of names) await untilServed(node, name, 'A', [origin.address]);
    }
  }
  hurry([...tested.nodes, ...control.nodes]);
  const witness = await Witness.open(cleanup, asked, names, pollMs);
  let phase: Phase = 'before';
  const pairs: Pair[] = [];
  const load = new LoadPairs(cleanup, {
    load: compile('dns_load'),
    file,
    ports: {
      tested: tested.nodes[0]?.running.port ?? 0,
      control: control.nodes[0]?.running.port ?? 0,
    },
    rate: Number(values.rate),
    windowMs: Number(values.window) * 1000,
    phase: () => phase,
    onPair: (pair) => pairs.push(pair),
  });
  const loads: string[] = [];
  const noteLoad = (when: string) =>
    loads.push(
      `${when} ${loadavg()
        .map((one) => one.toFixed(1))
        .join(' ')}`,
    );
  noteLoad('at the start');
  await sleep(quietMs);

  const usageBefore = { tested: tested.usage(), control: control.usage() };
  await tested.stopRedis();
  phase = 'outage';
  const stoppedMs = performance.now();
  const stopMoving = keepMoving(witness, names);
  const refused = new Map<number, number>();
  await outage(tested, refused, () => {
    noteLoad(`after ${((performance.now() - stoppedMs) / 60_000).toFixed(0)} minutes`);
    print(loads.at(-1) ?? '');
    printPairs(pairs.filter((pair) => pair.phase === 'outage'));
    printSeen(witness);
  });
  noteLoad('at the end of the outage');
  const lastedMs = performance.now() - stoppedMs;
  const usageAfter = { tested: tested.usage(), control: control.usage() };

  phase = 'turn';
  await comeBack(tested);
  phase = 'after';
  await sleep(quietMs);
  await stopMoving();
  await load.stop();
  const usageAtEnd = { tested: tested.usage(), control: control.usage() };

  print(
    `\nRedis was gone for ${(lastedMs / 60_000).toFixed(1)} minutes; load average ${loads.join(', ')}`,
  );
  printPairs(pairs);
  printSeen(witness);
  printMoves(witness.moves, stoppedMs, lastedMs);
  const statuses = [...refused].map(([status, count]) => `${count} × ${status || 'no answer'}`);
  print(`writes during the outage: ${statuses.join(', ')}`);
  printUsage(usageBefore, usageAfter, usageAtEnd, lastedMs);
});
