import type { ObjectChange } from '../control/change.ts';

/**
 * The changes of several revisions, in order, as one: each object once, from how it was first to how
 * it was last; objects that came back to what they were are left out. `reversed` swaps the sides.
 */
export function combineChanges(
  steps: Iterable<ObjectChange>,
  { reversed }: { readonly reversed: boolean },
): readonly ObjectChange[] {
  const byObject = new Map<string, ObjectChange>();
  for (const step of steps) {
    const key = `${step.kind} ${step.id}`;
    const known = byObject.get(key);
    byObject.set(key, known === undefined ? step : { ...step, before: known.before });
  }
  const changes = [...byObject.values()].filter((change) => change.before !== change.after);
  if (!reversed) return changes;
  return changes.map(({ kind, id, before, after }) => ({ kind, id, before: after, after: before }));
}
