import { isAtOrBelow, parentKey } from '../wire/names.ts';
import type { NameKey, RRset, Zone } from './zone.ts';

/** The node that answers for a name of the zone: its own, else the wildcard's above it. */
export function answeringNode(zone: Zone, key: NameKey): ReadonlyMap<number, RRset> | undefined {
  const own = zone.nodes.get(key);
  if (own !== undefined || !isAtOrBelow(key, zone.origin)) return own;
  for (let name: NameKey = key; name !== zone.origin && name !== '.'; ) {
    name = parentKey(name) ?? '.';
    const wildcard = zone.nodes.get(name === '.' ? '*.' : `*.${name}`);
    if (wildcard !== undefined) return wildcard;
    if (zone.nodes.has(name)) return undefined;
  }
  return undefined;
}
