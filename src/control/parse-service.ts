import { formatIp, type IpAddress, parseIp } from '../base/ip.ts';
import { limits } from '../base/limits.ts';
import type { Member, Service, ServiceTtl } from '../policy/traffic.ts';
import { formatDuration } from './duration.ts';
import { at, type Findings, show } from './findings.ts';
import { lintPolicy } from './lint-policy.ts';
import { checkObjectName } from './object-names.ts';
import { formatMaintenance, readMaintenance } from './parse-maintenance.ts';
import { formatPolicy, parsePolicy } from './parse-policy.ts';
import { adminStates } from './parse-region.ts';
import {
  type Form,
  isRecord,
  mustHave,
  readChoice,
  readDistinct,
  readDuration,
  readFlag,
  readNumber,
  readObject,
  readTable,
  readText,
} from './read-form.ts';
import { hint } from './suggest.ts';

const serviceKeys = [
  'ttl',
  'monitors',
  'members',
  'policy',
  'minHealthy',
  'whenAllDown',
  'ramp',
  'spill',
  'maintenance',
] as const;
const memberKeys = ['a', 'aaaa', 'weight', 'capacity', 'state', 'maintenance'] as const;
const ttlBounds = { min: 0, max: limits.ttlSeconds, integer: true };
const weightBounds = { min: 0, max: limits.memberWeight, integer: true };

/**
 * Reads a service in the operator's form (DESIGN.md §3). Without a policy it is
 * `{ roundRobin: all }`: every healthy member, in turn. Whether its regions and monitors exist is
 * for `checkReferences` to say.
 */
export function parseService(
  value: unknown,
  path: string,
  findings: Findings,
): Service | undefined {
  return findings.unlessBad(() => {
    const form = readObject(value, path, 'service', serviceKeys, findings);
    if (form === undefined) return undefined;
    const members = readMembers(form, path, findings);
    const names = memberNames(form);
    const policy = parsePolicy(form['policy'] ?? 'all', at(path, 'policy'), {
      members: names,
      findings,
    });
    const rampBounds = { min: 0, max: limits.rampSeconds * 1000 };
    const rampMs = readDuration(form['ramp'], at(path, 'ramp'), 'ramp', rampBounds, findings);
    if (rampMs !== undefined && rampMs % 1000 !== 0) {
      const message = `ramp ${show(form['ramp'])} is not whole seconds; round it`;
      findings.error('E_FORM_RANGE', at(path, 'ramp'), message);
    }
    const healthy = at(path, 'minHealthy');
    const share = { min: 0, max: 1 };
    const monitor = (entry: unknown, where: string) =>
      readText(entry, where, 'monitor', findings, limits.objectNameChars);
    const monitorBounds = { max: limits.monitorsPerService };
    const monitorsAt = at(path, 'monitors');
    const service: Partial<Service> = {
      ttl: readTtl(form['ttl'], at(path, 'ttl'), findings),
      monitors: readDistinct(
        form['monitors'],
        monitorsAt,
        'monitors',
        monitorBounds,
        monitor,
        findings,
      ),
      members,
      minHealthy: readNumber(form['minHealthy'], healthy, 'minHealthy', share, findings) ?? 0.5,
      whenAllDown: readWhenAllDown(form['whenAllDown'], at(path, 'whenAllDown'), names, findings),
      rampSeconds: (rampMs ?? 180_000) / 1000,
      spill: readFlag(form['spill'], at(path, 'spill'), 'spill', findings) ?? false,
    };
    const planned = form['maintenance'];
    const maintenance = readMaintenance(planned, at(path, 'maintenance'), findings);
    if (policy === undefined) return undefined;
    const work = maintenance === undefined ? {} : { maintenance };
    const whole = { ...service, policy, ...work } as Service;
    lintPolicy(whole, path, findings);
    return whole;
  });
}

