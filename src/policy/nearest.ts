import { type Candidate, selectCandidates, servingOf } from './candidates.ts';
import { nobody, type Outcome, type Piece } from './outcome.ts';
import { preferencePieces } from './rotation.ts';
import { rotateAmong } from './round-robin.ts';
import type { Scope } from './scope.ts';
import { SequenceMemo } from './sequence-memo.ts';
import type { PolicyNode } from './traffic.ts';

type NearestNode = Extract<PolicyNode, { kind: 'nearest' }>;

/**
 * `nearest`: the `answers` closest children by great circle plus bias, closest first. What dial, ramp
 * or load keep from a child goes to the next closest. A nested child is as near as the nearest member
 * that it may answer this client with.
 *
 * A client whose place is unknown has no nearest: it gets `answers` addresses of all, rotated.
 */
export function evaluateNearest(node: NearestNode, scope: Scope): Outcome {
  const children = node.children.map((child, index) => ({ node: child, label: `[${index}]` }));
  const { candidates, desperate } = selectCandidates(scope, node, children);
  if (candidates.length === 0) return nobody(children.length);
  const failed = desperate || scope.isBelowMinimum(node);
  if (scope.facts.client.coordinates === undefined) {
    return {
      pieces: rotateAmong(candidates, node.answers),
      failed,
      serving: servingOf(candidates),
      note: () => 'the place of the client is unknown; all in rotation',
    };
  }
  const sorted = candidates
    .map((candidate) => ({ candidate, km: distanceTo(candidate, node.biasKm, scope) }))
    .sort((a, b) => a.km - b.km);
  const order = sorted.map(({ candidate }) => candidate);
  const used = order.slice(0, reachOf(order, node.answers));
  const memo = scope.once(node, () => new SequenceMemo<readonly Piece[]>());
  return {
    pieces: memo.get(used, () =>
      preferencePieces(
        used.map(({ outcome }) => outcome),
        node.answers,
      ),
    ),
    failed,
    serving: servingOf(used),
    note: () =>
      sorted
        .slice(0, used.length)
        .map(({ candidate, km }) => `${nameOf(candidate)} ${Math.round(km)} km`)
        .join(', '),
  };
}

function distanceTo(
  { outcome }: Candidate,
  biasKm: ReadonlyMap<string, number>,
  scope: Scope,
): number {
  let best = Number.POSITIVE_INFINITY;
  for (const { coordinates, member, region } of outcome.serving) {
    const distance = scope.facts.distanceKm(region, coordinates);
    if (distance !== undefined) best = Math.min(best, distance + (biasKm.get(member) ?? 0));
  }
  return best;
}

/** How many of the closest are needed until `answers` of them take part for every client. */
function reachOf(order: readonly Candidate[], answers: number): number {
  let full = 0;
  for (const [index, { outcome }] of order.entries()) {
    if ((outcome.pieces.at(-1)?.upTo ?? 0) >= 1) full += 1;
    if (full === answers) return index + 1;
  }
  return order.length;
}

const nameOf = ({ node, outcome }: Candidate) =>
  node.kind === 'member' ? node.member : outcome.serving.map(({ member }) => member).join('+');
