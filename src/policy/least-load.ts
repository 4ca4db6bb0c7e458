import {
  type Candidate,
  drawAmong,
  effectiveWeights,
  jointTurnout,
  selectCandidates,
  servingOf,
} from './candidates.ts';
import { nobody, type Outcome } from './outcome.ts';
import type { Scope } from './scope.ts';
import type { PolicyNode } from './traffic.ts';

/**
 * A full member still takes this part of its capacity: with every member full, all serve in proportion
 * to their capacity, and one that drains is noticed.
 */
export const leastFreeShare = 0.01;

/**
 * `leastLoad`: one child per query, with probability proportional to its free capacity (capacity −
 * smoothed load) × dial × ramp × health factor. Without a fresh load a child counts as loaded like the
 * average of the others; without a capacity, as free as the average of the others. Configured weights
 * count only in that weight 0 is a standby.
 */
export function evaluateLeastLoad(
  node: Extract<PolicyNode, { kind: 'leastLoad' }>,
  scope: Scope,
): Outcome {
  const children = node.children.map((child, index) => ({ node: child, label: `[${index}]` }));
  const { candidates, desperate } = selectCandidates(scope, node, children);
  if (candidates.length === 0) return nobody(children.length);
  const free = freeCapacities(candidates);
  const weights = free.map((amount, index) => amount * factorOfCandidate(candidates[index]!));
  return {
    pieces: [{ upTo: jointTurnout(candidates), choice: drawAmong(candidates, weights) }],
    failed: desperate || scope.isBelowMinimum(node),
    serving: servingOf(candidates),
    note: () =>
      candidates.map((one, index) => `${describe(one)} ${percent(free, index)}`).join(', '),
  };
}

interface Burden {
  readonly capacity: number | undefined;
  readonly load: number | undefined;
}

/** Free capacity per candidate in the unit of capacity, or in shares where nobody has a capacity. */
function freeCapacities(candidates: readonly Candidate[]): readonly number[] {
  const burdens = candidates.map(burdenOf);
  const used = burdens.flatMap(({ capacity, load }) =>
    capacity === undefined || load === undefined ? [] : [load / capacity],
  );
  const averageUse = used.length === 0 ? 0 : mean(used);
  const free = burdens.map(({ capacity, load }) => {
    if (capacity === undefined) return undefined;
    return Math.max(capacity - (load ?? averageUse * capacity), capacity * leastFreeShare);
  });
  const known = free.filter((amount) => amount !== undefined);
  const average = known.length === 0 ? 1 : mean(known);
  return free.map((amount) => amount ?? average);
}

/** Load and capacity of a candidate's eligible members, summed; undefined where one lacks it. */
function burdenOf({ eligible }: Candidate): Burden {
  let capacity: number | undefined = 0;
  let load: number | undefined = 0;
  for (const member of eligible) {
    capacity = add(capacity, member.capacity);
    load = add(load, member.load);
  }
  // A capacity of 0 cannot be divided by, and says nothing of what is free.
  return { capacity: capacity === 0 ? undefined : capacity, load };
}

/** dial × ramp × health × share of VIPs of a candidate, without its weight. */
function factorOfCandidate(candidate: Candidate): number {
  return effectiveWeights([{ ...candidate, weight: 1, given: true }])[0]!;
}

const add = (sum: number | undefined, one: number | undefined) =>
  sum === undefined || one === undefined ? undefined : sum + one;

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const describe = ({ node, outcome }: Candidate) =>
  node.kind === 'member' ? node.member : outcome.serving.map(({ member }) => member).join('+');

const percent = (free: readonly number[], index: number) =>
  `${Math.round((free[index]! / free.reduce((sum, one) => sum + one, 0)) * 100)} % of what is free`;
