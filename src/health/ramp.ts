/** When a member was lost and found again; monotonic milliseconds. */
export interface RampState {
  /** Set while every VIP of the member is down. */
  readonly downSinceMs?: number;
  /** Set while the member is coming back. */
  readonly recoveredMs?: number;
}

/** A member that was down for less than this comes back at once, milliseconds. */
export const rampAfterDownMs = 10_000;

/**
 * The share of its weight grows in this many equal steps, so that answers are not remade all the
 * time.
 */
export const rampSteps = 20;

/**
 * Takes the member's present condition. Coming back starts a ramp only after it was really down for
 * longer than a moment; a member that was never down (first start) has none.
 */
export function stepRamp(before: RampState, isDown: boolean, nowMs: number): RampState {
  if (isDown) return before.downSinceMs === undefined ? { downSinceMs: nowMs } : before;
  if (before.downSinceMs === undefined) return before;
  return nowMs - before.downSinceMs >= rampAfterDownMs ? { recoveredMs: nowMs } : {};
}

/** The share of its weight that the member may take: 1, or 0.05 to 0.95 while it ramps. */
export function rampShare(state: RampState, rampMs: number, nowMs: number): number {
  if (state.recoveredMs === undefined || rampMs <= 0) return 1;
  const steps = Math.floor(((nowMs - state.recoveredMs) / rampMs) * rampSteps);
  return Math.min(rampSteps, Math.max(1, steps)) / rampSteps;
}

/** True while time alone will change the share. */
export function isRamping(state: RampState, rampMs: number, nowMs: number): boolean {
  return state.recoveredMs !== undefined && nowMs - state.recoveredMs < rampMs;
}
