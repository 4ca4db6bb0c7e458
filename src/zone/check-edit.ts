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
import { LayeredMap } from './layered-map.ts';
import { NameProblems, ProblemList } from './problem-list.ts';
import type { NameKey, Zone } from './zone.ts';
import { findLinks, followLinks, knownLinks } from './zone-links.ts';

type NamedProblems = ReadonlyMap<NameKey, readonly Problem[]>;

/**
 * What was found in a version of a zone, by name:
 *
 *   edited   names that edits since have concerned, those with nothing wrong too    decides
 *   whole    names with something wrong when the zone was checked as a whole
 */
interface CheckedZone {
  readonly records: number;
  readonly edited: LayeredMap<NameKey, readonly Problem[]>;
  /** Shared with the versions that were made of that one; without problems until it has been checked. */
  readonly whole: { problems?: NamedProblems };
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
 * cost of what the edit concerns. While a stored zone is not looked over yet (`expectCheck`), what the
 * edit has nothing to do with is left out. Zones of fewer than `least` names are always checked as a
 * whole.
 */
export function checkEdit(
  before: Zone | undefined,
  after: Zone,
  least: number = minCheckedNames,
): Problem[] {
  if (after.nodes.size < least) return checkZone(after);
  return listProblems(after, followCheck(before, after) ?? finishSteps(checkWhole(after)));
}

/**
 * Checks a zone as a whole in steps, where `checkEdit` would have to do so at once: then that only asks
 * for what was found.
 */
export function* checkAhead(before: Zone | undefined, after: Zone): Steps<void> {
  if (after.nodes.size < minCheckedNames || followCheck(before, after) !== undefined) return;
  yield* checkWhole(after);
}

/** Checks every name of a zone; what is known of versions that were made of it meanwhile is then whole. */
export function* checkWhole(zone: Zone): Steps<CheckedZone> {
  const { links, records } = yield* findLinks(zone);
  const check = nameCheck(zone, links);
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
  const checked = checkedZones.get(zone) ?? uncheckedZone(records);
  checked.whole.problems ??= problems;
  checkedZones.set(zone, checked);
  return checked;
}

function uncheckedZone(records: number): CheckedZone {
  return { records, edited: LayeredMap.from(new Map()), whole: {} };
}

/**
 * Takes a zone to be right that is stored, until `checkWhole` has gone through it: edits then need not
 * wait for that.
 */
export function expectCheck(zone: Zone): void {
  const linked = knownLinks(zone);
  if (linked !== undefined && !checkedZones.has(zone)) {
    checkedZones.set(zone, uncheckedZone(linked.records));
  }
}

/**
 * Finds what is wrong with a zone by what is known of its version before, for the edits that come;
 * undefined where that is not enough.
 */
export function followCheck(
  before: Zone | undefined,
  after: Zone | undefined,
): CheckedZone | undefined {
  if (after === undefined) return undefined;
  const known = checkedZones.get(after);
  if (known !== undefined) return known;
  const old = before === undefined ? undefined : checkedZones.get(before);
  if (before === undefined || old === undefined) return undefined;
  const most = Math.max(mostNames, Math.floor(after.nodes.size / namesShare));
  const changed = changedNames(before, after, most);
  if (changed === undefined) return undefined;
  const { links, records } = followLinks(before, after, changed);
  const concerned = findConcernedNames(before, after, changed, links, most);
  if (concerned === undefined) return undefined;
  const check = nameCheck(after, links);
  const edited = new Map<NameKey, readonly Problem[] | undefined>();
  for (const key of concerned) {
    const node = after.nodes.get(key);
    const sink = new NameProblems();
    if (node !== undefined) checkName(check, key, node, sink);
    const isRight = sink.found.length === 0;
    const wasRight = old.whole.problems?.has(key) === false;
    if (!isRight || !wasRight) edited.set(key, sink.found);
    else if (old.edited.has(key)) edited.set(key, undefined);
  }
  const checked = {
    records,
    edited: edited.size === 0 ? old.edited : old.edited.with(edited),
    whole: old.whole,
  };
  checkedZones.set(after, checked);
  return checked;
}

/** What `checkZone` would say. */
function listProblems(zone: Zone, { records, edited, whole }: CheckedZone): Problem[] {
  const list = new ProblemList();
  checkApex(zone, list);
  checkSize(records, list);
  for (const found of edited.values()) for (const problem of found) list.add(problem);
  for (const [key, found] of whole.problems ?? []) {
    if (edited.has(key)) continue;
    for (const problem of found) list.add(problem);
  }
  return list.list();
}
