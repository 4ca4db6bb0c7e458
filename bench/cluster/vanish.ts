import { spawnSync } from 'node:child_process';
import type { Cleanup } from '../cleanup.ts';

/** Lets loopback addresses vanish: packets to them are dropped, nothing is refused. */
export interface Vanishing {
  vanish(address: string): void;
}

/** Prepares that by nft(8); undefined where this process may not. */
export function openVanishing(cleanup: Cleanup): Vanishing | undefined {
  const table = `meridian_bench_${process.pid}`;
  const run = (...words: readonly string[]) => spawnSync('nft', words).status === 0;
  if (!run('add', 'table', 'ip', table)) return undefined;
  cleanup.after(() => void run('delete', 'table', 'ip', table));
  const isReady =
    run('add', 'set', 'ip', table, 'gone', '{ type ipv4_addr; }') &&
    run('add', 'chain', 'ip', table, 'input', '{ type filter hook input priority 0; }') &&
    run('add', 'rule', 'ip', table, 'input', 'ip daddr @gone drop');
  if (!isReady) return undefined;
  return {
    vanish(address) {
      if (!run('add', 'element', 'ip', table, 'gone', `{ ${address} }`)) {
        throw new Error(`${address} cannot be made to vanish`);
      }
    },
  };
}
