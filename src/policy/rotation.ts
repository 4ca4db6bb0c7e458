import { limits } from '../base/limits.ts';
import type { Choice, Vip } from './choice.ts';
import { choiceAt, endsOf, flatVips, type Piece } from './outcome.ts';

/** Something that takes part up to some turnout, by its pieces. */
export interface Participant {
  readonly pieces: readonly Piece[];
}

/**
 * For each turnout, one rotation of the addresses of all who take part. Members take turns in it
 * (first address of each, then second of each), so that a short answer spans many members.
 */
export function rotationPieces(
  participants: readonly Participant[],
  answers: number,
): readonly Piece[] {
  const lists = participants.map(({ pieces }) => pieces);
  return endsOf(lists).map((upTo) => {
    const present = lists.map((pieces) => vipsAt(pieces, upTo));
    const longest = present.reduce((most, vips) => Math.max(most, vips.length), 0);
    const turns: Vip[] = [];
    for (let turn = 0; turn < longest; turn++) {
      for (const vips of present) if (turn < vips.length) turns.push(vips[turn]!);
    }
    return { upTo, choice: rotate(distinctVips(turns), answers) };
  });
}

/** For each turnout, the addresses of the first `count` who take part, in their order. */
export function preferencePieces(
  participants: readonly Participant[],
  count: number,
): readonly Piece[] {
  const lists = participants.map(({ pieces }) => pieces);
  return endsOf(lists).map((upTo) => {
    const present = lists.filter((pieces) => choiceAt(pieces, upTo) !== undefined);
    const first = choiceAt(present[0] ?? [], upTo);
    // An answer that is drawn by chance or hash cannot stand in a list: first it stands alone, later
    // it is left out.
    if (first !== undefined && flatVips(first) === undefined) return { upTo, choice: first };
    if (first !== undefined && count === 1) return { upTo, choice: first };
    const listed = present.map((pieces) => vipsAt(pieces, upTo)).filter((vips) => vips.length > 0);
    if (first !== undefined && listed.length === 1) return { upTo, choice: first };
    const vips = distinctVips(listed.slice(0, count).flat());
    return { upTo, choice: { kind: 'fixed', vips: vips.slice(0, limits.answersPerQuery) } };
  });
}

function rotate(vips: readonly Vip[], answers: number): Choice {
  if (vips.length === 0) return { kind: 'empty' };
  if (vips.length === 1) return { kind: 'fixed', vips };
  return { kind: 'rotate', vips, answers: Math.min(vips.length, answers, limits.answersPerQuery) };
}

function vipsAt(pieces: readonly Piece[], upTo: number): readonly Vip[] {
  const choice = choiceAt(pieces, upTo);
  return choice === undefined ? [] : (flatVips(choice) ?? []);
}

function distinctVips(vips: readonly Vip[]): readonly Vip[] {
  const seen = new Set<string>();
  return vips.filter(({ address }) => !seen.has(address) && seen.add(address));
}
