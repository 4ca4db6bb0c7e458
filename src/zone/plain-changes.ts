import { isAtOrBelow, parentKey, wireNameKey } from '../wire/names.ts';
import { additionalNames } from '../wire/rdata/registry.ts';
import { rrTypes } from '../wire/types.ts';
import { LayeredMap } from './layered-map.ts';
import type { NameKey, Zone } from './zone.ts';
import { nodesOwning } from './zone-walk.ts';

/** Types whose targets' addresses go along when they fit (RFC 1035 §3.3, RFC 2782, RFC 9460 §4.1). */
export const typesWithAdditional: ReadonlySet<number> = new Set([
  rrTypes.NS,
  rrTypes.MX,
  rrTypes.SRV,
  rrTypes.SVCB,
  rrTypes.HTTPS,
]);

/** Types whose change moves what other names answer, or what is right beside them. */
const farReaching: ReadonlySet<number> = new Set([
  ...typesWithAdditional,
  rrTypes.DNAME,
  rrTypes.DS,
  rrTypes.DNSKEY,
]);

/** Names changed at once beyond which looking at the whole zone is as good. */
const maxNames = 1000;

/** The names that the records of a zone point at whose addresses go along. */
export function additionalTargets(zone: Zone): ReadonlySet<NameKey> {
  const targets = new Set<NameKey>();
  for (const [, rrsets] of nodesOwning(zone.nodes, typesWithAdditional)) {
    for (const rrset of rrsets.values()) {
      if (!typesWithAdditional.has(rrset.type)) continue;
      for (const rdata of rrset.rdatas) {
        for (const name of additionalNames(rrset.type, rdata)) targets.add(wireNameKey(name));
      }
    }
  }
  return targets;
}

/**
 * The names that differ between two versions of a zone, shallowest first, when each of them stands for
 * itself: it has records before and after, or comes below a name that has; no zone cut or DNAME is at or
 * above it; nothing points at it (`targets`, of the version before); it is no wildcard, and no type of
 * it changed that others depend on. Undefined when that is not so: then the zone is to be seen as a whole.
 */
export function plainChanges(
  before: Zone,
  after: Zone,
  targets: ReadonlySet<NameKey>,
): readonly NameKey[] | undefined {
  const keys = LayeredMap.changedKeys(before.nodes, after.nodes);
  if (keys === undefined) return undefined;
  const changed: NameKey[] = [];
  for (const key of keys) {
    if (before.nodes.get(key) === after.nodes.get(key)) continue;
    if (changed.push(key) > maxNames || !isPlain(before, after, key, targets)) return undefined;
  }
  return changed.sort((a, b) => a.length - b.length);
}

function isPlain(before: Zone, after: Zone, key: NameKey, targets: ReadonlySet<NameKey>): boolean {
  const old = before.nodes.get(key);
  const now = after.nodes.get(key);
  // A name that goes may leave an empty non-terminal, and a wildcard stands for names unseen.
  if (now === undefined || key.startsWith('*.') || targets.has(key)) return false;
  if (old === undefined && !isPlainAddition(before, key, targets)) return false;
  for (const type of new Set([...(old?.keys() ?? []), ...now.keys()])) {
    if (old?.get(type) !== now.get(type) && farReaching.has(type)) return false;
  }
  for (let name = key; ; name = parentKey(name) ?? '.') {
    const rrsets = before.nodes.get(name);
    if (rrsets?.has(rrTypes.DNAME)) return false;
    if (name === after.origin || name === '.') return true;
    if (rrsets?.has(rrTypes.NS)) return false;
  }
}

/** A new name makes no empty non-terminals, and hides no name that is pointed at from a wildcard. */
function isPlainAddition(before: Zone, key: NameKey, targets: ReadonlySet<NameKey>): boolean {
  const parent = parentKey(key);
  if (parent === undefined || !before.nodes.has(parent)) return false;
  for (const target of targets) if (isAtOrBelow(target, key)) return false;
  return true;
}
