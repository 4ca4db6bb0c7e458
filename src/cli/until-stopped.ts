/**
 * Resolves at the first SIGINT or SIGTERM, or with `other`; a signal after that ends the process at
 * once.
 */
export function untilStopped(other?: Promise<unknown>): Promise<void> {
  return new Promise((done) => {
    // Timers do not keep the process alive, but an open event loop handle must.
    const keepAlive = setInterval(() => {}, 1 << 30);
    const stop = () => {
      clearInterval(keepAlive);
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.removeListener(signal, stop);
        process.once(signal, () => process.exit(130));
      }
      done();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
    void other?.then(stop);
  });
}
