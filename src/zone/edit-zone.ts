import { LayeredMap } from './layered-map.ts';
import { PackedNodes } from './packed-nodes.ts';
import { RRsetMap } from './rrset-map.ts';
import type { NameKey, RRset, Zone } from './zone.ts';

/** One RRset to put in the place of what is there; null takes it away. */
export interface RRsetEdit {
  readonly owner: NameKey;
  readonly type: number;
  readonly rrset: RRset | null;
}

/**
 * The next version of a zone: the edits are made one after the other, everything else is shared with
 * `zone`, which stays as it is. Costs what is edited, not what the zone holds (layered-map.ts).
 * Nothing is checked: that is `checkZone`'s work.
 */
export function editZone(zone: Zone, edits: Iterable<RRsetEdit>): Zone {
  const changes = new Map<NameKey, ReadonlyMap<number, RRset> | undefined>();
  for (const edit of edits) {
    const { owner, type, rrset } = edit;
    const before = changes.has(owner) ? changes.get(owner) : zone.nodes.get(owner);
    if ((before?.get(type) ?? null) === rrset) continue;
    const rrsets = [...(before?.values() ?? [])].filter((other) => other.type !== type);
    if (rrset !== null) rrsets.push(rrset);
    const [first, ...others] = rrsets;
    changes.set(owner, first === undefined ? undefined : new RRsetMap(first, others));
  }
  if (changes.size === 0) return zone;
  return { origin: zone.origin, nodes: LayeredMap.from(zone.nodes).with(changes) };
}

/** A zone made of RRsets; of two with the same owner and type the later one stays. */
export function zoneOf(
  origin: NameKey,
  rrsets: Iterable<readonly [owner: NameKey, rrset: RRset]>,
): Zone {
  const nodes = new Map<NameKey, RRsetMap>();
  for (const [owner, rrset] of rrsets) {
    const before = nodes.get(owner);
    if (before === undefined) nodes.set(owner, new RRsetMap(rrset));
    else if (!before.has(rrset.type)) before.grow(rrset);
    else {
      const others = [...before.values()].filter((other) => other.type !== rrset.type);
      nodes.set(owner, new RRsetMap(rrset, others));
    }
  }
  return { origin, nodes };
}

/** The number of RRsets. */
export function rrsetCount({ nodes }: Zone): number {
  if (nodes instanceof PackedNodes) return nodes.rrsets;
  let count = 0;
  for (const rrsets of nodes.values()) count += rrsets.size;
  return count;
}

/** The number of records, a STEER counting as one. */
export function recordCount(zone: Zone): number {
  if (zone.nodes instanceof PackedNodes) return zone.nodes.records;
  let count = 0;
  for (const rrsets of zone.nodes.values()) {
    for (const rrset of rrsets.values()) count += rrset.rdatas.length;
  }
  return count;
}
