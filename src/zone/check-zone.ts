import type { Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { finishSteps } from '../base/steps.ts';
import { isAtOrBelow } from '../wire/names.ts';
import { rrTypes } from '../wire/types.ts';
import { checkAlias } from './check-aliases.ts';
import { checkCuts, ZoneCuts } from './check-cuts.ts';
import { checkNode } from './check-node.ts';
import { addressTypes, checkTargets, isDoubled, type NameCheck } from './check-targets.ts';
import { ProblemList, type ProblemSink, quoted } from './problem-list.ts';
import type { NameKey, RRset, Zone } from './zone.ts';
import { findLinks, type ZoneLinks } from './zone-links.ts';

/** What the checks know besides the zone. */
export interface CheckOptions {
  /** Where problems of the zone as a whole are said to be. */
  readonly file?: string;
  /** True for types of which a record may have been lost to a syntax error. */
  readonly mayBeMissing?: (type: number) => boolean;
}

/**
 * Checks what the records of a zone say together: one SOA, NS at the apex, what may stand beside a
 * CNAME, DNAME or STEER, zone cuts and glue, targets, and the caps of `base/limits.ts`.
 */
export function checkZone(zone: Zone): Problem[] {
  const problems = new ProblemList();
  findProblems(zone, problems, {});
  return problems.list();
}

/** `checkZone` into a list that has problems already. */
export function findProblems(zone: Zone, problems: ProblemList, options: CheckOptions): void {
  checkApex(zone, problems, options);
  const { links, records } = finishSteps(findLinks(zone));
  const check = nameCheck(zone, links, options);
  for (const [key, node] of zone.nodes) checkName(check, key, node, problems);
  checkSize(records, problems, options);
}

/** What `checkName` knows of a zone. */
export function nameCheck(zone: Zone, links: ZoneLinks, options: CheckOptions = {}): NameCheck {
  const { origin } = zone;
  return {
    zone,
    cuts: new ZoneCuts(zone, links),
    doubledEnd: origin === '.' ? undefined : `.${origin}${origin}`,
    mayLackAddresses: addressTypes.some((type) => options.mayBeMissing?.(type)),
  };
}

/** Checks what a name is and owns, and what that has to do with the rest of its zone. */
export function checkName(
  check: NameCheck,
  key: NameKey,
  node: ReadonlyMap<number, RRset>,
  problems: ProblemSink,
): void {
  const { zone, cuts } = check;
  const { origin } = zone;
  checkNode(zone, key, node, problems);
  if (!isAtOrBelow(key, origin)) {
    const message = `${quoted(key)} is not in ${origin}; move it to its own zone`;
    problems.error('E_ZONE_OUTSIDE', message, whereOf(node));
  }
  if (isDoubled(check, key)) {
    const message = `${quoted(key)} holds ${quoted(origin)} twice; add the final dot if it was meant`;
    problems.warn('E_ZONE_DOT', message, whereOf(node));
  }
  checkAlias(zone, key, node, problems);
  checkCuts(zone, key, node, cuts, problems);
  checkTargets(check, key, node, problems);
}

function whereOf(node: ReadonlyMap<number, RRset>): string | undefined {
  const first: RRset | undefined = node.values().next().value;
  return first?.where;
}

/** RFC 1035 §5.2 item 2 and §6.1.2: one SOA at the apex, and name servers. */
export function checkApex(zone: Zone, problems: ProblemSink, options: CheckOptions = {}): void {
  const { file, mayBeMissing = () => false } = options;
  const apex = zone.nodes.get(zone.origin);
  const soa = apex?.get(rrTypes.SOA);
  if (soa === undefined && !mayBeMissing(rrTypes.SOA)) {
    const message = `${zone.origin} has no SOA at its apex; add one`;
    problems.error('E_ZONE_SOA', message, file);
  } else if (soa !== undefined && soa.rdatas.length > 1) {
    const message = `${zone.origin} has ${soa.rdatas.length} SOA records; leave one`;
    problems.error('E_ZONE_SOA', message, soa.where ?? file);
  }
  if (apex?.get(rrTypes.NS) === undefined && !mayBeMissing(rrTypes.NS)) {
    const message = `${zone.origin} has no NS at its apex; name its servers`;
    problems.error('E_ZONE_NS', message, soa?.where ?? file);
  }
}

/** Checks how many records a zone has. */
export function checkSize(
  records: number,
  problems: ProblemSink,
  options: CheckOptions = {},
): void {
  if (records <= limits.recordsPerZone) return;
  const message = `the zone has ${records} records, over ${limits.recordsPerZone}; split it`;
  problems.error('E_ZONE_TOO_LARGE', message, options.file);
}
