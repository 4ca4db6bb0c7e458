import { mix32 } from '../base/random.ts';
import type { PolicyNode } from './traffic.ts';
import { membersBelow } from './tree.ts';

/** A 32-bit key of a text: the same on every machine and whoever else is there. */
export function keyOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = mix32(hash ^ text.charCodeAt(index)) + index;
  }
  return mix32(hash);
}

/**
 * What the rendezvous hash knows a child by: its kind and the members below it as configured, never
 * its place among its siblings, so that adding, removing or moving a sibling leaves its clients alone.
 */
export function childKey(node: PolicyNode): number {
  if (node.kind === 'member') return keyOf(`member ${node.member}`);
  return keyOf(`${node.kind} ${[...membersBelow(node)].sort().join(' ')}`);
}
