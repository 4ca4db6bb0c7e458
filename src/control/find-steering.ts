import { limits } from '../base/limits.ts';
import { isAtOrBelow, nameBytes, parentKey, parseName, wireNameKey } from '../wire/names.ts';
import { typeName } from '../wire/type-names.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';

/** What the data plane makes of a question for addresses, in one word. */
export type SteeringOutcome =
  | 'steered'
  /** The zone's own A or AAAA records. */
  | 'static'
  | 'nodata'
  | 'nxdomain'
  /** A referral to the name servers of a zone cut. */
  | 'delegated'
  /** No zone here holds the name asked for. */
  | 'refused'
  /** CNAMEs or DNAMEs lead out of the zones here, in a circle or too far: resolvers go on alone. */
  | 'elsewhere'
  /** What a DNAME makes of the name is too long: YXDOMAIN (RFC 6672 §2.2). */
  | 'too-long';

/** How a name comes to be steered, or what it is instead. */
export interface Steering {
  readonly outcome: SteeringOutcome;
  readonly zone: NameKey | undefined;
  /** Only where the outcome is `steered`. */
  readonly service: string | undefined;
  /** The record's own TTL, where it has one. */
  readonly ttlSeconds: number | undefined;
  /** A sentence for explain: `static`, `NXDOMAIN`, `CNAME to www.example.com., steered to web` … */
  readonly note: string;
}

type RRsets = ReadonlyMap<number, RRset>;

/** What one zone says of a name. */
type Found =
  | { readonly kind: 'rrsets'; readonly rrsets: RRsets; readonly wildcard?: NameKey }
  | { readonly kind: 'cut' | 'dname'; readonly owner: NameKey; readonly rrsets: RRsets }
  | { readonly kind: 'nothing' };

const noRRsets: RRsets = new Map();

/**
 * Follows a name through zones, wildcards, CNAMEs and DNAMEs to its STEER record, as the data plane
 * does for a question of this type (RFC 1034 §4.3.2, RFC 4592, RFC 6672). `name` is absolute and lower
 * case.
 */
export function findSteering(
  zones: ReadonlyMap<NameKey, Zone>,
  name: NameKey,
  type: typeof rrTypes.A | typeof rrTypes.AAAA = rrTypes.A,
): Steering {
  const via: string[] = [];
  const chain = new Set<NameKey>();
  for (let at = name; ; ) {
    const zone = closestZone(zones, at);
    const end = (outcome: SteeringOutcome, note: string): Steering => ({
      outcome,
      zone: zone?.origin,
      service: undefined,
      ttlSeconds: undefined,
      note: [...via, note].join(', '),
    });
    if (zone === undefined && chain.size === 0)
      return end('refused', 'REFUSED: outside every zone');
    if (zone === undefined) return end('elsewhere', 'outside every zone');
    if (chain.has(at)) return end('elsewhere', 'which leads in a circle');
    chain.add(at);
    const found = findRRsets(zone, at);
    if (found.kind === 'nothing') return end('nxdomain', 'NXDOMAIN');
    if (found.kind === 'cut') return end('delegated', `delegated at ${found.owner}`);
    if (found.kind === 'rrsets' && found.wildcard !== undefined) {
      via.push(`wildcard ${found.wildcard}`);
    }
    const steer = found.rrsets.get(STEER);
    if (found.kind === 'rrsets' && steer !== undefined) {
      const service = new TextDecoder().decode(steer.rdatas[0]);
      return { ...end('steered', `steered to ${service}`), service, ttlSeconds: steer.ttl };
    }
    if (found.kind === 'rrsets' && found.rrsets.has(type)) return end('static', 'static addresses');
    const next =
      found.kind === 'dname'
        ? redirect(at, found.owner, found.rrsets)
        : aliasOf(found.rrsets.get(rrTypes.CNAME));
    if (next === undefined) {
      if (found.rrsets.size === 0) return end('nodata', 'NODATA: an empty non-terminal');
      return end('nodata', `NODATA: no ${typeName(type)} record`);
    }
    if (found.kind === 'dname') via.push(`DNAME at ${found.owner}`);
    if (next === 'too-long') return end('too-long', 'YXDOMAIN: what it makes is too long');
    via.push(found.kind === 'dname' ? `on to ${next}` : `CNAME to ${next}`);
    if (chain.size > limits.cnameChain) {
      return end('elsewhere', `which is over ${limits.cnameChain} CNAMEs and DNAMEs`);
    }
    at = next;
  }
}

