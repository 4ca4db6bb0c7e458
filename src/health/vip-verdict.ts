import type { Verdict } from './verdict.ts';

const rank: Readonly<Record<Verdict, number>> = { up: 0, unknown: 1, degraded: 2, down: 3 };

/**
 * The verdict on a VIP from those of its monitors: the worst, since it must pass them all. Where
 * one monitor is silent the VIP is unknown unless another says that it is degraded or down.
 */
export function vipVerdict(verdicts: Iterable<Verdict>): Verdict {
  let worst: Verdict | undefined;
  for (const verdict of verdicts) {
    if (worst === undefined || rank[verdict] > rank[worst]) worst = verdict;
  }
  return worst ?? 'unknown';
}
