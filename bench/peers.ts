/**
 * Measures Meridian beside other DNS servers on this machine, on the same zone, country database and
 * queries: CPU time per answered query at saturation, memory, latency at a fixed rate, what a
 * second worker brings, and what changes do to latency. About eight minutes with all servers.
 * Servers that are not installed, or do not start, are listed as absent.
 * Needs Linux with two cores or more, a C compiler and taskset. Traffic stays on loopback.
 *
 *   node bench/peers.ts [--rounds 3] [--seconds 2.5] [--only meridian,gdnsd] [--flags "--rrl …"]
 *                       [--skip latency,workers,changes] [--samples] [--urgent] [--write docs/performance.md]
 *
 * With --urgent the figures at saturation too are taken with real-time priority, on a machine that is busy.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { listPeers } from './peers/contestants.ts';
import { measureDisturbance } from './peers/disturbance.ts';
import { compile, type LoadPlan, memoryMb, type Sample, sample } from './peers/measure.ts';
import { printReport, type Results, writeReport } from './peers/report.ts';
import { type Running, startPeers, stopPeers } from './peers/run-peers.ts';
import { measureWorkers } from './peers/scaling.ts';
import { makeBenchQueries, writeCountryDatabase, writeQueries } from './peers/workload.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2.5' },
    only: { type: 'string', default: '' },
    flags: { type: 'string', default: '' },
    skip: { type: 'string', default: '' },
    samples: { type: 'boolean', default: false },
    urgent: { type: 'boolean', default: false },
    write: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const millis = Number(values.seconds) * 1000;
const skipped = values.skip.split(',');
const flags = values.flags.split(' ').filter((flag) => flag !== '');
const wanted = values.only.split(',').filter((name) => name !== '');
const latencyRate = 20_000;
const queryCount = 60_000;

const say = (text: string) => process.stdout.write(`${text}\n`);

type Mix = { readonly name: 'plain' | 'subnet'; readonly file: string };

/** Measures every server in turn, `rounds` times after one to warm up. */
async function measureAll(
  load: string,
  running: readonly Running[],
  mixes: readonly Mix[],
  shape: Pick<LoadPlan, 'rate' | 'window' | 'clients' | 'isUrgent'>,
): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const mix of mixes) {
      for (const { peer, child, port } of running) {
        const { check } = peer;
        const plan = { ...shape, port, check, file: mix.file, millis, cores: '1' };
        const short = { ...plan, millis: Math.min(millis, 1500) };
        const one = await sample(load, child.pid ?? 0, round === 0 ? short : plan);
        if (one.wrong > 0) say(`${peer.name}: ${one.wrong} of ${one.sent} answers are wrong`);
        const key = `${peer.name} ${mix.name}`;
        if (values.samples) say(JSON.stringify({ key, round, ...one }));
        if (round > 0) samples.set(key, [...(samples.get(key) ?? []), one]);
      }
    }
    say(round === 0 ? 'warmed up' : `round ${round} of ${rounds}`);
  }
  return samples;
}

const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-'));
let running: readonly Running[] = [];
try {
  const ownFolder = (name: string) => {
    const own = join(folder, name);
    mkdirSync(own);
    return own;
  };
  const load = compile('dns_load');
  compile('echo');
  const database = await writeCountryDatabase(folder);
  const mixes: Mix[] = [false, true].map((hasSubnet) => ({
    name: hasSubnet ? 'subnet' : 'plain',
    file: writeQueries(
      folder,
      hasSubnet ? 'subnet' : 'plain',
      makeBenchQueries(queryCount, hasSubnet),
    ),
  }));
  const peers = listPeers(flags).filter(
    ({ name }) => wanted.length === 0 || wanted.some((part) => name.startsWith(part)),
  );
  const started = await startPeers(peers, folder, database.path);
  running = started.running;
  for (const { name, reason } of started.absent) say(`absent: ${name}: ${reason}`);
  for (const { peer, agreement } of running) say(`${peer.name}: ${agreement ?? 'not compared'}`);
  const shape = { clients: 8, isUrgent: values.urgent };
  const saturated = await measureAll(load, running, mixes, { ...shape, rate: 0, window: 16 });
  const memory = new Map(running.map(({ peer, child }) => [peer.name, memoryMb(child.pid ?? 0)]));
  const paced = skipped.includes('latency')
    ? undefined
    : await measureAll(load, running, mixes, {
        ...shape,
        rate: latencyRate,
        window: 1,
        isUrgent: true,
      });
  await stopPeers(running);
  running = [];
  const scaling = skipped.includes('workers')
    ? undefined
    : await measureWorkers(load, {
        folder: ownFolder,
        database: database.path,
        file: mixes[0]?.file ?? '',
        flags,
        rounds,
        millis,
      });
  const disturbance = skipped.includes('changes')
    ? undefined
    : await measureDisturbance(load, {
        folder: ownFolder('changes'),
        database: database.path,
        file: mixes[1]?.file ?? '',
        flags,
        rounds,
        millis,
        rate: latencyRate,
      });
  const results: Results = {
    peers: started,
    saturated,
    paced,
    memory,
    scaling,
    disturbance,
    networks: database.networks,
    rounds,
    seconds: millis / 1000,
    rate: latencyRate,
    flags,
  };
  say(printReport(results));
  if (values.write !== undefined) writeFileSync(values.write, writeReport(results));
} finally {
  await stopPeers(running);
  rmSync(folder, { recursive: true, force: true });
}
