import { limits } from '../base/limits.ts';
import { formatName, isAtOrBelow, parentKey } from '../wire/names.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';

/** How a name comes to be steered, or what it is instead. */
export interface Steering {
  readonly zone: NameKey | undefined;
  readonly service: string | undefined;
  /** The record's own TTL, where it has one. */
  readonly ttlSeconds: number | undefined;
  /** A sentence for explain: `static`, `NXDOMAIN`, `CNAME to www.example.com., steered to web` … */
  readonly note: string;
}

type RRsets = ReadonlyMap<number, RRset>;

/**
 * Follows a name through zones, wildcards and CNAMEs to its STEER record, as the data plane would
 * (RFC 1034 §4.3.2, RFC 4592). `name` is absolute and lower case.
 */
export function findSteering(zones: ReadonlyMap<NameKey, Zone>, name: NameKey): Steering {
  const via: string[] = [];
  let at = name;
  for (let hop = 0; hop <= limits.cnameChain; hop += 1) {
    const zone = closestZone(zones, at);
    if (zone === undefined) {
      return steering(
        undefined,
        via,
        hop === 0 ? 'REFUSED: outside every zone' : 'outside every zone',
      );
    }
    const found = findRRsets(zone, at);
    if ('note' in found) return steering(zone.origin, via, found.note);
    if (found.wildcard !== undefined) via.push(`wildcard ${found.wildcard}`);
    const steer = found.rrsets.get(STEER);
    if (steer !== undefined) {
      const service = new TextDecoder().decode(steer.rdatas[0]);
      return {
        ...steering(zone.origin, via, `steered to ${service}`),
        service,
        ttlSeconds: steer.ttl,
      };
    }
    const cname = found.rrsets.get(rrTypes.CNAME)?.rdatas[0];
    if (cname === undefined) {
      const addresses = found.rrsets.has(rrTypes.A) || found.rrsets.has(rrTypes.AAAA);
      return steering(zone.origin, via, addresses ? 'static addresses' : 'NODATA');
    }
    at = formatName(cname).toLowerCase();
    via.push(`CNAME to ${at}`);
  }
  return steering(undefined, via, `more than ${limits.cnameChain} CNAMEs`);
}

function steering(zone: NameKey | undefined, via: readonly string[], note: string): Steering {
  return { zone, service: undefined, ttlSeconds: undefined, note: [...via, note].join(', ') };
}

function closestZone(zones: ReadonlyMap<NameKey, Zone>, name: NameKey): Zone | undefined {
  for (let at: NameKey | undefined = name; at !== undefined; at = parentKey(at)) {
    const zone = zones.get(at);
    if (zone !== undefined) return zone;
  }
  return undefined;
}

function findRRsets(
  zone: Zone,
  name: NameKey,
): { rrsets: RRsets; wildcard?: string } | { note: string } {
  const above: NameKey[] = [];
  for (let at: NameKey | undefined = name; at !== undefined; at = parentKey(at)) {
    if (at === zone.origin) break;
    above.unshift(at);
  }
  for (const at of above) {
    const rrsets = zone.nodes.get(at);
    if (rrsets?.has(rrTypes.NS)) return { note: `delegated at ${at}` };
    if (at !== name && rrsets?.has(rrTypes.DNAME)) return { note: `below the DNAME at ${at}` };
  }
  const exact = zone.nodes.get(name);
  if (exact !== undefined) return { rrsets: exact };
  if (hasNamesBelow(zone, name)) return { note: 'NODATA: an empty non-terminal' };
  for (let at = parentKey(name); at !== undefined; at = parentKey(at)) {
    const wildcard = `*.${at === '.' ? '' : at}`;
    const rrsets = zone.nodes.get(wildcard);
    if (rrsets !== undefined) return { rrsets, wildcard };
    // The closest encloser blocks wildcards further up.
    if (at === zone.origin || zone.nodes.has(at) || hasNamesBelow(zone, at)) break;
  }
  return { note: 'NXDOMAIN' };
}

function hasNamesBelow(zone: Zone, name: NameKey): boolean {
  for (const key of zone.nodes.keys()) {
    if (key !== name && isAtOrBelow(key, name)) return true;
  }
  return false;
}
