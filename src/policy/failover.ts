import { type Candidate, type ChildSpec, makeCandidate, rankOf, servingOf } from './candidates.ts';
import { nobody, type Outcome, overlay, turnout } from './outcome.ts';
import type { Scope } from './scope.ts';
import type { PolicyNode } from './traffic.ts';

/**
 * `failover`: the first child with enough healthy members. What its dial, ramp or load keep from it
 * goes to the next.
 *
 * A failover is as healthy as the child that it chose: only a `minHealthy` of its own makes it fail
 * while a child stands. Otherwise two dead members of three would fail the one that is there for it.
 */
export function evaluateFailover(
  node: Extract<PolicyNode, { kind: 'failover' }>,
  scope: Scope,
): Outcome {
  const children = node.children.map((child, index) => ({ node: child, label: `[${index}]` }));
  const { used, desperate, pieces } = climb(scope, children);
  if (used.length === 0) return nobody(children.length);
  const places = used.map(({ node: child }) => node.children.indexOf(child) + 1);
  return {
    pieces,
    failed: desperate || (node.minHealthy !== undefined && scope.isBelowMinimum(node)),
    serving: servingOf(used),
    note: () => `child ${places.join(', then ')} of ${children.length}`,
  };
}

/**
 * Goes down a list of children in order of preference until every client is served. Takes the best
 * rank that is there: healthy enough, then weight 0, then failed with something eligible left.
 */
export function climb(scope: Scope, children: readonly ChildSpec[]) {
  const byRank: Candidate[][] = [[], [], [], []];
  for (const child of children) {
    const candidate = makeCandidate(scope, child);
    byRank[rankOf(candidate)]?.push(candidate);
    if (turnout(overlay(byRank[0]!.map(({ outcome }) => outcome.pieces))) >= 1) break;
  }
  const rank = byRank.findIndex((candidates) => candidates.length > 0);
  const candidates = byRank[rank] ?? [];
  const used: Candidate[] = [];
  let top = 0;
  for (const candidate of candidates) {
    const end = turnout(candidate.outcome.pieces);
    if (end <= top) continue;
    used.push(candidate);
    top = end;
  }
  return {
    used,
    desperate: rank < 0 || rank >= 2,
    pieces: overlay(used.map(({ outcome }) => outcome.pieces)),
  };
}
