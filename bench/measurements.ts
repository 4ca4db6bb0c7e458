/**
 * What it costs to take round-trip times: a whole node serves, a process of its own posts batches to
 * /v1/measurements at a fixed rate, and the node's processor time is what is counted.
 * Run: node bench/measurements.ts [--rate 50000] [--seconds 10] [--networks 4000] [--regions 12]
 *      [--services 1] [--formats csv,json]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { silentLog } from '../src/base/log.ts';
import { Random } from '../src/base/random.ts';
import { startNode } from '../src/cli/start-node.ts';
import { regionNames } from './latency/synthetic-matrix.ts';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '50000' },
    seconds: { type: 'string', default: '10' },
    networks: { type: 'string', default: '4000' },
    regions: { type: 'string', default: '12' },
    services: { type: 'string', default: '1' },
    formats: { type: 'string', default: 'csv,json' },
    /** Only within: the process that posts. */
    post: { type: 'string' },
  },
});

const token = 'bench-token-of-enough-letters';
const samplesPerBatch = 5000;
const networks = Number(values.networks);
const regions = regionNames.slice(0, Number(values.regions));

interface Order {
  readonly url: string;
  readonly format: string;
  readonly seconds: number;
}

interface Result {
  readonly taken: number;
  readonly refused: number;
  readonly seconds: number;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-measurements-'));
  const zones = join(folder, 'zones');
  mkdirSync(zones);
  writeFileSync(join(zones, 'traffic.yaml'), trafficFile());
  writeFileSync(join(zones, 'example.com.zone'), zoneFile);
  const node = await startNode({
    zones,
    data: join(folder, 'data'),
    dns: [{ host: '127.0.0.1', port: 0 }],
    http: { host: '127.0.0.1', port: 0 },
    geo: [],
    workers: 1,
    io: undefined,
    nsid: undefined,
    versionBind: undefined,
    serverId: undefined,
    ecs: { allow: true },
    allowPrivateTargets: false,
    allowExec: false,
    anycastHook: undefined,
    cluster: undefined,
    adminToken: token,
    hosts: [],
    openMetrics: true,
    version: 'bench',
    log: silentLog,
  });
  const poster = fork(import.meta.filename, [
    ...Object.entries(values).flatMap(([flag, value]) => [`--${flag}`, `${value}`]),
    '--post',
    'yes',
  ]);
  try {
    for (const format of values.formats.split(',')) {
      await measure(poster, `http://${node.http}/v1/measurements`, format, 2);
      await measure(poster, `http://${node.http}/v1/measurements`, format, Number(values.seconds));
    }
  } finally {
    poster.kill();
    await node.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  poster: ChildProcess,
  url: string,
  format: string,
  seconds: number,
): Promise<void> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const before = process.cpuUsage();
  poster.send({ url, format, seconds } satisfies Order);
  const [result] = (await once(poster, 'message')) as [Result];
  const { user, system } = process.cpuUsage(before);
  delays.disable();
  const perSecond = result.taken / result.seconds;
  const perSample = (user + system) / result.taken;
  const share = (user + system) / 1e6 / result.seconds;
  const { rss } = process.memoryUsage();
  process.stdout.write(
    `${format.padEnd(5)} ${perSecond.toFixed(0).padStart(7)} samples/s` +
      `  ${perSample.toFixed(2)} µs of CPU each  ${(100 * share).toFixed(1)} % of a core` +
      `  refused ${result.refused}  main thread held up p99 ${(delays.percentile(99) / 1e6).toFixed(0)} ms,` +
      ` at most ${(delays.max / 1e6).toFixed(0)} ms  RSS ${(rss / 1e6).toFixed(0)} MB\n`,
  );
}

/** Posts batches at a steady rate, and never more than one at once. */
async function post(order: Order): Promise<Result> {
  const random = new Random(1);
  const bodies = Array.from({ length: 20 }, () => batch(order.format, random));
  const type = order.format === 'csv' ? 'text/csv' : 'application/json';
  const headers = { authorization: `Bearer ${token}`, 'content-type': type };
  const batches = Math.round((order.seconds * Number(values.rate)) / samplesPerBatch);
  const start = performance.now();
  let taken = 0;
  let refused = 0;
  for (let sent = 0; sent < batches; sent += 1) {
    const dueMs = start + (sent * samplesPerBatch * 1000) / Number(values.rate) - performance.now();
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
    const body = bodies[sent % bodies.length] ?? '';
    const response = await fetch(order.url, { method: 'POST', headers, body });
    const answer = (await response.json()) as { readonly accepted?: number };
    if (response.ok) taken += answer.accepted ?? 0;
    else refused += 1;
  }
  return { taken, refused, seconds: (performance.now() - start) / 1000 };
}

function batch(format: string, random: Random): string {
  const samples = Array.from({ length: samplesPerBatch }, () => {
    const network = random.below(networks);
    const ms = Math.round(100 * (20 + (network % 150) + 20 * random.fraction())) / 100;
    const region = regions[random.below(regions.length)]?.replaceAll(':', '-') ?? '';
    return { clients: `11.${network >> 8}.${network & 255}.${random.below(256)}`, region, ms };
  });
  if (format === 'csv') {
    return samples.map(({ clients, region, ms }) => `${clients},${region},${ms}`).join('\n');
  }
  return JSON.stringify({
    samples: samples.map(({ clients, ...rest }) => ({ prefix: clients, ...rest })),
  });
}

const zoneFile = `$ORIGIN example.com.
$TTL 300
@ SOA ns1 hostmaster 1 7200 900 1209600 300
@ NS ns1
ns1 A 192.0.2.53
www STEER s0
`;

function trafficFile(): string {
  const lines = ['regions:'];
  for (const name of regions) lines.push(`  ${name.replaceAll(':', '-')}: { place: ${name} }`);
  lines.push('services:');
  for (let service = 0; service < Number(values.services); service += 1) {
    lines.push(`  s${service}:`, '    members:');
    for (const [index, name] of regions.entries()) {
      const address = `10.${index}.${service >> 8}.${service & 255}`;
      lines.push(`      ${name.replaceAll(':', '-')}: { a: [${address}] }`);
    }
    lines.push('    policy: { latency: all }');
  }
  return `${lines.join('\n')}\n`;
}

if (values.post === undefined) {
  await main();
} else {
  process.on('message', async (order: Order) => process.send?.(await post(order)));
}
