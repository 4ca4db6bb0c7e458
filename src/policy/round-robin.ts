import { type Candidate, jointTurnout, selectCandidates, servingOf } from './candidates.ts';
import type { Alternative, Choice } from './choice.ts';
import { flatVips, nobody, type Outcome, type Piece, settle, turnout } from './outcome.ts';
import { rotationPieces } from './rotation.ts';
import type { Scope } from './scope.ts';
import type { PolicyNode } from './traffic.ts';

/**
 * `roundRobin`: the addresses of all children, rotated, up to `answers`. Weights do not count. A child
 * whose dial × ramp × health is below that of the fullest is in the rotation for that part of the
 * queries and left out of the others: dial 10 gives 10 % of its normal share.
 *
 * A nested child that draws or hashes (weighted, sticky, leastLoad, a split failover) cannot stand in a
 * list of addresses: then one query in so many goes to it alone.
 */
export function evaluateRoundRobin(
  node: Extract<PolicyNode, { kind: 'roundRobin' }>,
  scope: Scope,
): Outcome {
  const children = node.children.map((child, index) => ({ node: child, label: `[${index}]` }));
  const { candidates, desperate } = selectCandidates(scope, node, children);
  if (candidates.length === 0) return nobody(node.children.length);
  return {
    pieces: rotateAmong(candidates, node.answers),
    failed: desperate || scope.isBelowMinimum(node),
    serving: servingOf(candidates),
    note: () => `${candidates.length} of ${node.children.length} children in rotation`,
  };
}

/** The pieces of a rotation of candidates; also what other kinds fall back to. */
export function rotateAmong(candidates: readonly Candidate[], answers: number): readonly Piece[] {
  const top = jointTurnout(candidates);
  const parts = candidates.map((candidate) => ({ candidate, pieces: soundPieces(candidate) }));
  const listed = parts.filter(({ pieces }) => pieces.every((one) => flatVips(one.choice)));
  const rotation = rotationPieces(listed, answers);
  if (listed.length === parts.length) return stretch(rotation, top);
  const alternatives: Alternative[] = [];
  if (listed.length > 0) {
    const weight = listed.reduce((sum, { pieces }) => sum + turnout(pieces), 0);
    alternatives.push({ weight, key: 0, choice: settle(rotation) });
  }
  for (const { candidate, pieces } of parts) {
    if (pieces.every((one) => flatVips(one.choice))) continue;
    alternatives.push({ weight: turnout(pieces), key: candidate.key, choice: settle(pieces) });
  }
  const only = alternatives.length === 1 ? alternatives[0]!.choice : undefined;
  const choice: Choice = only ?? { kind: 'weighted', alternatives };
  return [{ upTo: top, choice }];
}

/** A candidate's pieces, narrowed by its health factor. */
function soundPieces({ outcome }: Candidate): readonly Piece[] {
  const soundness = outcome.serving.reduce((most, member) => Math.max(most, member.soundness), 0);
  if (soundness === 1) return outcome.pieces;
  return outcome.pieces.map(({ upTo, choice }) => ({ upTo: upTo * soundness, choice }));
}

/** Health alone makes no room for a parent's next choice: the pieces end where the turnout does. */
function stretch(pieces: readonly Piece[], top: number): readonly Piece[] {
  const end = turnout(pieces);
  if (end === top) return pieces;
  return pieces.map(({ upTo, choice }) => ({
    upTo: upTo === end ? top : (upTo / end) * top,
    choice,
  }));
}
