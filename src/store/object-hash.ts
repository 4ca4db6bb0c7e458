import type { ObjectKind } from '../control/change.ts';

/** The hash of nothing (FNV-1a, G. Fowler, L. Noll, K.-P. Vo). */
export const emptyHash = 0x811c_9dc5 | 0;

/** The hash of octets with one more behind them. */
export function hashOctet(hash: number, octet: number): number {
  return Math.imul(hash ^ octet, 0x0100_0193);
}

/** Lets all bits of a hash count in its low ones. */
export function spreadHash(hash: number): number {
  const folded = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  return folded ^ (folded >>> 13);
}

/** The hash of what begins an object's line in a change block: `["rrset","a.test./…"`. */
export function objectHash(kind: ObjectKind, id: string): number {
  let hash = emptyHash;
  for (const octet of Buffer.from(JSON.stringify([kind, id]).slice(0, -1))) {
    hash = hashOctet(hash, octet);
  }
  return spreadHash(hash);
}
