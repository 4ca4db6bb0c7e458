import type { Verdict } from './verdict.ts';

/** What is published of a target, and when it last turned for the better or the worse. */
export interface DampingState {
  readonly verdict: Verdict;
  /** Monotonic milliseconds. */
  readonly sinceMs: number;
  /** The last verdict that was not `unknown`. */
  readonly lastKnown?: Verdict;
  readonly lastTurn?: { readonly atMs: number; readonly direction: 1 | -1 };
}

/** The least time between a change and its reversal, milliseconds. */
export const holdMs = 30_000;

const severity: Readonly<Record<Exclude<Verdict, 'unknown'>, number>> = {
  up: 0,
  degraded: 1,
  down: 2,
};

/** Nothing published yet. */
export function undamped(nowMs: number): DampingState {
  return { verdict: 'unknown', sinceMs: nowMs };
}

/**
 * Lets a verdict through or holds it. Only a reversal waits: a change for the better less than the
 * hold after one for the worse, or the other way round. So a target that was stable goes down at
 * once, one that degrades and then dies does too, and one that flaps turns at most once per hold.
 * Verdicts from and to `unknown` pass at once: for answers unknown is as good as up, and silence
 * has been waited for already (`staleAfterMs`).
 */
export function damp(
  before: DampingState,
  verdict: Verdict,
  nowMs: number,
  minimumHoldMs: number = holdMs,
): { readonly state: DampingState; readonly heldUntilMs?: number } {
  if (verdict === before.verdict) return { state: before };
  if (verdict === 'unknown') return { state: { ...before, verdict, sinceMs: nowMs } };
  const direction = directionOf(before.lastKnown, verdict);
  const { lastTurn } = before;
  if (before.verdict !== 'unknown' && lastTurn !== undefined && lastTurn.direction !== direction) {
    const heldUntilMs = lastTurn.atMs + minimumHoldMs;
    if (nowMs < heldUntilMs) return { state: before, heldUntilMs };
  }
  const turn = direction === undefined ? lastTurn : { atMs: nowMs, direction };
  return {
    state: {
      verdict,
      sinceMs: nowMs,
      lastKnown: verdict,
      ...(turn === undefined ? {} : { lastTurn: turn }),
    },
  };
}

/** 1 for the worse, -1 for the better; undefined for no change and for the first verdict. */
function directionOf(from: Verdict | undefined, to: Verdict): 1 | -1 | undefined {
  if (from === undefined || from === 'unknown' || to === 'unknown' || from === to) return undefined;
  return severity[to] > severity[from] ? 1 : -1;
}
