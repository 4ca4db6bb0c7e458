import { isAtOrBelow, wireNameKey } from '../wire/names.ts';
import { rdataNames } from '../wire/rdata/registry.ts';
import { typeName } from '../wire/type-names.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import { answeringNode } from './answering-node.ts';
import type { ZoneCuts } from './check-cuts.ts';
import { relativeName } from './owner-name.ts';
import { type ProblemSink, quoted } from './problem-list.ts';
import type { NameKey, RRset, Zone } from './zone.ts';

/** Types whose target must be a name with addresses (RFC 2181 §10.3, RFC 2782). */
const targetTypes: readonly number[] = [rrTypes.NS, rrTypes.MX, rrTypes.SRV];
/** Types whose target is most often in the own zone, where a missing dot shows. */
const aliasTypes: readonly number[] = [rrTypes.CNAME, rrTypes.DNAME, rrTypes.PTR];
export const addressTypes: readonly number[] = [rrTypes.A, rrTypes.AAAA, STEER];

/** What the checks of names know besides the name. */
export interface NameCheck {
  readonly zone: Zone;
  readonly cuts: ZoneCuts;
  /** How names end that hold their zone's origin twice; undefined for the root's. */
  readonly doubledEnd: string | undefined;
  /** True when addresses may have been lost to a syntax error: missing ones are then not reported. */
  readonly mayLackAddresses: boolean;
}

/** True for a name that holds its zone's origin twice, as one without its final dot would. */
export function isDoubled({ doubledEnd }: NameCheck, key: NameKey): boolean {
  return doubledEnd !== undefined && (key.endsWith(doubledEnd) || key === doubledEnd.slice(1));
}

/** Checks, as far as the zone itself can tell, that the names work that a name's records point at. */
export function checkTargets(
  check: NameCheck,
  key: NameKey,
  node: ReadonlyMap<number, RRset>,
  problems: ProblemSink,
): void {
  for (const rrset of node.values()) {
    const isTarget = targetTypes.includes(rrset.type);
    if (!isTarget && !aliasTypes.includes(rrset.type)) continue;
    for (const target of targetsOf(rrset)) {
      if (isDoubled(check, target)) {
        const message = `${describe(check.zone, rrset)} names ${quoted(target)}; add a final dot`;
        problems.warn('E_ZONE_DOT', message, rrset.where);
      } else if (isTarget && target !== '.') {
        checkTarget(check, key, rrset, target, problems);
      }
    }
  }
}

function checkTarget(
  check: NameCheck,
  key: NameKey,
  rrset: RRset,
  target: NameKey,
  problems: ProblemSink,
): void {
  const { zone, cuts, mayLackAddresses } = check;
  const warn = (code: 'E_ZONE_GLUE' | 'E_ZONE_TARGET', rest: string) => {
    problems.warn(code, `${describe(zone, rrset)} names ${quoted(target)}, ${rest}`, rrset.where);
  };
  if (/^\d+\.\d+\.\d+\.\d+\./.test(target)) {
    warn('E_ZONE_TARGET', 'which looks like an address; give a name that has it');
    return;
  }
  if (!isAtOrBelow(target, zone.origin)) return;
  const node = answeringNode(zone, target);
  if (node?.has(rrTypes.CNAME)) {
    warn('E_ZONE_TARGET', 'which is a CNAME (RFC 2181 §10.3); name its target');
    return;
  }
  if (mayLackAddresses) return;
  if (node !== undefined && addressTypes.some((type) => node.has(type))) return;
  const cut = cuts.above(target);
  if (rrset.type === rrTypes.NS) {
    // The address of a server in another delegated zone is that zone's to give.
    if (cut !== undefined && key !== zone.origin && cut !== key) return;
    const what = cut === undefined ? 'which has no A or AAAA' : 'for which there is no glue';
    warn('E_ZONE_GLUE', `${what}; add its address`);
  } else if (cut === undefined) {
    warn('E_ZONE_TARGET', 'which has no A or AAAA; add one or name another');
  }
}

/** The names that a record points at. */
function targetsOf(rrset: RRset): NameKey[] {
  return rrset.rdatas.flatMap((rdata) => {
    return rdataNames(rrset.type, rdata).map((name) => wireNameKey(rdata, name.at));
  });
}

function describe(zone: Zone, rrset: RRset): string {
  return `${typeName(rrset.type)} at ${quoted(relativeName(rrset.owner, zone.origin))}`;
}
