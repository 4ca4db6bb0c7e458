import type { Alternative, Choice, Vip } from './choice.ts';
import type { Standing } from './eligibility.ts';
import { choiceMembers } from './shares.ts';
import { keyOf } from './sticky-key.ts';

/**
 * Turnout. Dials, ramps and spilling take clients away from a member that a policy prefers, and they
 * must come to the next choice. Think of every client as drawing a number u from 0 to 1: a member that
 * keeps 30 % takes part where u ≤ 0.3. A node's outcome says what it answers for each u:
 *
 *     u   0        0.3                 1
 *         ├─ eu-west ┤                      failover's first child, dial 30
 *         ├─ us-east ──────────────────┤    its second, dial 100
 *         ├─ eu-west ┼─ us-east ───────┤    the failover: 30 % and 70 %
 *
 * Pieces start at 0 and follow each other without a gap, so that only their ends are kept. Where they
 * end below 1, the rest of the clients are free for the parent's next choice; where there is none,
 * `settle` spreads the pieces over all clients. That is why a ramp or a dial changes nothing where
 * nothing else can serve.
 */
export interface Piece {
  /** The u at which the piece ends, above that of the piece before, at most 1. */
  readonly upTo: number;
  readonly choice: Choice;
}

/** What a node comes to for one client class. */
export interface Outcome {
  /** Empty when and only when no member below is eligible. */
  readonly pieces: readonly Piece[];
  /** The parent is to move on, though `pieces` may still be the best there is. */
  readonly failed: boolean;
  /** The members that may answer this client. */
  readonly serving: readonly Standing[];
  /** One sentence for the trace; built only when a trace is wanted. */
  readonly note: () => string;
}

/** The outcome of a node with nothing eligible below it. */
export function nobody(children: number): Outcome {
  return {
    pieces: [],
    failed: true,
    serving: [],
    note: () => `none of ${children} children has an eligible member`,
  };
}

/** The u at which the pieces end; 0 when there are none. */
export function turnout(pieces: readonly Piece[]): number {
  return pieces.at(-1)?.upTo ?? 0;
}

/** What is answered at u; undefined beyond the last piece. */
export function choiceAt(pieces: readonly Piece[], u: number): Choice | undefined {
  return pieces.find((piece) => u <= piece.upTo)?.choice;
}

/** Lays lists of pieces over each other: each fills only what those before it leave open. */
export function overlay(lists: Iterable<readonly Piece[]>): readonly Piece[] {
  let pieces: readonly Piece[] = [];
  for (const list of lists) {
    const top = turnout(pieces);
    if (top >= 1) break;
    pieces = pieces.length === 0 ? list : [...pieces, ...list.filter(({ upTo }) => upTo > top)];
  }
  return pieces;
}

/** The ends of all pieces of all lists, rising, each once. */
export function endsOf(lists: readonly (readonly Piece[])[]): readonly number[] {
  const ends = new Set<number>();
  for (const list of lists) for (const { upTo } of list) ends.add(upTo);
  return [...ends].sort((a, b) => a - b);
}

/**
 * Spreads the pieces over all clients: one choice, where several pieces share by their widths. By
 * hash instead of by chance where a piece is sticky or `byHash` says so, so that a client stays on
 * its side while the widths move.
 */
export function settle(pieces: readonly Piece[], byHash = false): Choice {
  const widths = new Map<Choice, number>();
  let from = 0;
  for (const { upTo, choice } of pieces) {
    widths.set(choice, (widths.get(choice) ?? 0) + upTo - from);
    from = upTo;
  }
  const [first, ...others] = widths.keys();
  if (first === undefined) return { kind: 'empty' };
  if (others.length === 0) return first;
  const sticky = byHash || [...widths.keys()].some(isSticky);
  const alternatives = [...widths].map(([choice, weight]): Alternative => {
    const key = sticky ? keyOf(`piece ${[...choiceMembers(choice)].sort().join(' ')}`) : 0;
    return { weight, key, choice };
  });
  return { kind: sticky ? 'sticky' : 'weighted', alternatives };
}

/** True when a client's hash has a say in the choice. */
export function isSticky(choice: Choice): boolean {
  if (choice.kind === 'sticky') return true;
  return choice.kind === 'weighted' && choice.alternatives.some((one) => isSticky(one.choice));
}

/** The addresses of a choice that is only a list of them; undefined when it draws or hashes first. */
export function flatVips(choice: Choice): readonly Vip[] | undefined {
  return choice.kind === 'fixed' || choice.kind === 'rotate' ? choice.vips : undefined;
}
