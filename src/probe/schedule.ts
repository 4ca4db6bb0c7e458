import { mix32 } from '../base/random.ts';

/**
 * When a target's checks are due. Each has its own place on the interval, by hash, so that checks
 * are spread evenly whatever their number, and moves about that place so that agents do not fall in
 * step:
 *
 *   ├── interval ──┼── interval ──┼──
 *   ┊    ▪         ┊   ▪          ┊     ▪     place ± 5 %: gaps are the interval ± 10 %
 */
export interface Beat {
  readonly intervalMs: number;
  /** 0 to 1, from `spread`. */
  readonly place: number;
}

const jitterShare = 0.05;

/** The longest that a new target waits for its first check, milliseconds. */
export const firstCheckMs = 1000;

/** A place on the interval, 0 (included) to 1 (excluded), the same for a target on every start. */
export function spread(agent: string, target: string): number {
  let hash = 0;
  for (const text of [agent, '\n', target]) {
    for (let at = 0; at < text.length; at++) hash = mix32(hash ^ text.charCodeAt(at));
  }
  return hash / 0x1_0000_0000;
}

/** When a new target is first checked: soon, though not all new ones at once. */
export function firstDueMs({ intervalMs, place }: Beat, nowMs: number): number {
  return nowMs + place * Math.min(intervalMs, firstCheckMs);
}

/** When the check after the one that began at `startedMs` is due. `fraction` is random, 0 to 1. */
export function nextDueMs(
  { intervalMs, place }: Beat,
  startedMs: number,
  fraction: number,
): number {
  const phaseMs = place * intervalMs;
  // The next place at least half an interval away: never the one that this check was for.
  const turn = Math.ceil((startedMs + intervalMs / 2 - phaseMs) / intervalMs);
  return phaseMs + turn * intervalMs + (fraction * 2 - 1) * jitterShare * intervalMs;
}
