import type { Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { isAtOrBelow } from '../wire/names.ts';
import { rrTypes } from '../wire/types.ts';
import { checkAlias } from './check-aliases.ts';
import { checkCuts, ZoneCuts } from './check-cuts.ts';
import { checkNode } from './check-node.ts';
import { addressTypes, checkTargets, isDoubled, type NameCheck } from './check-targets.ts';
import { recordCount } from './edit-zone.ts';
import { ProblemList, type ProblemSink, quoted } from './problem-list.ts';
import type { NameKey, RRset, Zone } from './zone.ts';
import type { ZoneLinks } from './zone-links.ts';
import { namesInDoubt } from './zone-walk.ts';

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

const flawless = new WeakSet<Zone>();

/** True for a zone that was noted for having no problems, not even warnings. */
export function isFlawless(zone: Zone): boolean {
  return flawless.has(zone);
}

/** Notes that checking a zone as a whole found nothing, so that it need not be done again. */
export function noteFlawless(zone: Zone): void {
  flawless.add(zone);
}

/** `checkZone` into a list that has problems already. */
export function findProblems(zone: Zone, problems: ProblemList, options: CheckOptions): void {
  checkApex(zone, problems, options);
  const check = nameCheck(zone, undefined, options);
  for (const [key, node] of namesToCheck(check)) checkName(check, key, node, problems);
  checkSize(recordCount(zone), problems, options);
}

/** What `checkName` knows of a zone; its links where they are known, for they take longer than a check. */
export function nameCheck(
  zone: Zone,
  links: ZoneLinks | undefined,
  options: CheckOptions = {},
): NameCheck {
  const { origin } = zone;
  return {
    zone,
    cuts: new ZoneCuts(zone, links),
    doubledEnd: origin === '.' ? undefined : `.${origin}${origin}`,
    mayLackAddresses: addressTypes.some((type) => options.mayBeMissing?.(type)),
  };
}

/** The names with which something may be wrong. */
export function namesToCheck({ zone, doubledEnd }: NameCheck): ReturnType<typeof namesInDoubt> {
  return namesInDoubt(zone.nodes, doubledEnd?.slice(0, -zone.origin.length - 1));
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
