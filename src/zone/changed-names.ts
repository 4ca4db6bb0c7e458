import { LayeredMap } from './layered-map.ts';
import type { NameKey, Zone } from './zone.ts';

/**
 * The names that differ between two versions of a zone; undefined when they are more than `most`, or
 * the versions have too little in common to tell.
 */
export function changedNames(before: Zone, after: Zone, most: number): NameKey[] | undefined {
  const keys = LayeredMap.changedKeys(before.nodes, after.nodes);
  if (keys === undefined) return undefined;
  const changed: NameKey[] = [];
  for (const key of keys) {
    if (before.nodes.get(key) === after.nodes.get(key)) continue;
    if (changed.push(key) > most) return undefined;
  }
  return changed;
}
