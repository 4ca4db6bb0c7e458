import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const here = resolve(import.meta.dirname, '..');
const tickMicros = 1e6 / Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout);

/** Compiles bench/native/NAME.c; returns the program's path. */
export function compile(name: string): string {
  const binaries = join(here, 'build');
  mkdirSync(binaries, { recursive: true });
  const binary = join(binaries, name);
  const flags = ['-std=c11', '-O2', '-Wall', '-Wextra', '-o', binary];
  const args = [...flags, join(here, 'native', `${name}.c`), '-lm'];
  const { status, stderr } = spawnSync(process.env['CC'] || 'cc', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name}.c does not compile:\n${stderr}`);
  return binary;
}

/** CPU time in µs. */
export interface CpuTime {
  readonly all: number;
  readonly user: number;
  readonly system: number;
}

/** A process and its descendants. */
export function processTree(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').map(Number),
  );
  return [pid, ...children.filter((child) => child > 0).flatMap(processTree)];
}

/**
 * CPU time of all threads of a process and its descendants: in all by the scheduler's clock
 * (nanoseconds, /proc/PID/task/TID/schedstat), user and system by ticks (proc(5), stat 14 and 15).
 */
export function cpuTime(pid: number): CpuTime {
  let all = 0;
  let user = 0;
  let system = 0;
  for (const each of processTree(pid)) {
    for (const thread of readdirSync(`/proc/${each}/task`)) {
      const folder = `/proc/${each}/task/${thread}`;
      all += Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]) / 1000;
      const stat = readFileSync(`${folder}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      user += Number(fields[11]) * tickMicros;
      system += Number(fields[12]) * tickMicros;
    }
  }
  return { all, user, system };
}

/** Resident memory of a process and its descendants in MB, pages that they share counted in each. */
export function memoryMb(pid: number): number {
  return processTree(pid).reduce((sum, each) => {
    const text = readFileSync(`/proc/${each}/smaps_rollup`, 'utf8');
    return sum + Number(/^Rss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
  }, 0);
}

/** Busy time of all cores since boot, in µs. */
function busyMicros(): number {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0]?.split(/\s+/).map(Number) ?? [];
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = fields;
  return (user + nice + system + irq + softirq) * tickMicros;
}

/** What to send. */
export interface LoadPlan {
  readonly port: number;
  readonly millis: number;
  readonly clients: number;
  /** Queries under way per client, in a closed loop. */
  readonly window: number;
  /** Queries a second of an open loop; 0: closed. */
  readonly rate: number;
  readonly check: 'answer' | 'question';
  readonly file: string;
  /** As for taskset. */
  readonly cores: string;
  /** Whether load and server shall come before everything else on the machine, where allowed. */
  readonly isUrgent: boolean;
}

