import { mix32 } from '../base/random.ts';
import type { Monitor } from '../health/monitor.ts';

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

/** What of the time that a death may take to be known is left for all else, milliseconds. */
const spareMs = 500;
/** The longest gap between checks, in intervals. */
const longestGap = 1 + 2 * jitterShare;

/**
 * When a check is repeated that began at `startedMs` and failed, while it takes more failures for
 * the target to be down: as much sooner than the interval as makes a target that swallows packets
 * known to be down within `interval` × `fall` of its death, whenever it died and however long the
 * checks take to fail (but for the timeouts beyond about half of the interval).
 *
 *   death ┄ gap, at most 1.1 intervals ┄ ✗ ── fall − 1 repetitions ── ✗ timeout ┤ down
 */
export function recheckDueMs(
  { intervalMs, timeoutMs, fall }: Pick<Monitor, 'intervalMs' | 'timeoutMs' | 'fall'>,
  startedMs: number,
): number {
  const leftMs = (fall - longestGap) * intervalMs + spareMs - timeoutMs;
  const gapMs = leftMs / Math.max(1, fall - 1);
  return startedMs + Math.min(intervalMs, Math.max(timeoutMs, gapMs));
}