function aliasOf(cname: RRset | undefined): NameKey | undefined {
  const target = cname?.rdatas[0];
  return target === undefined ? undefined : wireNameKey(target);
}

/** The name with the DNAME's owner at its end replaced by the DNAME's target (RFC 6672 §2.2). */
function redirect(name: NameKey, owner: NameKey, rrsets: RRsets): NameKey | 'too-long' | undefined {
  const target = rrsets.get(rrTypes.DNAME)?.rdatas[0];
  if (target === undefined) return undefined;
  const prefix = owner === '.' ? name : name.slice(0, name.length - owner.length);
  const bytes = wireBytes(name) - wireBytes(owner) + nameBytes(target);
  if (bytes > limits.nameBytes) return 'too-long';
  const targetKey = wireNameKey(target);
  return targetKey === '.' ? prefix : `${prefix}${targetKey}`;
}

function wireBytes(key: NameKey): number {
  const wire = parseName(key);
  return wire instanceof Uint8Array ? wire.length : limits.nameBytes;
}

function closestZone(zones: ReadonlyMap<NameKey, Zone>, name: NameKey): Zone | undefined {
  for (let at: NameKey | undefined = name; at !== undefined; at = parentKey(at)) {
    const zone = zones.get(at);
    if (zone !== undefined) return zone;
  }
  return undefined;
}

/** `name` lies in the zone. */
function findRRsets(zone: Zone, name: NameKey): Found {
  // From the name up to the apex.
  const path: NameKey[] = [];
  for (let at: NameKey | undefined = name; at !== undefined; at = parentKey(at)) {
    path.push(at);
    if (at === zone.origin) break;
  }
  for (const at of path.toReversed()) {
    const rrsets = zone.nodes.get(at);
    if (rrsets === undefined) continue;
    // NS at a wildcard is data like any other (RFC 4592 §4.2).
    const isCut = at !== zone.origin && !at.startsWith('*.') && rrsets.has(rrTypes.NS);
    if (isCut) return { kind: 'cut', owner: at, rrsets };
    if (at !== name && rrsets.has(rrTypes.DNAME)) return { kind: 'dname', owner: at, rrsets };
  }
  const encloser = closestEncloser(zone, path);
  if (encloser === name) return { kind: 'rrsets', rrsets: zone.nodes.get(name) ?? noRRsets };
  const wildcard = encloser === '.' ? '*.' : `*.${encloser}`;
  const rrsets = zone.nodes.get(wildcard) ?? (hasNamesBelow(zone, wildcard) ? noRRsets : undefined);
  return rrsets === undefined ? { kind: 'nothing' } : { kind: 'rrsets', rrsets, wildcard };
}

/**
 * The longest name of the path (from the name up to the apex) that exists, empty non-terminals included
 * (RFC 4592 §3.3.1). Zones do not list those, so that all names may have to be looked through: once.
 */
function closestEncloser(zone: Zone, path: readonly NameKey[]): NameKey {
  const owned = path.findIndex((at) => zone.nodes.has(at));
  // Above a name with records everything exists; only what is further down is in question.
  const candidates = owned < 0 ? path.slice(0, -1) : path.slice(0, owned);
  let deepest = candidates.length;
  const shallowest = candidates.at(-1);
  if (shallowest === undefined) return path[deepest] ?? zone.origin;
  for (const key of zone.nodes.keys()) {
    if (!isAtOrBelow(key, shallowest)) continue;
    while (deepest > 0 && isAtOrBelow(key, candidates[deepest - 1] ?? '.')) deepest -= 1;
    if (deepest === 0) break;
  }
  return path[deepest] ?? zone.origin;
}

function hasNamesBelow(zone: Zone, name: NameKey): boolean {
  for (const key of zone.nodes.keys()) if (isAtOrBelow(key, name)) return true;
  return false;
}
