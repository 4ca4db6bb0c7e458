import type { Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { isAtOrBelow } from '../wire/names.ts';
import { rrTypes } from '../wire/types.ts';
import { checkAliases } from './check-aliases.ts';
import { checkCuts, findCuts } from './check-cuts.ts';
import { checkNode } from './check-node.ts';
import { addressTypes, checkTargets } from './check-targets.ts';
import { recordCount } from './edit-zone.ts';
import { ProblemList, quoted } from './problem-list.ts';
import type { NameKey, RRset, Zone } from './zone.ts';
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
  const { origin } = zone;
  const doubled = doubledEnd(origin);
  const records = recordCount(zone);
  for (const [key, node] of namesInDoubt(zone.nodes, doubled?.slice(0, -origin.length - 1))) {
    checkName(zone, key, node, doubled, problems);
  }
  if (records > limits.recordsPerZone) {
    const message = `the zone has ${records} records, over ${limits.recordsPerZone}; split it`;
    problems.error('E_ZONE_TOO_LARGE', message, options.file);
  }
  checkAliases(zone, problems);
  const cuts = findCuts(zone);
  checkCuts(zone, cuts, problems);
  checkTargets(zone, cuts, problems, {
    isDoubled: (key) => doubled !== undefined && isDoubled(key, doubled),
    mayLackAddresses: addressTypes.some((type) => options.mayBeMissing?.(type)),
  });
}

/**
 * What `checkZone` finds of a zone of which nothing but these names has changed since it was right, and
 * they depend on no others; `changed` has the RRsets of theirs that did.
 */
export function findNamesProblems(
  zone: Zone,
  names: readonly NameKey[],
  changed: Zone['nodes'],
): Problem[] {
  const problems = new ProblemList();
  const { origin } = zone;
  const doubled = doubledEnd(origin);
  checkApex(zone, problems, {});
  for (const key of names) {
    const node = zone.nodes.get(key);
    if (node !== undefined) checkName(zone, key, node, doubled, problems);
  }
  const cuts = { delegated: new Set<string>(), redirected: new Set<string>() };
  checkTargets({ origin, nodes: changed }, { ...cuts, nameServers: new Set() }, problems, {
    isDoubled: (key) => doubled !== undefined && isDoubled(key, doubled),
    mayLackAddresses: false,
  });
  return problems.list();
}

/** How names end that hold their zone's origin twice; undefined for the root's. */
function doubledEnd(origin: NameKey): string | undefined {
  return origin === '.' ? undefined : `.${origin}${origin}`;
}

/** Checks what a name is and owns. */
function checkName(
  zone: Zone,
  key: NameKey,
  node: ReadonlyMap<number, RRset>,
  doubled: string | undefined,
  problems: ProblemList,
): void {
  const { origin } = zone;
  checkNode(zone, key, node, problems);
  const first: RRset | undefined = node.values().next().value;
  if (!isAtOrBelow(key, origin)) {
    const message = `${quoted(key)} is not in ${origin}; move it to its own zone`;
    problems.error('E_ZONE_OUTSIDE', message, first?.where);
  }
  if (doubled !== undefined && isDoubled(key, doubled)) {
    const message = `${quoted(key)} holds ${quoted(origin)} twice; add the final dot if it was meant`;
    problems.warn('E_ZONE_DOT', message, first?.where);
  }
}

/** RFC 1035 §5.2 item 2 and §6.1.2: one SOA at the apex, and name servers. */
function checkApex(zone: Zone, problems: ProblemList, options: CheckOptions): void {
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

function isDoubled(key: NameKey, doubled: string): boolean {
  return key.endsWith(doubled) || key === doubled.slice(1);
}
