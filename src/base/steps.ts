import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Work in steps of well under a millisecond each: whoever does it may let others have their turn
 * between two of them.
 */
export type Steps<Result> = Generator<void, Result, void>;

/** A slice of work that nobody notices who waits for an answer, milliseconds. */
const sliceMs = 8;

/** Does all of the work at once. */
export function finishSteps<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value as Result;
  }
}

/** Does the work in slices, between which everything else of this thread has its turn. */
export async function sliceSteps<Result>(steps: Steps<Result>): Promise<Result> {
  let start = performance.now();
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value as Result;
    if (performance.now() - start < sliceMs) continue;
    await nextTurn();
    start = performance.now();
  }
}
