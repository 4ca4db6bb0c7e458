/** Where a bench leaves what must end with it, as a test of node:test does. */
export interface Cleanup {
  after(close: () => void | Promise<void>): void;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs a bench and then closes what it opened, last first: also when it fails, and when it is
 * interrupted. No process that it started outlives it.
 */
export async function runBench(run: (cleanup: Cleanup) => Promise<void>): Promise<void> {
  const closers: (() => void | Promise<void>)[] = [];
  const close = async () => {
    for (let next = closers.pop(); next !== undefined; next = closers.pop()) {
      await Promise.resolve(next()).catch((error: unknown) => process.stderr.write(`${error}\n`));
    }
  };
  let stopping: Promise<never> | undefined;
  const stop = (why: string) => {
    process.stderr.write(`${why}\n`);
    stopping ??= close().then(() => process.exit(1));
  };
  for (const signal of signals) process.once(signal, () => stop(`interrupted by ${signal}`));
  process.once('uncaughtException', (error) => stop(error.stack ?? String(error)));
  try {
    await run({ after: (closer) => void closers.push(closer) });
  } catch (error) {
    // What was closed under its feet fails: that is no news.
    await stopping;
    throw error;
  } finally {
    await close();
  }
}
