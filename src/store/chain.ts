import { createHash, type Hash } from 'node:crypto';
import type { ObjectChange, ObjectKind } from '../control/change.ts';

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

/** Changes of a block. */
export const blockChanges = 500;

/** The changes of a revision as blocks of text, a line of JSON for each: `[kind, id, before, after]`. */
export function changeBlocks(changes: Iterable<ObjectChange>): readonly string[] {
  const blocks: string[] = [];
  let lines: string[] = [];
  for (const { kind, id, before, after } of changes) {
    lines.push(JSON.stringify([kind, id, before, after]));
    if (lines.length < blockChanges) continue;
    blocks.push(`${lines.join('\n')}\n`);
    lines = [];
  }
  if (lines.length > 0) blocks.push(`${lines.join('\n')}\n`);
  return blocks;
}

/** The changes of a block. */
export function readChangeBlock(block: string): ObjectChange[] {
  return block.trimEnd().split('\n').map(readChangeLine);
}

/** The change of a line. */
export function readChangeLine(line: string): ObjectChange {
  const [kind, id, before, after] = JSON.parse(line) as [
    ObjectKind,
    string,
    string | null,
    string | null,
  ];
  return { kind, id, before, after };
}

/**
 * The hash that chains a revision to all before it: SHA-256 over lines of JSON, the previous hash and
 * the head first, then one line per change in order. Hex.
 */
export function chainHash(previousHash: string, content: RevisionContent): string {
  const hash = beginChainHash(previousHash, content);
  for (const block of changeBlocks(content.changes)) hash.update(block);
  return hash.digest('hex');
}

/** The same hash before the first of the lines. */
export function beginChainHash(
  previousHash: string,
  { number, at, actor, summary }: Omit<RevisionContent, 'changes'>,
): Hash {
  const hash = createHash('sha256');
  return hash.update(`${JSON.stringify([previousHash, number, at, actor, summary])}\n`);
}
