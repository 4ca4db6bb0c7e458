import type { NewObjects } from '../store/store.ts';
import { PackedNodes } from '../zone/packed-nodes.ts';
import { rrsetToJson } from '../zone/rrset-json.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';
import { rrsetId } from './object-ids.ts';
import { ObjectLines } from './object-lines.ts';

/**
 * The objects of zones that are not there yet, as the store takes them: each zone, then its rrsets.
 * Octet for octet what the changes of `zoneWrites` would come to.
 */
export function* newObjectsOf(zones: Iterable<Zone>): Generator<NewObjects, undefined> {
  const lines = new ObjectLines();
  for (const zone of zones) {
    lines.add('zone', zone.origin, '{}');
    if (lines.isFull) yield lines.take();
    yield* zone.nodes instanceof PackedNodes
      ? addPacked(zone.origin, zone.nodes, lines)
      : addEach(zone, lines);
  }
  if (!lines.isEmpty) yield lines.take();
}

function* addEach({ origin, nodes }: Zone, lines: ObjectLines): Generator<NewObjects, undefined> {
  for (const [owner, rrsets] of nodes) {
    for (const rrset of rrsets.values()) {
      addRRset(origin, owner, rrset, lines);
      if (lines.isFull) yield lines.take();
    }
  }
}

/** The same, without objects for what is usual. */
function* addPacked(
  origin: NameKey,
  nodes: PackedNodes,
  lines: ObjectLines,
): Generator<NewObjects, undefined> {
  const { arena } = nodes;
  lines.beginZone(origin);
  for (let name = nodes.firstName; name >= 0; name = arena.nextName(name)) {
    for (let rrset = arena.firstRRset(name); rrset >= 0; rrset = arena.nextRRset(rrset)) {
      if (!lines.addPacked(arena, name, rrset)) {
        addRRset(origin, nodes.keyOf(name), nodes.rrset(name, rrset), lines);
      }
      if (lines.isFull) yield lines.take();
    }
  }
}

function addRRset(origin: NameKey, owner: NameKey, rrset: RRset, lines: ObjectLines): void {
  const id = rrsetId(origin, owner, rrset.type);
  lines.add('rrset', id, JSON.stringify(rrsetToJson(rrset)));
}
