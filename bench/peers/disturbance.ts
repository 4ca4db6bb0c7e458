import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { benchToken, launch, listPeers } from './contestants.ts';
import {
  type LoadReport,
  median,
  noteAnswering,
  runDnsLoad,
  setAnsweringUrgent,
} from './measure.ts';
import { becomesReady, freePort } from './run-peers.ts';
import { origin } from './workload.ts';

/** Latencies, in µs, while nothing else happens or while answers keep changing. */
export interface Disturbance {
  readonly name: string;
  /** Changes that were served during all rounds. */
  readonly changes: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** The longest of all rounds. */
  readonly max: number;
  readonly lost: number;
}

export interface DisturbancePlan {
  readonly folder: string;
  readonly database: string;
  /** Queries. */
  readonly file: string;
  readonly flags: readonly string[];
  readonly rounds: number;
  readonly millis: number;
  readonly rate: number;
}

const changesPerSecond = 10;

/**
 * Measures what changes cost those who ask: ten a second, by turns of a record (a new zone image) and of
 * a region that is drained or taken back (new choices for its services, as when health changes).
 * Each is validated, stored and compiled by the same process, which makes garbage and collects it.
 */
export async function measureDisturbance(
  load: string,
  plan: DisturbancePlan,
): Promise<Disturbance[]> {
  const { folder, database, file, rounds, millis, rate } = plan;
  const [port, httpPort] = [await freePort(), await freePort()];
  const [meridian] = listPeers([...plan.flags, '--http', `127.0.0.1:${httpPort}`]);
  if (meridian === undefined) throw new Error('no meridian');
  const log = openSync(join(folder, 'output'), 'a');
  const child = launch(meridian.configure({ folder, port, database }), '0', log);
  closeSync(log);
  const shape = { port, file, millis, rate, clients: 8, window: 1, cores: '1', isUrgent: true };
  const run = () => runDnsLoad(load, { ...shape, check: 'answer' });
  const reports = new Map<string, LoadReport[]>([
    ['nothing changes', []],
    [`${changesPerSecond} changes a second`, []],
  ]);
  let changes = 0;
  try {
    if (!(await becomesReady(port, 'answer', child))) throw new Error('meridian does not start');
    await run(); // what the start still had to do is over then
    await noteAnswering(child.pid ?? 0, run);
    setAnsweringUrgent(child.pid ?? 0);
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, all] of reports) {
        const isOver = new AbortController();
        const changing = name.startsWith('nothing') ? 0 : change(httpPort, isOver.signal);
        all.push(await run());
        isOver.abort();
        changes += await changing;
      }
    }
  } finally {
    const gone = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGTERM');
    await gone;
  }
  return [...reports].map(([name, all]) => {
    const middle = (key: 'p50' | 'p99' | 'p999') => median(all.map((one) => one[key]));
    return {
      name,
      changes: name.startsWith('nothing') ? 0 : changes,
      p50: middle('p50'),
      p99: middle('p99'),
      p999: middle('p999'),
      max: Math.max(...all.map(({ max }) => max)),
      lost: all.reduce((sum, { lost }) => sum + lost, 0),
    };
  });
}

/** Changes something again and again until told to stop; returns how many changes were served. */
async function change(httpPort: number, isOver: AbortSignal): Promise<number> {
  let served = 0;
  for (let turn = 0; !isOver.aborted; turn += 1) {
    const [path, body] =
      turn % 2 === 0
        ? [`zones/${origin}/rrsets/static1/A`, { ttl: 60 + turn }]
        : ['regions/ap', { state: turn % 4 === 1 ? 'drained' : 'active' }];
    const next = performance.now() + 1000 / changesPerSecond;
    const response = await fetch(`http://127.0.0.1:${httpPort}/v1/${path}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${benchToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
    served += 1;
    await setTimeout(Math.max(0, next - performance.now()));
  }
  return served;
}
