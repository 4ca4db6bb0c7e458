import { resolve } from 'node:path';

/** Where the compiled addon lies: made on the machine that runs it, for its platform and CPU. */
export const addonPath: string = resolve(
  import.meta.dirname,
  '../build',
  `udp_batch-${process.platform}-${process.arch}.node`,
);
