import {
  drawAmong,
  effectiveWeights,
  jointTurnout,
  selectCandidates,
  servingOf,
  sharesOf,
} from './candidates.ts';
import { nobody, type Outcome } from './outcome.ts';
import type { Scope } from './scope.ts';
import type { PolicyNode } from './traffic.ts';

/**
 * `weighted`: one child per query, with probability proportional to weight × dial × ramp × health
 * factor (DESIGN.md §4).
 */
export function evaluateWeighted(
  node: Extract<PolicyNode, { kind: 'weighted' }>,
  scope: Scope,
): Outcome {
  const children = node.children.map(({ node: child, weight }, index) => ({
    node: child,
    label: `[${index}]`,
    weight,
  }));
  const { candidates, desperate } = selectCandidates(scope, node, children);
  if (candidates.length === 0) return nobody(node.children.length);
  const shares = sharesOf(candidates, effectiveWeights(candidates));
  return {
    pieces: [{ upTo: jointTurnout(candidates), choice: drawAmong(candidates, shares) }],
    failed: desperate || scope.isBelowMinimum(node),
    serving: servingOf(candidates),
    note: () => `${candidates.length} of ${node.children.length} children share by weight`,
  };
}
