import { resolve } from 'node:path';

/** Where a compiled addon lies: made on the machine that runs it, for its platform and CPU. */
export function addonFile(name: string): string {
  const file = `${name}-${process.platform}-${process.arch}.node`;
  return resolve(import.meta.dirname, 'build', file);
}
