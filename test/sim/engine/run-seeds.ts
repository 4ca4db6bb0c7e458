import { runSeed, type Simulation } from './simulation.ts';

/** What a run over many seeds came to. */
export interface SeedRun<T> {
  readonly seeds: number;
  readonly events: number;
  readonly tookMs: number;
  /** Of one core. */
  readonly cpuMs: number;
  readonly results: readonly T[];
}

/** The seed that `MERIDIAN_SIM_SEED` asks for, to see one failure again. */
export function seedToReplay(): number | undefined {
  const text = process.env['MERIDIAN_SIM_SEED'];
  return text === undefined || text === '' ? undefined : Number(text);
}

/** Runs a world for each seed from `from` on, for some minutes each; throws at the first that fails. */
export async function runSeeds<T>(
  world: string,
  run: (simulation: Simulation) => Promise<T>,
  from: number,
  count: number,
  minutes = 0,
): Promise<SeedRun<T>> {
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  const results: T[] = [];
  let events = 0;
  for (let seed = from; seed < from + count; seed++) {
    const keep = async (one: Simulation) => void results.push(await run(one));
    const simulation = await runSeed(seed, world, keep, minutes);
    events += simulation.events;
  }
  const cpu = process.cpuUsage(startedCpu);
  const cpuMs = (cpu.user + cpu.system) / 1000;
  return { seeds: count, events, tookMs: performance.now() - startedMs, cpuMs, results };
}

/** One line on a run: `1000 seeds, 4.1 million events in 13.2 s (13.0 s of CPU)`. */
export function summaryOf({ seeds, events, tookMs, cpuMs }: SeedRun<unknown>): string {
  const millions = (events / 1e6).toFixed(1);
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  return `${seeds} seeds, ${millions} million events in ${seconds(tookMs)} (${seconds(cpuMs)} of CPU)`;
}
