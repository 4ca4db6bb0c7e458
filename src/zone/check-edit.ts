import type { Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { wireNameKey } from '../wire/names.ts';
import { rrTypes } from '../wire/types.ts';
import { checkZone, findNamesProblems, isFlawless } from './check-zone.ts';
import { recordCount } from './edit-zone.ts';
import { additionalTargets, plainChanges } from './plain-changes.ts';
import type { NameKey, RRset, Zone } from './zone.ts';
import { nodesOwning } from './zone-walk.ts';

/** What is known of a version of a zone in which nothing is wrong. */
interface CleanZone {
  readonly records: number;
  /** The names that its records point at, of which other records are judged. */
  readonly targets: ReadonlySet<NameKey>;
}

/** Zones of fewer names are checked as a whole in no time. */
const minNames = 1000;

const cleanZones = new WeakMap<Zone, CleanZone>();

/**
 * Checks a zone as `checkZone` does, with the same result; where its version before had no problems and
 * only names changed that stand for themselves, at the cost of those. Zones of fewer than `least` names
 * are always checked as a whole.
 */
export function checkEdit(
  before: Zone | undefined,
  after: Zone,
  least: number = minNames,
): Problem[] {
  const clean = before === undefined ? undefined : cleanZones.get(before);
  if (before !== undefined && clean !== undefined) {
    const changed = plainChanges(before, after, clean.targets);
    if (changed !== undefined && !changed.some((key) => isAliasChange(before, after, key))) {
      const records =
        clean.records + changed.reduce((sum, key) => sum + grown(before, after, key), 0);
      if (records <= limits.recordsPerZone) {
        const problems = findNamesProblems(after, changed, changedNodes(before, after, changed));
        if (problems.length === 0) cleanZones.set(after, { ...clean, records });
        return problems;
      }
    }
  }
  const problems = isFlawless(after) ? [] : checkZone(after);
  if (problems.length === 0 && after.nodes.size >= least) {
    const targets = new Set([...additionalTargets(after), ...aliasTargets(after)]);
    cleanZones.set(after, { records: recordCount(after), targets });
  }
  return problems;
}

/** Chains of aliases are judged by all of their links. */
function isAliasChange(before: Zone, after: Zone, key: NameKey): boolean {
  const type = rrTypes.CNAME;
  return before.nodes.get(key)?.get(type) !== after.nodes.get(key)?.get(type);
}

const aliasTypes = new Set([rrTypes.CNAME]);

function aliasTargets(zone: Zone): NameKey[] {
  const targets: NameKey[] = [];
  for (const [, rrsets] of nodesOwning(zone.nodes, aliasTypes)) {
    for (const rdata of rrsets.get(rrTypes.CNAME)?.rdatas ?? []) targets.push(wireNameKey(rdata));
  }
  return targets;
}

function grown(before: Zone, after: Zone, key: NameKey): number {
  const count = (zone: Zone) =>
    [...(zone.nodes.get(key)?.values() ?? [])].reduce((sum, { rdatas }) => sum + rdatas.length, 0);
  return count(after) - count(before);
}

/** Of the names that changed, the RRsets that did: what they point at is to be looked at. */
function changedNodes(
  before: Zone,
  after: Zone,
  changed: readonly NameKey[],
): ReadonlyMap<NameKey, ReadonlyMap<number, RRset>> {
  return new Map(
    changed.map((key) => {
      const old = before.nodes.get(key);
      const now = [...(after.nodes.get(key)?.values() ?? [])];
      const moved = now.filter((rrset) => old?.get(rrset.type) !== rrset);
      return [key, new Map(moved.map((rrset) => [rrset.type, rrset]))];
    }),
  );
}
