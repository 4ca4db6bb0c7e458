import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** The file in the data directory that keeps the id of this node. */
export const nodeIdFileName = 'node.id';

/**
 * The id of this node: the one that was chosen, else the one of its data directory, made at the first
 * start of the machine's name and a random part.
 */
export function nodeIdOf(chosen: string | undefined, dataFolder: string): string {
  if (chosen !== undefined) return chosen;
  const file = join(dataFolder, nodeIdFileName);
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const host = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 40);
  const id = `${host === '' ? 'node' : host}-${randomBytes(4).toString('hex')}`;
  writeFileSync(file, `${id}\n`, { mode: 0o644 });
  return id;
}
