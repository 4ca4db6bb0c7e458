import { limits } from '../base/limits.ts';
import { typeName } from '../wire/type-names.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import { isMetaType } from './meta-types.ts';
import { relativeName } from './owner-name.ts';
import { type ProblemSink, quoted } from './problem-list.ts';
import { isServiceName, steerService } from './steer.ts';
import type { NameKey, RRset, Zone } from './zone.ts';

type Node = ReadonlyMap<number, RRset>;

/** What DNSSEC puts beside a CNAME (RFC 4034 §3, RFC 4035 §2.5). */
const besideCname: readonly number[] = [rrTypes.RRSIG, rrTypes.NSEC];
/** Octets of a response that are not the records: header, question, OPT. */
const messageOverheadBytes = 12 + limits.nameBytes + 4 + 11;
/** Octets of a record besides its rdata, the owner compressed (RFC 1035 §4.1.3). */
const recordOverheadBytes = 12;

/** Checks the RRsets of one owner, each by itself and beside the others. */
export function checkNode(zone: Zone, key: NameKey, node: Node, problems: ProblemSink): void {
  for (const rrset of node.values()) checkRRset(zone, rrset, problems);
  const check = { name: quoted(relativeName(key, zone.origin)), node, problems };
  if (node.has(rrTypes.CNAME)) checkCname(check);
  if (node.has(rrTypes.DNAME)) checkDname(check, key === zone.origin, key.startsWith('*.'));
  if (node.has(STEER)) checkSteer(check);
  if (node.size === 1 && !node.has(rrTypes.NS) && !node.has(rrTypes.SOA) && !node.has(rrTypes.DS)) {
    return;
  }
  checkZoneTypes(check, key, zone.origin);
}

interface NodeCheck {
  readonly name: string;
  readonly node: Node;
  readonly problems: ProblemSink;
}

function checkRRset(zone: Zone, rrset: RRset, problems: ProblemSink): void {
  const { type, ttl, rdatas, where } = rrset;
  const describe = () => `${typeName(type)} at ${quoted(relativeName(rrset.owner, zone.origin))}`;
  if (rdatas.length > limits.rrsPerRrset) {
    const message = `${describe()} has over ${limits.rrsPerRrset} records; split it`;
    problems.error('E_ZONE_RRSET_TOO_LARGE', message, where);
  } else if (rdatas.length > 1 || (rdatas[0]?.length ?? 0) > limits.messageBytes / 2) {
    let bytes = messageOverheadBytes;
    for (const rdata of rdatas) bytes += rdata.length + recordOverheadBytes;
    if (bytes > limits.messageBytes) {
      const message = `${describe()} needs ${bytes} octets, over ${limits.messageBytes}; split it`;
      problems.error('E_ZONE_RRSET_TOO_LARGE', message, where);
    }
  }
  if (isMetaType(type)) {
    const message = `${describe()} is of queries and messages; it cannot be in a zone`;
    problems.error('E_ZONE_TYPE', message, where);
  }
  if (ttl === undefined) {
    if (type === STEER) return;
    problems.error('E_ZONE_TTL', `${describe()} has no TTL; give it one in seconds`, where);
  } else if (!Number.isInteger(ttl) || ttl < 0) {
    problems.error('E_ZONE_TTL', `${describe()} has TTL ${ttl}; give whole seconds`, where);
  } else if (ttl > limits.ttlSeconds) {
    const message = `TTL ${ttl} of ${describe()} is over ${limits.ttlSeconds} (7 days); lower it`;
    problems.error('E_ZONE_TTL_RANGE', message, where);
  }
}

/** RFC 1034 §3.6.2, RFC 2181 §10.1: a CNAME is alone, and there is one. */
function checkCname({ name, node, problems }: NodeCheck): void {
  const cname = node.get(rrTypes.CNAME);
  if (cname === undefined) return;
  if (cname.rdatas.length > 1) {
    const message = `${cname.rdatas.length} CNAMEs at ${name}; leave one`;
    problems.error('E_ZONE_CNAME_CONFLICT', message, cname.where);
  }
  const others = [...node.keys()].filter(
    (type) => type !== rrTypes.CNAME && !besideCname.includes(type),
  );
  if (others.length === 0) return;
  const message = `CNAME at ${name} beside ${others.map(typeName).join(', ')}; remove one`;
  problems.error('E_ZONE_CNAME_CONFLICT', message, cname.where);
}

/** RFC 6672 §2.3, §2.4: one DNAME, beside NS only at the apex. */
function checkDname({ name, node, problems }: NodeCheck, isApex: boolean, isWild: boolean): void {
  const dname = node.get(rrTypes.DNAME);
  if (dname === undefined) return;
  if (dname.rdatas.length > 1) {
    const message = `${dname.rdatas.length} DNAMEs at ${name}; leave one`;
    problems.error('E_ZONE_DNAME_CONFLICT', message, dname.where);
  }
  if (!isApex && node.has(rrTypes.NS)) {
    const message = `DNAME at ${name} beside NS; delegate the name or alias it, not both`;
    problems.error('E_ZONE_DNAME_CONFLICT', message, dname.where);
  }
  if (isWild) {
    const message = `DNAME at wildcard ${name} has no defined meaning (RFC 6672 §3.3); spell names out`;
    problems.warn('E_ZONE_DNAME_CONFLICT', message, dname.where);
  }
}

function checkSteer({ name, node, problems }: NodeCheck): void {
  const steer = node.get(STEER);
  if (steer === undefined) return;
  const services = steer.rdatas.map(steerService);
  for (const service of services) {
    if (isServiceName(service)) continue;
    const message = `STEER at ${name} to ${quoted(service)}; use a-z, 0-9 and inner hyphens`;
    problems.error('E_ZONE_STEER', message, steer.where);
  }
  if (services.length > 1) {
    const message = `STEER at ${name} to ${services.map(quoted).join(', ')}; a name has one service`;
    problems.error('E_ZONE_STEER_CONFLICT', message, steer.where);
  }
  const addresses = [rrTypes.A, rrTypes.AAAA].filter((type) => node.has(type));
  if (addresses.length === 0) return;
  const message = `STEER at ${name} beside ${addresses.map(typeName).join(', ')}; remove one`;
  problems.error('E_ZONE_STEER_CONFLICT', message, steer.where);
}

/** Where SOA, NS and DS may stand. */
function checkZoneTypes({ name, node, problems }: NodeCheck, key: NameKey, origin: NameKey): void {
  const soa = node.get(rrTypes.SOA);
  if (soa !== undefined && key !== origin) {
    const message = `SOA at ${name}, not at the apex; move it or give ${key} its own file`;
    problems.error('E_ZONE_SOA', message, soa.where);
  }
  const ns = node.get(rrTypes.NS);
  if (ns !== undefined && key.startsWith('*.')) {
    const message = `NS at wildcard ${name} has no defined meaning (RFC 4592 §4.2); spell names out`;
    problems.warn('E_ZONE_NS', message, ns.where);
  }
  const ds = node.get(rrTypes.DS);
  if (ds !== undefined && key === origin) {
    const message = 'DS at the apex is never asked for; it belongs to the parent zone';
    problems.warn('E_ZONE_DS', message, ds.where);
  } else if (ds !== undefined && ns === undefined) {
    const message = `DS at ${name} without NS; delegate the name or remove it`;
    problems.warn('E_ZONE_DS', message, ds.where);
  }
}
