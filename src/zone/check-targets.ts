import { isAtOrBelow, wireNameKey } from '../wire/names.ts';
import { rdataNames } from '../wire/rdata/registry.ts';
import { typeName } from '../wire/type-names.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import { answeringNode } from './answering-node.ts';
import { cutAbove, type ZoneCuts } from './check-cuts.ts';
import { relativeName } from './owner-name.ts';
import { type ProblemList, quoted } from './problem-list.ts';
import type { NameKey, RRset, Zone } from './zone.ts';
import { nodesOwning } from './zone-walk.ts';

/** Types whose target must be a name with addresses (RFC 2181 §10.3, RFC 2782). */
const targetTypes: readonly number[] = [rrTypes.NS, rrTypes.MX, rrTypes.SRV];
/** Types whose target is most often in the own zone, where a missing dot shows. */
const aliasTypes: readonly number[] = [rrTypes.CNAME, rrTypes.DNAME, rrTypes.PTR];
const pointingTypes = new Set([...targetTypes, ...aliasTypes]);
export const addressTypes: readonly number[] = [rrTypes.A, rrTypes.AAAA, STEER];

/** What the checks of targets know besides the zone. */
export interface TargetOptions {
  readonly isDoubled: (key: NameKey) => boolean;
  /** True when addresses may have been lost to a syntax error: missing ones are then not reported. */
  readonly mayLackAddresses: boolean;
}

/** Checks, as far as the zone itself can tell, that the names in NS, MX and SRV records work. */
export function checkTargets(
  zone: Zone,
  cuts: ZoneCuts,
  problems: ProblemList,
  options: TargetOptions,
): void {
  for (const [key, node] of nodesOwning(zone.nodes, pointingTypes)) {
    for (const rrset of node.values()) {
      const isTarget = targetTypes.includes(rrset.type);
      if (!isTarget && !aliasTypes.includes(rrset.type)) continue;
      for (const target of targetsOf(rrset)) {
        if (options.isDoubled(target)) {
          const message = `${describe(zone, rrset)} names ${quoted(target)}; add a final dot`;
          problems.warn('E_ZONE_DOT', message, rrset.where);
        } else if (isTarget && target !== '.') {
          checkTarget({ zone, cuts, problems, options }, key, rrset, target);
        }
      }
    }
  }
}

interface TargetCheck {
  readonly zone: Zone;
  readonly cuts: ZoneCuts;
  readonly problems: ProblemList;
  readonly options: TargetOptions;
}

function checkTarget(check: TargetCheck, key: NameKey, rrset: RRset, target: NameKey): void {
  const { zone, cuts, problems, options } = check;
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
  if (options.mayLackAddresses) return;
  if (node !== undefined && addressTypes.some((type) => node.has(type))) return;
  const cut = cutAbove(target, cuts, zone.origin);
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
