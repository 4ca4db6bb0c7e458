import { mix32 } from '../base/random.ts';
import {
  type Candidate,
  effectiveWeights,
  jointTurnout,
  selectCandidates,
  servingOf,
  spillOf,
} from './candidates.ts';
import type { Alternative, Choice } from './choice.ts';
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
  const { candidates, desperate } = selectCandidates(scope, children);
  if (candidates.length === 0) return nobody(children.length);
  const weights = effectiveWeights(candidates);
  const keys = distinctKeys(candidates);
  const alternatives = candidates.map(
    (candidate, index): Alternative => ({
      // As the segment stores it, so that every node of a cluster compares the same numbers.
      weight: Math.fround(weights[index]! * spillOf(candidate)),
      key: keys[index]!,
      choice: stickyChoiceOf(candidate),
    }),
  );
  const only = alternatives.length === 1 ? alternatives[0]!.choice : undefined;
  return {
    pieces: [{ upTo: jointTurnout(candidates), choice: only ?? { kind: 'sticky', alternatives } }],
    failed: desperate || scope.isBelowMinimum(node),
    serving: servingOf(candidates),
    note: () => `${candidates.length} of ${children.length} children share by hash of the client`,
  };
}

function stickyChoiceOf({ node, outcome }: Candidate): Choice {
  if (node.kind === 'member') return outcome.serving[0]!.stickyChoice;
  return settle(outcome.pieces, true);
}

/** Keys of candidates; the second of two equal children (the same members again) gets another. */
function distinctKeys(candidates: readonly Candidate[]): readonly number[] {
  const times = new Map<number, number>();
  return candidates.map(({ key }) => {
    const before = times.get(key) ?? 0;
    times.set(key, before + 1);
    return before === 0 ? key : mix32(key + before);
  });
}
