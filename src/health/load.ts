/** A member's load, smoothed; in the unit of its capacity. */
export interface LoadState {
  readonly load: number;
  /** When the last report came; monotonic milliseconds. */
  readonly atMs: number;
}

/** After this long without a report nothing is known, milliseconds. */
export const loadFreshMs = 60_000;

/** A step in the reported load has been followed to 63 % after this long, milliseconds. */
export const loadSmoothingMs = 15_000;

/**
 * Takes a report: an exponential mean over time, so that frequent reports weigh no more than rare
 * ones.
 */
export function stepLoad(before: LoadState | undefined, load: number, nowMs: number): LoadState {
  if (before === undefined || nowMs - before.atMs >= loadFreshMs) return { load, atMs: nowMs };
  const keep = Math.exp(-(nowMs - before.atMs) / loadSmoothingMs);
  return { load: before.load * keep + load * (1 - keep), atMs: nowMs };
}

/** The load, or undefined when nothing fresh was reported. */
export function freshLoad(state: LoadState | undefined, nowMs: number): number | undefined {
  if (state === undefined || nowMs - state.atMs >= loadFreshMs) return undefined;
  return state.load;
}
