import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { launch, listPeers } from './contestants.ts';
import { cpuTime, type LoadReport, median, runDnsLoad } from './measure.ts';
import { becomesReady, freePort } from './run-peers.ts';

/** Medians with one and with two threads that answer. */
export interface Scaling {
  readonly name: string;
  /** CPU µs per answered query. */
  readonly cpu: readonly [number, number];
  readonly perSecond: readonly [number, number];
}

export interface ScalingPlan {
  /** Makes a folder. */
  readonly folder: (name: string) => string;
  readonly database: string;
  readonly file: string;
  readonly flags: readonly string[];
  readonly rounds: number;
  readonly millis: number;
}

interface Group {
  readonly children: readonly ChildProcess[];
  readonly port: number;
  readonly check: 'answer' | 'question';
  /** How many cores server and load share, a load process on each. */
  readonly cores: number;
}

/**
 * Measures what a second worker brings to Meridian and to the C echo: a worker and a load process for
 * one core, then for two. Server and load share their cores, since there may be no others.
 */
export async function measureWorkers(load: string, plan: ScalingPlan): Promise<Scaling[]> {
  const groups: [string, Group][] = [];
  try {
    for (const cores of [1, 2]) {
      groups.push(['C echo', await startEcho(plan, cores)]);
      groups.push(['meridian', await startMeridian(plan, cores)]);
    }
    const cpu = new Map<Group, number[]>(groups.map(([, group]) => [group, []]));
    const rate = new Map<Group, number[]>(groups.map(([, group]) => [group, []]));
    for (let round = 0; round <= plan.rounds; round += 1) {
      for (const [, group] of groups) {
        const before = cpuOf(group);
        const reports = await Promise.all(
          Array.from({ length: group.cores }, (_, core) => drive(load, plan, group, core)),
        );
        const answered = reports.reduce((sum, report) => sum + report.answered, 0);
        if (round === 0) continue;
        cpu.get(group)?.push((cpuOf(group) - before) / answered);
        rate.get(group)?.push(answered / (reports[0]?.seconds ?? Number.NaN));
      }
    }
    return ['C echo', 'meridian'].map((name) => {
      const [one, two] = groups.filter(([each]) => each === name).map(([, group]) => group);
      const pair = (of: Map<Group, number[]>) =>
        [one, two].map((group) => median((group && of.get(group)) ?? [])) as [number, number];
      return { name, cpu: pair(cpu), perSecond: pair(rate) };
    });
  } finally {
    await Promise.all(groups.flatMap(([, { children }]) => children.map(stop)));
  }
}

const coresOf = (count: number) => (count === 1 ? '0' : '0,1');

function drive(load: string, plan: ScalingPlan, group: Group, core: number): Promise<LoadReport> {
  const { port, check } = group;
  const { millis, file } = plan;
  const shape = { clients: 16, window: 12, rate: 0, isUrgent: false };
  return runDnsLoad(load, { ...shape, port, check, millis, file, cores: `${core}` });
}

function cpuOf({ children }: Group): number {
  return children.reduce((sum, { pid }) => sum + cpuTime(pid ?? 0).all, 0);
}

async function startEcho({ folder }: ScalingPlan, cores: number): Promise<Group> {
  const echo = listPeers([]).find(({ name }) => name === 'C echo');
  if (echo === undefined) throw new Error('no echo');
  const own = folder(`echo${cores}`);
  const port = await freePort();
  const plan = echo.configure({ folder: own, port, database: '' });
  const log = openSync(join(own, 'output'), 'a');
  const children = Array.from({ length: cores }, () => launch(plan, coresOf(cores), log));
  closeSync(log);
  return whenReady({ children, port, check: 'question', cores });
}

async function startMeridian(plan: ScalingPlan, cores: number): Promise<Group> {
  const flags = ['--workers', `${cores}`, ...plan.flags];
  const [meridian] = listPeers(flags);
  if (meridian === undefined) throw new Error('no meridian');
  const own = plan.folder(`workers${cores}`);
  const port = await freePort();
  const log = openSync(join(own, 'output'), 'a');
  const started = meridian.configure({ folder: own, port, database: plan.database });
  const child = launch(started, coresOf(cores), log);
  closeSync(log);
  return whenReady({ children: [child], port, check: 'answer', cores });
}

async function whenReady(group: Group): Promise<Group> {
  if (await becomesReady(group.port, group.check)) return group;
  await Promise.all(group.children.map(stop));
  throw new Error(`nobody answers on port ${group.port}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}