/** Writes a service in the operator's form, without what is default; reads back equal. */
export function formatService(service: Service): Record<string, unknown> {
  const { min, max } = service.ttl;
  const members = [...service.members.values()].map(
    (member) => [member.region, formatMember(member)] as const,
  );
  const fallback = service.whenAllDown;
  const ramp = formatDuration(service.rampSeconds * 1000);
  return {
    ...(min === 30 && max === 30 ? {} : { ttl: min === max ? min : { min, max } }),
    ...(service.monitors.length === 0 ? {} : { monitors: [...service.monitors] }),
    members: Object.fromEntries(members),
    policy: formatPolicy(service.policy),
    ...(service.minHealthy === 0.5 ? {} : { minHealthy: service.minHealthy }),
    ...(fallback === 'all'
      ? {}
      : { whenAllDown: typeof fallback === 'object' ? fallback.member : fallback }),
    ...(service.rampSeconds === 180 ? {} : { ramp }),
    ...(service.spill ? { spill: true } : {}),
    ...formatMaintenance(service.maintenance),
  };
}

function formatMember(member: Member): Record<string, unknown> {
  return {
    ...(member.a.length === 0 ? {} : { a: [...member.a] }),
    ...(member.aaaa.length === 0 ? {} : { aaaa: [...member.aaaa] }),
    ...(member.weight === 1 ? {} : { weight: member.weight }),
    ...(member.capacity === undefined ? {} : { capacity: member.capacity }),
    ...(member.state === 'active' ? {} : { state: member.state }),
    ...formatMaintenance(member.maintenance),
  };
}

/** All names that stand under members, so that one bad member brings no errors in the policy. */
function memberNames(form: Form): string[] {
  return isRecord(form['members']) ? Object.keys(form['members']) : [];
}

function readTtl(value: unknown, path: string, findings: Findings): ServiceTtl {
  if (!isRecord(value)) {
    const ttl = readNumber(value, path, 'ttl', ttlBounds, findings) ?? 30;
    return { min: ttl, max: ttl };
  }
  const form = readObject(value, path, 'ttl', ['min', 'max'], findings) ?? {};
  const complete = [
    mustHave(form, 'min', path, 'ttl', findings),
    mustHave(form, 'max', path, 'ttl', findings),
  ];
  const min = readNumber(form['min'], at(path, 'min'), 'ttl.min', ttlBounds, findings) ?? 30;
  const max = readNumber(form['max'], at(path, 'max'), 'ttl.max', ttlBounds, findings) ?? 30;
  if (complete.every(Boolean) && min > max) {
    findings.error('E_FORM_RANGE', path, `ttl.min ${min} is above ttl.max ${max}; swap them`);
  }
  return { min, max };
}

function readMembers(form: Form, path: string, findings: Findings): Map<string, Member> {
  const members = new Map<string, Member>();
  const where = at(path, 'members');
  if (!mustHave(form, 'members', path, 'service', findings)) return members;
  const table = readTable(form['members'], where, 'members', findings) ?? [];
  if (table.length === 0 && isRecord(form['members'])) {
    const message = 'members is empty; a service needs at least one region with a VIP';
    findings.error('E_FORM_RANGE', where, message);
  }
  if (table.length > limits.membersPerService) {
    const message = `members has ${table.length} entries; at most ${limits.membersPerService}`;
    findings.error('E_FORM_RANGE', where, message);
    return members;
  }
  const taken = new Map<string, string>();
  for (const [region, value] of table) {
    const below = at(where, region);
    if (!checkObjectName(region, below, 'a member', findings)) continue;
    const member = findings.unlessBad(() => readMember(region, value, below, taken, findings));
    if (member !== undefined) members.set(region, member);
  }
  return members;
}

