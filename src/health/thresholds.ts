import type { Monitor } from './monitor.ts';
import type { Verdict } from './verdict.ts';

/**
 * One agent's state of one target: a verdict and the runs of results that may change it.
 *
 *            fall × down                     fall × not up
 *   any ───────────────────▶ down      up ───────────────────▶ degraded
 *            rise × not down                 rise × up
 *   down ──────────────────▶ up or     degraded ─────────────▶ up
 *                            degraded
 */
export interface ThresholdState {
  readonly state: Verdict;
  /** When it became so; monotonic milliseconds. */
  readonly sinceMs: number;
  /** Lengths of the unbroken runs of results up to now. */
  readonly runs: Runs;
}

interface Runs {
  readonly up: number;
  readonly notUp: number;
  readonly down: number;
  readonly notDown: number;
  /** The check could not be made at all: says nothing of the target. */
  readonly blind: number;
}

const noRuns: Runs = { up: 0, notUp: 0, down: 0, notDown: 0, blind: 0 };

/** The state of a target that was never checked. */
export function unchecked(nowMs: number): ThresholdState {
  return { state: 'unknown', sinceMs: nowMs, runs: noRuns };
}

/**
 * Takes one more result. From `unknown` the first good result counts at once, while going down
 * takes `fall` failures even then, so that one lost packet at start takes nothing out. A check that
 * could not be made (`unknown`) breaks no run; `fall` of them make the state unknown.
 */
export function stepThresholds(
  before: ThresholdState,
  result: Verdict,
  monitor: Pick<Monitor, 'fall' | 'rise'>,
  nowMs: number,
): ThresholdState {
  const runs = stepRuns(before.runs, result);
  const state = stateAfter(before.state, runs, result, monitor);
  return { state, sinceMs: state === before.state ? before.sinceMs : nowMs, runs };
}

function stepRuns(runs: Runs, result: Verdict): Runs {
  if (result === 'unknown') return { ...runs, blind: runs.blind + 1 };
  const isUp = result === 'up';
  const isDown = result === 'down';
  return {
    up: isUp ? runs.up + 1 : 0,
    notUp: isUp ? 0 : runs.notUp + 1,
    down: isDown ? runs.down + 1 : 0,
    notDown: isDown ? 0 : runs.notDown + 1,
    blind: 0,
  };
}

function stateAfter(
  state: Verdict,
  runs: Runs,
  result: Verdict,
  { fall, rise }: Pick<Monitor, 'fall' | 'rise'>,
): Verdict {
  if (result === 'unknown') return runs.blind >= fall ? 'unknown' : state;
  if (runs.down >= fall) return 'down';
  if (state === 'unknown') return result === 'down' ? 'unknown' : result;
  if (state === 'down') {
    if (runs.notDown < rise) return 'down';
    return runs.up >= rise ? 'up' : 'degraded';
  }
  if (state === 'up') return runs.notUp >= fall ? 'degraded' : 'up';
  return runs.up >= rise ? 'up' : 'degraded';
}

/**
 * What the present run of contrary results would change the state into, and after how many more
 * like it (1 or more); undefined while the results agree with the state.
 */
export function nextState(
  now: ThresholdState,
  { fall, rise }: Pick<Monitor, 'fall' | 'rise'>,
): { state: Verdict; checks: number } | undefined {
  const { runs, state } = now;
  if (state === 'down') {
    if (runs.notDown === 0) return undefined;
    return { state: runs.up > 0 ? 'up' : 'degraded', checks: Math.max(1, rise - runs.notDown) };
  }
  // Degraded answers before the failures bring an up target to degraded first.
  if (state === 'up' && runs.notUp > runs.down) {
    return { state: 'degraded', checks: Math.max(1, fall - runs.notUp) };
  }
  if (runs.down > 0) return { state: 'down', checks: Math.max(1, fall - runs.down) };
  if (state === 'degraded' && runs.up > 0) {
    return { state: 'up', checks: Math.max(1, rise - runs.up) };
  }
  return undefined;
}
