import type { Alternative, Choice } from './choice.ts';
import type { Standing } from './eligibility.ts';
import { type Outcome, settle, turnout } from './outcome.ts';
import type { Scope } from './scope.ts';
import type { PolicyNode } from './traffic.ts';

/** A child that could serve, and what it stands for among its siblings. */
export interface Candidate {
  readonly node: PolicyNode;
  readonly outcome: Outcome;
  /** Eligible members below. */
  readonly eligible: readonly Standing[];
  /** Given with the child, else the member's or the sum of the eligible members'. */
  readonly weight: number;
  /** True when `weight` was given for a nested node: then its members do not add up. */
  readonly given: boolean;
  readonly key: number;
}

/** A child as a policy kind hands it over; `weight` where the kind has one per child. */
export interface ChildSpec {
  readonly node: PolicyNode;
  readonly label: string;
  readonly weight?: number | undefined;
}

export interface Selection {
  /** In the order of the children; empty when nothing below is eligible. */
  readonly candidates: readonly Candidate[];
  /** True when the candidates are the best of children that have all failed. */
  readonly desperate: boolean;
}

/**
 * How good a child is as a candidate; only the best rank present takes part:
 * 0 healthy enough · 1 the same with weight 0 · 2 failed but something is eligible · 3 the same with
 * weight 0 · 4 nothing eligible.
 */
export function rankOf(candidate: Candidate): number {
  if (candidate.outcome.pieces.length === 0) return 4;
  return (candidate.outcome.failed ? 2 : 0) + (candidate.weight === 0 ? 1 : 0);
}

/** Evaluates one child into a candidate. */
export function makeCandidate(scope: Scope, { node, label, weight }: ChildSpec): Candidate {
  const { eligible, key } = scope.census(node);
  const outcome = scope.evaluate(node, label);
  let sum = 0;
  for (const standing of eligible) sum += standing.weight;
  const given = weight !== undefined && node.kind !== 'member';
  return { node, outcome, eligible, weight: weight ?? sum, given, key };
}

/** Evaluates all children of a node and keeps those of the best rank. */
export function selectCandidates(
  scope: Scope,
  node: PolicyNode,
  children: readonly ChildSpec[],
): Selection {
  return scope.ofChildren(node, () => bestRanked(scope, children));
}

function bestRanked(scope: Scope, children: readonly ChildSpec[]): Selection {
  const all = children.map((child) => makeCandidate(scope, child));
  let best = 4;
  for (const candidate of all) best = Math.min(best, rankOf(candidate));
  if (best === 4) return { candidates: [], desperate: true };
  return { candidates: all.filter((one) => rankOf(one) === best), desperate: best >= 2 };
}

/** The largest turnout among candidates: beyond it none of them takes part. */
export function jointTurnout(candidates: readonly Candidate[]): number {
  return candidates.reduce((most, { outcome }) => Math.max(most, turnout(outcome.pieces)), 0);
}

/** The members that may answer through any of the candidates. */
export function servingOf(candidates: readonly Candidate[]): readonly Standing[] {
  if (candidates.length === 1) return candidates[0]!.outcome.serving;
  return [...new Set(candidates.flatMap(({ outcome }) => outcome.serving))];
}

/**
 * The weights by which candidates share: weight × dial × ramp × health × share of VIPs, and spilling
 * apart. Where every weight is 0 the members are equals.
 */
export function effectiveWeights(candidates: readonly Candidate[]): readonly number[] {
  const standby = candidates.every(({ weight }) => weight === 0);
  return candidates.map((candidate) => {
    const { eligible, given, node, outcome, weight } = candidate;
    if (node.kind !== 'member' && !given && !standby) {
      return eligible.reduce((sum, member) => sum + member.weight * factorOf(member), 0);
    }
    const most = outcome.serving.reduce((factor, member) => Math.max(factor, factorOf(member)), 0);
    return (standby ? 1 : weight) * most;
  });
}

/** dial × ramp × health × share of VIPs. */
const factorOf = ({ keep, soundness, vipShare }: Standing) => keep * soundness * vipShare;

/** The part of its demand that a candidate keeps when its members spill. */
export function spillOf(candidate: Candidate): number {
  return candidate.outcome.serving.reduce((most, { spill }) => Math.max(most, spill), 0);
}

/**
 * Turns weights into shares that sum to 1. An overloaded candidate keeps its part of its share, and
 * the rest goes to those that are not overloaded, in proportion; where all are, they share by what
 * each can bear.
 */
export function sharesOf(
  candidates: readonly Candidate[],
  weights: readonly number[],
): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const spills = candidates.map(spillOf);
  const kept = weights.map((weight, index) => (weight / total) * spills[index]!);
  const takers = kept.reduce((sum, share, index) => sum + (spills[index] === 1 ? share : 0), 0);
  const keptSum = kept.reduce((sum, share) => sum + share, 0);
  if (takers === 0) return kept.map((share) => share / keptSum);
  const growth = 1 + (1 - keptSum) / takers;
  return kept.map((share, index) => (spills[index] === 1 ? share * growth : share));
}

/** One of the candidates by chance, in these shares. */
export function drawAmong(candidates: readonly Candidate[], shares: readonly number[]): Choice {
  if (candidates.length === 1) return settle(candidates[0]!.outcome.pieces);
  const alternatives = candidates.flatMap(({ key, outcome }, index): Alternative[] => {
    const weight = shares[index]!;
    return weight > 0 ? [{ weight, key, choice: settle(outcome.pieces) }] : [];
  });
  return alternatives.length === 1 ? alternatives[0]!.choice : { kind: 'weighted', alternatives };
}
