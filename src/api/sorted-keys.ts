const known = new WeakMap<object, readonly string[]>();

/**
 * The keys of a map in ascending order of code units. Worked out once for each map: configurations
 * are never changed in place.
 */
export function sortedKeys(map: ReadonlyMap<string, unknown>): readonly string[] {
  const before = known.get(map);
  if (before !== undefined) return before;
  const keys = [...map.keys()].sort();
  known.set(map, keys);
  return keys;
}
