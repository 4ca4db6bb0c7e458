/**
 * Where a store, an image or a message stands in the history of a cluster:
 *
 *   term      the fencing term of the leader that confirmed it; 0 before there was a cluster
 *   sequence  the number of the newest revision it holds; 0 for none
 *
 * Ordered by term, then by sequence: what a newer leader confirmed outranks any length of history
 * that it does not know.
 */
export interface Position {
  readonly term: number;
  readonly sequence: number;
}

/** Before the first revision and the first leader. */
export const startPosition: Position = { term: 0, sequence: 0 };

/** Negative when `a` lies before `b`, 0 when they are the same, positive when it lies after. */
export function comparePositions(a: Position, b: Position): number {
  return a.term - b.term || a.sequence - b.sequence;
}

/** True when `a` lies after `b`. */
export function isAfter(a: Position, b: Position): boolean {
  return comparePositions(a, b) > 0;
}

/** `term-sequence`: also the id of the entry in a Redis stream, which orders ids just so. */
export function formatPosition(position: Position): string {
  return `${position.term}-${position.sequence}`;
}

/** Reads `term-sequence`; undefined when it is not one, or a part is over 2^53 - 1. */
export function parsePosition(text: string): Position | undefined {
  const match = /^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})$/.exec(text);
  if (match === null) return undefined;
  const term = Number(match[1]);
  const sequence = Number(match[2]);
  if (!Number.isSafeInteger(term) || !Number.isSafeInteger(sequence)) return undefined;
  return { term, sequence };
}
