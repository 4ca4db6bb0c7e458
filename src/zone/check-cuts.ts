import { parentKey, wireNameKey } from '../wire/names.ts';
import { rdataNames } from '../wire/rdata/registry.ts';
import { typeName } from '../wire/type-names.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import { relativeName } from './owner-name.ts';
import { type ProblemList, quoted } from './problem-list.ts';
import type { NameKey, RRset, Zone } from './zone.ts';
import { nodesOwning } from './zone-walk.ts';

/** Where authority ends inside a zone. */
export interface ZoneCuts {
  /** Owners of NS other than the apex. */
  readonly delegated: ReadonlySet<NameKey>;
  /** Owners of a DNAME. */
  readonly redirected: ReadonlySet<NameKey>;
  /** Every name that some NS record of the zone names. */
  readonly nameServers: ReadonlySet<NameKey>;
}

const cutTypes = new Set([rrTypes.DNAME, rrTypes.NS]);

/** What the parent's side of a zone cut owns (RFC 4035 §2.5, §3.1.4.1). */
const parentTypes: readonly number[] = [rrTypes.NS, rrTypes.DS, rrTypes.NSEC, rrTypes.RRSIG];

/** Finds the zone cuts and DNAMEs of a zone. */
export function findCuts(zone: Zone): ZoneCuts {
  const delegated = new Set<NameKey>();
  const redirected = new Set<NameKey>();
  const nameServers = new Set<NameKey>();
  for (const [key, node] of nodesOwning(zone.nodes, cutTypes)) {
    if (node.has(rrTypes.DNAME)) redirected.add(key);
    const ns = node.get(rrTypes.NS);
    if (ns === undefined) continue;
    if (key !== zone.origin) delegated.add(key);
    for (const rdata of ns.rdatas) {
      const [name] = rdataNames(rrTypes.NS, rdata);
      if (name !== undefined) nameServers.add(wireNameKey(rdata, name.at));
    }
  }
  return { delegated, redirected, nameServers };
}

/** The highest zone cut at or above a name; undefined when the zone has authority for it. */
export function cutAbove(key: NameKey, cuts: ZoneCuts, origin: NameKey): NameKey | undefined {
  return highest(key, cuts.delegated, origin);
}

/** Checks that nothing stands where a delegation or a DNAME answers instead. */
export function checkCuts(zone: Zone, cuts: ZoneCuts, problems: ProblemList): void {
  const { delegated, redirected } = cuts;
  if (delegated.size === 0 && redirected.size === 0) return;
  for (const [key, node] of zone.nodes) {
    if (key === zone.origin) continue;
    const dname = redirected.size === 0 ? undefined : above(key, redirected, zone.origin);
    if (dname !== undefined) {
      const name = quoted(relativeName(key, zone.origin));
      const owner = quoted(relativeName(dname, zone.origin));
      const message = `${name} is below the DNAME at ${owner} (RFC 6672 §2.4); remove one`;
      problems.error('E_ZONE_DNAME_CONFLICT', message, whereOf(node));
    }
    const cut = delegated.size === 0 ? undefined : cutAbove(key, cuts, zone.origin);
    if (cut !== undefined) checkOccluded(zone, key, cut, cuts, problems);
  }
}

/** RFC 1034 §4.2.1: at and below a cut there is the delegation and its glue, nothing else. */
function checkOccluded(
  zone: Zone,
  key: NameKey,
  cut: NameKey,
  cuts: ZoneCuts,
  problems: ProblemList,
): void {
  for (const rrset of zone.nodes.get(key)?.values() ?? []) {
    const { type, where } = rrset;
    if (key === cut && parentTypes.includes(type)) continue;
    const isAddress = type === rrTypes.A || type === rrTypes.AAAA;
    if (isAddress && cuts.nameServers.has(key)) continue;
    const name = `${typeName(type)} at ${quoted(relativeName(rrset.owner, zone.origin))}`;
    const owner = quoted(relativeName(cut, zone.origin));
    if (type === STEER) {
      const message = `${name} is handed away by the NS at ${owner}; remove one`;
      problems.error('E_ZONE_STEER', message, where);
    } else {
      const message = `${name} is never answered, NS at ${owner} hands it away; remove one`;
      problems.warn('E_ZONE_OCCLUDED', message, where);
    }
  }
}

function highest(key: NameKey, owners: ReadonlySet<NameKey>, origin: NameKey): NameKey | undefined {
  let found: NameKey | undefined;
  for (let name: NameKey = key; name !== origin && name !== '.'; name = parentKey(name) ?? '.') {
    if (owners.has(name)) found = name;
  }
  return found;
}

/** The nearest of `owners` strictly above `key`, the apex included. */
function above(key: NameKey, owners: ReadonlySet<NameKey>, origin: NameKey): NameKey | undefined {
  for (let name: NameKey = key; name !== origin && name !== '.'; ) {
    name = parentKey(name) ?? '.';
    if (owners.has(name)) return name;
  }
  return undefined;
}

function whereOf(node: ReadonlyMap<number, RRset>): string | undefined {
  const first: RRset | undefined = node.values().next().value;
  return first?.where;
}
