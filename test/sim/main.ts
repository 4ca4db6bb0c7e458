import { parseArgs } from 'node:util';
import { runSeeds, seedToReplay, summaryOf } from './engine/run-seeds.ts';
import { type WorldName, worlds } from './worlds.ts';

/** Seeds after which a run says how far it is. */
const batch = 500;

/**
 * `npm run sim -- [fleet|cluster|tables] [--seeds N] [--from SEED] [--minutes N]`: more seeds, and longer
 * ones, than the tests have time for.
 */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      seeds: { type: 'string', default: '10000' },
      from: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '0' },
    },
    allowPositionals: true,
  });
  const replay = seedToReplay();
  const from = replay ?? Number(values.from);
  const seeds = replay === undefined ? Number(values.seeds) : 1;
  const minutes = Number(values.minutes);
  const names = Object.keys(worlds) as WorldName[];
  for (const name of names) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    for (let done = 0; done < seeds; done += batch) {
      const count = Math.min(batch, seeds - done);
      const run = await runSeeds(name, worlds[name], from + done, count, minutes);
      process.stdout.write(`${name} from seed ${from + done}: ${summaryOf(run)}\n`);
    }
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
