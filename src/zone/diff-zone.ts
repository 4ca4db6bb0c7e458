import { LayeredMap } from './layered-map.ts';
import { equalRdatas } from './same-rdata.ts';
import type { NameKey, RRset, Zone } from './zone.ts';

/** One RRset before and after; absent on the side where it is not there. */
export interface RRsetDifference {
  readonly owner: NameKey;
  readonly type: number;
  readonly before?: RRset;
  readonly after?: RRset;
}

/**
 * What differs between two versions of a zone, by owner and type. TTL, rdata and its order count;
 * the case of the owner and where a record came from do not. Versions that `editZone` made of each
 * other are compared at the cost of their edits. An absent zone has no RRsets.
 */
export function diffZones(before: Zone | undefined, after: Zone | undefined): RRsetDifference[] {
  const differences: RRsetDifference[] = [];
  if (before === after) return differences;
  const left = before?.nodes ?? noNodes;
  const right = after?.nodes ?? noNodes;
  const changed = LayeredMap.changedKeys(left, right);
  for (const owner of changed ?? left.keys()) {
    diffNodes(owner, left.get(owner), right.get(owner), differences);
  }
  if (changed === undefined) {
    for (const [owner, node] of right) {
      if (!left.has(owner)) diffNodes(owner, undefined, node, differences);
    }
  }
  return differences;
}

/** True when TTL and rdata are the same, octet for octet and in the same order. */
export function equalRRsets(a: RRset, b: RRset): boolean {
  return a === b || (a.type === b.type && a.ttl === b.ttl && equalRdatas(a.rdatas, b.rdatas));
}

type Node = ReadonlyMap<number, RRset>;

const noNodes: ReadonlyMap<NameKey, Node> = new Map();

function diffNodes(
  owner: NameKey,
  before: Node | undefined,
  after: Node | undefined,
  differences: RRsetDifference[],
): void {
  if (before === after) return;
  for (const old of before?.values() ?? []) {
    const now = after?.get(old.type);
    if (now === undefined) differences.push({ owner, type: old.type, before: old });
    else if (!equalRRsets(old, now)) {
      differences.push({ owner, type: old.type, before: old, after: now });
    }
  }
  for (const now of after?.values() ?? []) {
    if (before?.get(now.type) === undefined) {
      differences.push({ owner, type: now.type, after: now });
    }
  }
}
