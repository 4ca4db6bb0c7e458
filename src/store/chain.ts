import { createHash } from 'node:crypto';
import type { ObjectChange } from '../control/change.ts';

/** What a revision's hash covers, besides the hash before it. */
export interface RevisionContent {
  readonly number: number;
  readonly at: string;
  readonly actor: string;
  readonly summary: string;
  readonly changes: Iterable<ObjectChange>;
}

/** The hash "before" the first revision. */
export const chainStart = '0'.repeat(64);

/**
 * The hash that chains a revision to all before it: SHA-256 over lines of JSON, the previous hash and
 * the head first, then one line per change in order. Hex.
 */
export function chainHash(previousHash: string, content: RevisionContent): string {
  const { number, at, actor, summary, changes } = content;
  const hash = createHash('sha256');
  hash.update(`${JSON.stringify([previousHash, number, at, actor, summary])}\n`);
  for (const { kind, id, before, after } of changes) {
    hash.update(`${JSON.stringify([kind, id, before, after])}\n`);
  }
  return hash.digest('hex');
}