/** What dns_load.c prints; latencies in µs. */
export interface LoadReport {
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  readonly wrong: number;
  readonly stray: number;
  readonly unsent: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** One run against one server. */
export interface Sample extends LoadReport {
  /** CPU µs per answered query. */
  readonly cpu: number;
  readonly user: number;
  /** Share of one core that the server used. */
  readonly busy: number;
  /** Cores that other processes used meanwhile. */
  readonly others: number;
}

const urgent = ['chrt', '-f', '10'];
const mayBeUrgent = spawnSync('chrt', ['-f', '10', 'true']).status === 0;

/** The thread that answers by process: the one that did most while the server was last driven. */
const answering = new Map<number, string>();

/**
 * Lets all threads of a server come before everything else on the machine, or no longer, where this
 * process may (chrt(1), SCHED_FIFO): else latencies are those of the other processes' time slices.
 * The thread that answers comes before the server's others, since with SCHED_FIFO a thread that wakes
 * waits for its equals to end, as it does not without.
 */
export function setUrgency(pid: number, isUrgent: boolean): void {
  if (!mayBeUrgent) return;
  const policy = isUrgent ? ['-f', '-a', '-p', '10'] : ['-o', '-a', '-p', '0'];
  for (const each of processTree(pid)) spawnSync('chrt', [...policy, `${each}`]);
  if (isUrgent) setAnsweringUrgent(pid);
}

/** Lets only the thread that answers come before everything else. */
export function setAnsweringUrgent(pid: number): void {
  const thread = answering.get(pid);
  if (mayBeUrgent && thread !== undefined) spawnSync('chrt', ['-f', '-p', '11', thread]);
}

/** CPU time in µs by thread of a process and its descendants (/proc/PID/task/TID/schedstat). */
function ranMicros(pid: number): Map<string, number> {
  const threads = processTree(pid).flatMap((each) =>
    readdirSync(`/proc/${each}/task`).map((thread) => [each, thread] as const),
  );
  return new Map(
    threads.map(([each, thread]) => {
      const [nanoseconds] = readFileSync(`/proc/${each}/task/${thread}/schedstat`, 'utf8').split(
        ' ',
      );
      return [thread, Number(nanoseconds) / 1000];
    }),
  );
}

/** Does something that drives a server, and notes which of its threads answers. */
export async function noteAnswering<Result>(
  pid: number,
  drive: () => Promise<Result>,
): Promise<Result> {
  const before = ranMicros(pid);
  const result = await drive();
  const [most] = [...ranMicros(pid)]
    .map(([thread, micros]) => ({ thread, micros: micros - (before.get(thread) ?? 0) }))
    .sort((a, b) => b.micros - a.micros);
  if (most !== undefined) answering.set(pid, most.thread);
  return result;
}

/** Runs dns_load. */
export async function runDnsLoad(load: string, plan: LoadPlan): Promise<LoadReport> {
  const numbers = [plan.port, plan.millis, plan.clients, plan.window, plan.rate].map(String);
  const command = ['taskset', '-c', plan.cores, load, ...numbers, plan.check, plan.file];
  if (plan.isUrgent && mayBeUrgent) command.unshift(...urgent);
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  const signal = AbortSignal.timeout(plan.millis + 30_000);
  const [line] = await once(child.stdout, 'data', { signal });
  return JSON.parse(String(line)) as LoadReport;
}

/** Drives a server and says what that took of it. */
export async function sample(load: string, pid: number, plan: LoadPlan): Promise<Sample> {
  const before = { cpu: cpuTime(pid), busy: busyMicros(), at: performance.now() };
  if (plan.isUrgent) setUrgency(pid, true);
  const report = await noteAnswering(pid, () => runDnsLoad(load, plan));
  if (plan.isUrgent) setUrgency(pid, false);
  const after = cpuTime(pid);
  const micros = (performance.now() - before.at) * 1000;
  const used = after.all - before.cpu.all;
  const ticks = after.user + after.system - before.cpu.user - before.cpu.system;
  const share = ticks === 0 ? 0 : (after.user - before.cpu.user) / ticks;
  const others = busyMicros() - before.busy - used - report.cpuSeconds * 1e6;
  return {
    ...report,
    cpu: used / report.answered,
    user: (used * share) / report.answered,
    busy: used / micros,
    others: Math.max(0, others / micros),
  };
}

/** Sends one query and resolves with the answer, or undefined after `millis`. */
export function ask(
  port: number,
  packet: Uint8Array,
  millis: number,
  from = '127.0.0.1',
): Promise<Uint8Array | undefined> {
  return new Promise((done) => {
    const socket = createSocket('udp4');
    const end = (answer?: Uint8Array) => {
      clearTimeout(timer);
      socket.close();
      done(answer);
    };
    const timer = setTimeout(end, millis);
    socket.on('error', () => {});
    socket.on('message', end);
    socket.bind(0, from, () => socket.send(packet, port, '127.0.0.1'));
  });
}

/** Middle value; NaN of none. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
