import { runSeed, type Simulation } from './simulation.ts';

/** What a run over many seeds came to. */
export interface SeedRun<T> {
  readonly seeds: number;
  readonly events: number;
  readonly tookMs: number;
  readonly results: readonly T[];
}

/** The seed that `MERIDIAN_SIM_SEED` asks for, to see one failure again. */
export function seedToReplay(): number | undefined {
  const text = process.env['MERIDIAN_SIM_SEED'];
  return text === undefined || text === '' ? undefined : Number(text);
}

/** Runs a world for each seed from `from` on; throws at the first that fails. */
export async function runSeeds<T>(
  world: string,
  run: (simulation: Simulation) => Promise<T>,
  from: number,
  count: number,
): Promise<SeedRun<T>> {
  const startedMs = performance.now();
  const results: T[] = [];
  let events = 0;
  for (let seed = from; seed < from + count; seed++) {
    const simulation = await runSeed(seed, world, async (one) => {
      results.push(await run(one));
    });
    events += simulation.events;
  }
  return { seeds: count, events, tookMs: performance.now() - startedMs, results };
}

/** One line on a run: `1000 seeds, 4.1 million events in 13 s`. */
export function summaryOf({ seeds, events, tookMs }: SeedRun<unknown>): string {
  const millions = (events / 1e6).toFixed(1);
  return `${seeds} seeds, ${millions} million events in ${(tookMs / 1000).toFixed(1)} s`;
}
