import type { Choice } from './choice.ts';

/**
 * The exact share of clients that a choice sends to each member, 0 to 1, summing to 1 (to nothing for
 * an empty choice). An answer of several addresses counts for their members in equal parts, since
 * resolvers and clients reorder them; a sticky choice counts by its weights.
 */
export function choiceShares(choice: Choice): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  addShares(choice, 1, shares);
  return shares;
}

/** Members that a choice may answer with. */
export function choiceMembers(choice: Choice): ReadonlySet<string> {
  return new Set(choiceShares(choice).keys());
}

function addShares(choice: Choice, share: number, shares: Map<string, number>): void {
  switch (choice.kind) {
    case 'empty':
      return;
    case 'fixed':
    case 'rotate':
      for (const { member } of choice.vips) {
        shares.set(member, (shares.get(member) ?? 0) + share / choice.vips.length);
      }
      return;
    case 'weighted':
    case 'sticky': {
      let total = 0;
      for (const { weight } of choice.alternatives) total += weight;
      for (const { weight, choice: one } of choice.alternatives) {
        addShares(one, (share * weight) / total, shares);
      }
    }
  }
}
