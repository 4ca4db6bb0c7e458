import { runSeed, SimFailure } from '../engine/simulation.ts';
import { type WorldName, worlds } from '../worlds.ts';

/*
 * hunt.ts WORLD SEEDS FROM: runs seeds until one fails, and prints which and by what invariant. Ends with 0
 * when one did, with 3 when none did.
 */
const [world, seeds, from] = process.argv.slice(2);
const run = worlds[world as WorldName];
let isCaught = false;
for (let seed = Number(from); seed < Number(from) + Number(seeds) && !isCaught; seed++) {
  try {
    await runSeed(seed, world ?? '', async (one) => void (await run(one)));
  } catch (error) {
    if (!(error instanceof SimFailure)) throw error;
    process.stdout.write(`${error.invariant}, seed ${seed}\n`);
    isCaught = true;
  }
}
process.exitCode = isCaught ? 0 : 3;
