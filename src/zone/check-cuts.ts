import { parentKey, wireNameKey } from '../wire/names.ts';
import { typeName } from '../wire/type-names.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import { relativeName } from './owner-name.ts';
import { type ProblemSink, quoted } from './problem-list.ts';
import type { NameKey, RRset, Zone } from './zone.ts';
import type { ZoneLinks } from './zone-links.ts';
import { nodesOwning } from './zone-walk.ts';

/** Where authority ends inside a zone. */
export class ZoneCuts {
  readonly #zone: Zone;
  readonly #links: ZoneLinks | undefined;
  /** Every name that some NS record of the zone names, once somebody asks where links are not known. */
  #nameServers: ReadonlySet<NameKey> | undefined;

  constructor(zone: Zone, links: ZoneLinks | undefined) {
    this.#zone = zone;
    this.#links = links;
  }

  /** The highest zone cut at or above a name; undefined when the zone has authority for it. */
  above(key: NameKey): NameKey | undefined {
    const { nodes, origin } = this.#zone;
    let found: NameKey | undefined;
    for (let name: NameKey = key; name !== origin && name !== '.'; name = parentKey(name) ?? '.') {
      if (nodes.get(name)?.has(rrTypes.NS)) found = name;
    }
    return found;
  }

  /** The nearest owner of a DNAME strictly above a name, the apex included. */
  dnameAbove(key: NameKey): NameKey | undefined {
    const { nodes, origin } = this.#zone;
    for (let name: NameKey = key; name !== origin && name !== '.'; ) {
      name = parentKey(name) ?? '.';
      if (nodes.get(name)?.has(rrTypes.DNAME)) return name;
    }
    return undefined;
  }

  /** Whether some NS record of the zone names this. */
  isNameServer(key: NameKey): boolean {
    if (this.#links === undefined) {
      this.#nameServers ??= nameServersOf(this.#zone);
      return this.#nameServers.has(key);
    }
    return this.#links.hostedAt(key).some((owner) => {
      const servers = this.#zone.nodes.get(owner)?.get(rrTypes.NS)?.rdatas ?? [];
      return servers.some((rdata) => wireNameKey(rdata) === key);
    });
  }
}

function nameServersOf({ nodes }: Zone): ReadonlySet<NameKey> {
  const servers = new Set<NameKey>();
  for (const [, node] of nodesOwning(nodes, serverTypes)) {
    for (const rdata of node.get(rrTypes.NS)?.rdatas ?? []) servers.add(wireNameKey(rdata));
  }
  return servers;
}

const serverTypes = new Set([rrTypes.NS]);

/** What the parent's side of a zone cut owns (RFC 4035 §2.5, §3.1.4.1). */
const parentTypes: readonly number[] = [rrTypes.NS, rrTypes.DS, rrTypes.NSEC, rrTypes.RRSIG];

/** Checks that a name does not stand where a delegation or a DNAME answers instead. */
export function checkCuts(
  zone: Zone,
  key: NameKey,
  node: ReadonlyMap<number, RRset>,
  cuts: ZoneCuts,
  problems: ProblemSink,
): void {
  if (key === zone.origin) return;
  const dname = cuts.dnameAbove(key);
  if (dname !== undefined) {
    const name = quoted(relativeName(key, zone.origin));
    const owner = quoted(relativeName(dname, zone.origin));
    const message = `${name} is below the DNAME at ${owner} (RFC 6672 §2.4); remove one`;
    problems.error('E_ZONE_DNAME_CONFLICT', message, whereOf(node));
  }
  const cut = cuts.above(key);
  if (cut !== undefined) checkOccluded(zone, key, cut, cuts, problems);
}

/** RFC 1034 §4.2.1: at and below a cut there is the delegation and its glue, nothing else. */
function checkOccluded(
  zone: Zone,
  key: NameKey,
  cut: NameKey,
  cuts: ZoneCuts,
  problems: ProblemSink,
): void {
  for (const rrset of zone.nodes.get(key)?.values() ?? []) {
    const { type, where } = rrset;
    if (key === cut && parentTypes.includes(type)) continue;
    const isAddress = type === rrTypes.A || type === rrTypes.AAAA;
    if (isAddress && cuts.isNameServer(key)) continue;
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

function whereOf(node: ReadonlyMap<number, RRset>): string | undefined {
  const first: RRset | undefined = node.values().next().value;
  return first?.where;
}
