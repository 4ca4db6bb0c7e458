import {
  type Candidate,
  drawAmong,
  effectiveWeights,
  jointTurnout,
  selectCandidates,
  servingOf,
  sharesOf,
} from './candidates.ts';
import { nobody, type Outcome, overlay, type Piece } from './outcome.ts';
import type { Scope } from './scope.ts';
import { SequenceMemo } from './sequence-memo.ts';
import type { PolicyNode } from './traffic.ts';

type LatencyNode = Extract<PolicyNode, { kind: 'latency' }>;

interface Timed {
  readonly candidate: Candidate;
  readonly index: number;
  readonly ms: number;
}

/**
 * `latency`: the child with the lowest estimated round-trip time; children within the larger of
 * `toleranceMs` and `toleranceRatio` × best share by effective weight. What dial, ramp or load keep
 * from all of these goes to the next best and those within its tolerance. A nested child is as fast as
 * the fastest member that it may answer this client with.
 *
 * Children without an estimate come last; where nobody has one, all share by weight.
 */
export function evaluateLatency(node: LatencyNode, scope: Scope): Outcome {
  const children = node.children.map((child, index) => ({ node: child, label: `[${index}]` }));
  const { candidates, desperate } = selectCandidates(scope, node, children);
  if (candidates.length === 0) return nobody(children.length);
  const sorted = candidates
    .map((candidate, index): Timed => ({ candidate, index, ms: latencyTo(candidate, scope) }))
    .sort((a, b) => a.ms - b.ms);
  const memo = scope.once(node, () => new SequenceMemo<readonly Piece[]>());
  const used: Timed[] = [];
  const lists: (readonly Piece[])[] = [];
  let top = 0;
  while (used.length < sorted.length && top < 1) {
    const group = fastest(sorted.slice(used.length), node);
    used.push(...group);
    // In the order written, so that a tie is one choice whichever of its members is a hair faster.
    const tied = [...group].sort((a, b) => a.index - b.index).map(({ candidate }) => candidate);
    lists.push(memo.get(tied, () => shareAmong(tied)));
    top = Math.max(top, jointTurnout(tied));
  }
  const pieces = memo.get(lists, () => overlay(lists));
  return {
    pieces,
    failed: desperate || scope.isBelowMinimum(node),
    serving: servingOf(used.map(({ candidate }) => candidate)),
    note: () => used.map(describe).join(', '),
  };
}

function shareAmong(tied: readonly Candidate[]): readonly Piece[] {
  const shares = sharesOf(tied, effectiveWeights(tied));
  return [{ upTo: jointTurnout(tied), choice: drawAmong(tied, shares) }];
}

function latencyTo({ outcome }: Candidate, scope: Scope): number {
  let best = Number.POSITIVE_INFINITY;
  for (const { region, coordinates } of outcome.serving) {
    const ms = scope.facts.latency(region, coordinates)?.ms;
    best = Math.min(best, ms ?? Number.POSITIVE_INFINITY);
  }
  return best;
}

/** The first of a sorted list and all that are within tolerance of it. */
function fastest(sorted: readonly Timed[], node: LatencyNode): readonly Timed[] {
  const best = sorted[0]!.ms;
  if (!Number.isFinite(best)) return sorted;
  const worst = best + Math.max(node.toleranceMs, node.toleranceRatio * best);
  return sorted.filter(({ ms }) => ms <= worst);
}

function describe({ candidate: { node, outcome }, ms }: Timed): string {
  const names = node.kind === 'member' ? [node.member] : outcome.serving.map((one) => one.member);
  const time = Number.isFinite(ms) ? `${Math.round(ms)} ms` : 'no estimate';
  return `${names.join('+')} ${time}`;
}
