/** One VIP that went down on the word of a single agent region. */
export interface Fall {
  /** Monotonic milliseconds. */
  readonly atMs: number;
  /** Its part of the service's capacity (or weight), 0 to 1. */
  readonly share: number;
}

/** The most of a service that may go down within the window on the word of one agent region. */
export const velocityShare = 0.25;

/** How far back falls are added up, milliseconds. */
export const velocityWindowMs = 60_000;

/**
 * Decides whether VIPs may go down that only one agent region says are down.
 *
 * - `pass`: it is little enough;
 * - `hold`: it is too much at once, and other regions are asked whose word can be waited for;
 * - `alarm`: it is too much at once, but no other region is asked, so they go down and people are
 *   told.
 *
 * @param falls earlier falls of the service on one region's word
 * @param wantedShare part of the service that would go down now
 * @param knownRegions agent regions that the monitor asks, those included that are silent now
 */
export function guardVelocity(
  falls: readonly Fall[],
  wantedShare: number,
  knownRegions: number,
  nowMs: number,
): 'pass' | 'hold' | 'alarm' {
  let share = wantedShare;
  for (const fall of falls) if (nowMs - fall.atMs < velocityWindowMs) share += fall.share;
  // Shares are fractions that were added up: a quarter shall not count as more than a quarter.
  if (share <= velocityShare + 1e-9) return 'pass';
  return knownRegions >= 2 ? 'hold' : 'alarm';
}
