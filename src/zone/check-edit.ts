import type { Problem } from '../base/errors.ts';
import { finishSteps, type Steps } from '../base/steps.ts';
import { changedNames } from './changed-names.ts';
import {
  checkApex,
  checkName,
  checkSize,
  checkZone,
  nameCheck,
  namesToCheck,
} from './check-zone.ts';
import { findConcernedNames } from './concerned-names.ts';
import { recordCount } from './edit-zone.ts';
import { LayeredMap } from './layered-map.ts';
import { NameProblems, ProblemList } from './problem-list.ts';
import type { NameKey, Zone } from './zone.ts';
import { findLinks, followLinks } from './zone-links.ts';

/** What was found in a version of a zone. */
interface CheckedZone {
  readonly records: number;
  /** Of names with which something is wrong, what. */
  readonly problems: LayeredMap<NameKey, readonly Problem[]>;
  /** Names to begin with when problems are listed: those of the edit. */
  readonly first: readonly NameKey[];
}

/** Zones of fewer names are checked as a whole in no time. */
export const minCheckedNames = 1000;

/** Names concerned beyond which checking the whole zone is as good: so many, or one part in so many. */
const mostNames = 1000;
const namesShare = 16;

/** Names that are checked in one step. */
const stepNames = 200;

const checkedZones = new WeakMap<Zone, CheckedZone>();

/**
 * Checks a zone as `checkZone` does, with the same result; where its version before was checked, at the
 * cost of what the edit concerns. Zones of fewer than `least` names are always checked as a whole.
 */
export function checkEdit(
  before: Zone | undefined,
  after: Zone,
  least: number = minCheckedNames,
): Problem[] {
  if (after.nodes.size < least) return checkZone(after);
  const checked =
    checkedZones.get(after) ?? followCheck(before, after) ?? finishSteps(checkWhole(after));
  return listProblems(after, checked);
}

/**
 * Checks a zone as a whole in steps, where `checkEdit` would have to do so at once: then that only asks
 * for what was found.
 */
export function* checkAhead(before: Zone | undefined, after: Zone): Steps<void> {
  if (after.nodes.size < minCheckedNames || checkedZones.has(after)) return;
  if (followCheck(before, after) === undefined) yield* checkWhole(after);
}

/** Checks every name of a zone, whose next version can then be checked by what changes. */
export function* checkWhole(zone: Zone): Steps<CheckedZone> {
  const check = nameCheck(zone, yield* findLinks(zone));
  const problems = new Map<NameKey, readonly Problem[]>();
  let names = 0;
  let sink = new NameProblems();
  for (const [key, node] of namesToCheck(check)) {
    checkName(check, key, node, sink);
    if (sink.found.length > 0) {
      problems.set(key, sink.found);
      sink = new NameProblems();
    }
    names += 1;
    if (names % stepNames === 0) yield;
  }
  const records = recordCount(zone);
  const checked = { records, problems: LayeredMap.from(problems), first: [] };
  checkedZones.set(zone, checked);
  return checked;
}

/**
 * Finds what is wrong with a zone by what was found in its version before, for the edits that come;
 * undefined where that is not known, or not enough.
 */
export function followCheck(
  before: Zone | undefined,
  after: Zone | undefined,
): CheckedZone | undefined {
  const old = before === undefined ? undefined : checkedZones.get(before);
  if (before === undefined || after === undefined || old === undefined) return undefined;
  const most = Math.max(mostNames, Math.floor(after.nodes.size / namesShare));
  const changed = changedNames(before, after, most);
  if (changed === undefined) return undefined;
  const links = followLinks(before, after, changed);
  const concerned = findConcernedNames(before, after, changed, links, most);
  if (concerned === undefined) return undefined;
  const check = nameCheck(after, links);
  const problems = new Map<NameKey, readonly Problem[] | undefined>();
  for (const key of concerned) {
    const node = after.nodes.get(key);
    const sink = new NameProblems();
    if (node !== undefined) checkName(check, key, node, sink);
    if (sink.found.length > 0) problems.set(key, sink.found);
    else if (old.problems.has(key)) problems.set(key, undefined);
  }
  const grown = changed.reduce(
    (sum, key) => sum + recordsAt(after, key) - recordsAt(before, key),
    0,
  );
  const checked: CheckedZone = {
    records: old.records + grown,
    problems: problems.size === 0 ? old.problems : old.problems.with(problems),
    first: [...problems.keys()],
  };
  checkedZones.set(after, checked);
  return checked;
}

function recordsAt(zone: Zone, key: NameKey): number {
  let records = 0;
  for (const { rdatas } of zone.nodes.get(key)?.values() ?? []) records += rdatas.length;
  return records;
}

/** What `checkZone` would say, what the edit has to do with first. */
function listProblems(zone: Zone, { records, problems, first }: CheckedZone): Problem[] {
  const list = new ProblemList();
  checkApex(zone, list);
  checkSize(records, list);
  const listed = new Set(first);
  for (const key of listed) for (const problem of problems.get(key) ?? []) list.add(problem);
  for (const [key, found] of problems) {
    if (listed.has(key)) continue;
    for (const problem of found) list.add(problem);
  }
  return list.list();
}
