import { mix32 } from '../base/random.ts';
import {
  type Candidate,
  effectiveWeights,
  jointTurnout,
  selectCandidates,
  servingOf,
  spillOf,
} from './candidates.ts';
import type { Alternative } from './choice.ts';
import { nobody, type Outcome, settle } from './outcome.ts';
import type { Scope } from './scope.ts';
import type { PolicyNode } from './traffic.ts';

/**
 * `sticky`: one child per client, by weighted rendezvous hash of the client's /24 or /56, so that a
 * client keeps its child while the child can serve. A member that is lost, dialed or ramping moves only
 * its own clients: weights are never made relative to the other children's. Inside a member with
 * several VIPs the client keeps its VIP as well.
 */
export function evaluateSticky(
  node: Extract<PolicyNode, { kind: 'sticky' }>,
  scope: Scope,
): Outcome {
  const children = node.children.map(({ node: child, weight }, index) => ({
    node: child,
    label: `[${index}]`,
    weight,
  }));
  const { candidates, desperate } = selectCandidates(scope, node, children);
  if (candidates.length === 0) return nobody(children.length);
  const weights = effectiveWeights(candidates);
  const alternatives = withDistinctKeys(
    candidates.flatMap((candidate, index) => partsOf(candidate, weights[index]!)),
  );
  const only = alternatives.length === 1 ? alternatives[0]!.choice : undefined;
  return {
    pieces: [{ upTo: jointTurnout(candidates), choice: only ?? { kind: 'sticky', alternatives } }],
    failed: desperate || scope.isBelowMinimum(node),
    serving: servingOf(candidates),
    note: () => `${candidates.length} of ${children.length} children share by hash of the client`,
  };
}

/** What a candidate puts into the hash: each VIP of a member by itself, or a nested child as one. */
function partsOf(candidate: Candidate, weight: number): readonly Alternative[] {
  const { key, node, outcome } = candidate;
  const spilled = weight * spillOf(candidate);
  if (node.kind !== 'member') {
    return [{ weight: spilled, key, choice: settle(outcome.pieces, true) }];
  }
  const { soundness, stickyParts, vipShare } = outcome.serving[0]!;
  return stickyParts.map((vip) => ({
    weight: (spilled * vip.part) / (soundness * vipShare),
    key: vip.key,
    choice: vip.choice,
  }));
}

/**
 * Gives the second of two equal keys (the same members twice) another, and rounds weights to what a
 * segment stores, so that every node of a cluster compares the same numbers.
 */
function withDistinctKeys(alternatives: readonly Alternative[]): readonly Alternative[] {
  const times = new Map<number, number>();
  return alternatives.map(({ choice, key, weight }) => {
    const before = times.get(key) ?? 0;
    times.set(key, before + 1);
    const distinct = before === 0 ? key : mix32(key + before);
    return { weight: Math.fround(weight), key: distinct, choice };
  });
}