function readMember(
  region: string,
  value: unknown,
  path: string,
  taken: Map<string, string>,
  findings: Findings,
): Member | undefined {
  const form = readObject(value, path, 'member', memberKeys, findings);
  if (form === undefined) return undefined;
  const vips = (key: 'a' | 'aaaa', family: 4 | 6) => {
    const bounds = { max: limits.vipsPerMember };
    const read = (entry: unknown, where: string) => {
      const address = readVip(entry, where, key, family, findings);
      const other = address === undefined ? undefined : taken.get(address);
      if (address === undefined) return undefined;
      if (other !== undefined && other !== region) {
        const message = `VIP ${address} is ${other}'s already; one address cannot be in two regions`;
        findings.error('E_FORM_DUPLICATE', where, message);
        return undefined;
      }
      taken.set(address, region);
      return address;
    };
    return readDistinct(form[key], at(path, key), key, bounds, read, findings);
  };
  const a = vips('a', 4);
  const aaaa = vips('aaaa', 6);
  if (a.length + aaaa.length === 0 && form['a'] === undefined && form['aaaa'] === undefined) {
    const message = `member "${region}" has no VIP; add a: [192.0.2.10] or aaaa: ["2001:db8::10"]`;
    findings.error('E_FORM_MISSING', path, message);
  } else if (isEmptyList(form['a']) && isEmptyList(form['aaaa'])) {
    findings.error('E_FORM_MISSING', path, `member "${region}" has empty lists of VIPs; add one`);
  }
  const weight = readNumber(form['weight'], at(path, 'weight'), 'weight', weightBounds, findings);
  const capacityBounds = { min: 0.001, max: 1e15 };
  const capacityAt = at(path, 'capacity');
  const state = readChoice(form['state'], at(path, 'state'), 'state', adminStates, findings);
  const planned = form['maintenance'];
  const maintenance = readMaintenance(planned, at(path, 'maintenance'), findings);
  return {
    region,
    a,
    aaaa,
    weight: weight ?? 1,
    capacity: readNumber(form['capacity'], capacityAt, 'capacity', capacityBounds, findings),
    state: state ?? 'active',
    ...(maintenance === undefined ? {} : { maintenance }),
  };
}

function isEmptyList(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

function readVip(
  value: unknown,
  path: string,
  key: 'a' | 'aaaa',
  family: 4 | 6,
  findings: Findings,
): string | undefined {
  const address = typeof value === 'string' ? parseIp(value) : undefined;
  if (address === undefined) {
    const example = family === 4 ? '192.0.2.10' : '2001:db8::10 (in quotes)';
    const message = `${key} holds ${show(value)}, which is no address; write one such as ${example}`;
    findings.error('E_VIP_INVALID', path, message);
    return undefined;
  }
  if (address.family !== family) {
    const other = key === 'a' ? 'aaaa' : 'a';
    const message = `${key} holds the IPv${address.family} address ${show(value)}; move it to ${other}`;
    findings.error('E_VIP_INVALID', path, message);
    return undefined;
  }
  const unusable = whyUnusable(address);
  if (unusable !== undefined) {
    const message = `${key} holds ${show(value)}, ${unusable}; no client can reach a service there`;
    findings.error('E_VIP_INVALID', path, message);
    return undefined;
  }
  return formatIp(address);
}

/** Addresses that can never be one host's: RFC 1122 §3.2.1.3, RFC 4291 §2.5–2.7. */
function whyUnusable(address: IpAddress): string | undefined {
  const [first, second, third, fourth] = address.words;
  if (address.family === 4) {
    if (first >>> 24 === 0) return 'of "this network"';
    if (first === 0xffff_ffff) return 'the broadcast address';
    return first >>> 28 === 0xe ? 'a multicast address' : undefined;
  }
  if ((first | second | third | fourth) === 0) return 'the unspecified address';
  if (first === 0 && second === 0 && third === 0xffff) return 'an IPv4-mapped address';
  if (first >>> 22 === 0xfe80 >>> 6) return 'a link-local address';
  return first >>> 24 === 0xff ? 'a multicast address' : undefined;
}

function readWhenAllDown(
  value: unknown,
  path: string,
  members: readonly string[],
  findings: Findings,
): Service['whenAllDown'] {
  if (value === undefined || value === 'all') return 'all';
  if (value === 'nodata') return 'nodata';
  if (typeof value === 'string' && members.includes(value)) return { member: value };
  const close = typeof value === 'string' ? hint(value, ['all', 'nodata', ...members]) : '';
  const message = `whenAllDown is ${show(value)}${close}; use all, nodata or a member`;
  findings.error('E_MEMBER_UNKNOWN', path, message);
  return 'all';
}
