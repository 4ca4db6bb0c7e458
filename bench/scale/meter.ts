import { readFileSync } from 'node:fs';

/** Prints one figure under its name. */
export function print(name: string, value: number, unit: string): void {
  const text = value >= 100 ? value.toFixed(0) : value.toFixed(2);
  process.stdout.write(`  ${name.padEnd(44)} ${text.padStart(10)} ${unit}\n`);
}

/** Seconds that some work takes, printed. */
export async function timed<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  print(name, (performance.now() - start) / 1000, 's');
  return result;
}

/** Median and worst of repeated work, milliseconds, printed. */
export async function repeated(
  name: string,
  times: number,
  work: (turn: number) => unknown,
): Promise<void> {
  const spans: number[] = [];
  for (let turn = 0; turn < times; turn += 1) {
    const start = performance.now();
    await work(turn);
    spans.push(performance.now() - start);
  }
  spans.sort((a, b) => a - b);
  print(`${name}, median of ${times}`, spans[times >> 1] ?? 0, 'ms');
  print(`${name}, worst`, spans.at(-1) ?? 0, 'ms');
}

/** Resident memory of a process in MB: now, and at most so far (proc(5), VmRSS and VmHWM). */
export function memoryMb(pid: number | 'self' = 'self'): { now: number; most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
  return { now: field('VmRSS') / 1024, most: field('VmHWM') / 1024 };
}

/** Prints the resident memory after a collection, where `--expose-gc` allows one, and its peak. */
export function printMemory(name: string): void {
  (globalThis as { gc?: () => void }).gc?.();
  const { now, most } = memoryMb();
  print(`RSS ${name}`, now, 'MB');
  print('heap of the main thread in use', process.memoryUsage().heapUsed / 1e6, 'MB');
  print('RSS at most', most, 'MB');
}

/** CPU time that this thread has used so far, user and system, milliseconds. */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
