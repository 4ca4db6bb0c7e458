import { hash } from 'node:crypto';
import { parseIp, toBytes } from '../base/ip.ts';
import type { ServiceHealth, Verdict } from '../health/verdict.ts';
import type { Service } from '../policy/traffic.ts';

/**
 * What of a service decides its segment, apart from which addresses its VIPs are: services of equal
 * shape have equal choices, with the VIPs of one in the place of the other's.
 */
export interface ServiceShape {
  /** Equal for equal shapes: SHA-256 of policy, weights, TTLs and which VIPs are the same. */
  readonly key: string;
  /** Canonical text of every VIP, each once, in the order in which members name them. */
  readonly addresses: readonly string[];
  /** The same as words of a segment: one for IPv4, four for IPv6. */
  readonly addressWords: Int32Array;
}

const shapes = new WeakMap<Service, ServiceShape>();

/** The shape of a service; worked out once, since a service is never edited in place. */
export function shapeOf(service: Service): ServiceShape {
  const known = shapes.get(service);
  if (known !== undefined) return known;
  const addresses = new Map<string, number>();
  const place = (address: string): number => {
    const at = addresses.get(address) ?? addresses.size;
    addresses.set(address, at);
    return at;
  };
  const members = [...service.members].map(([name, member]) => {
    const { a, aaaa, ...rest } = member;
    return [name, a.map(place), aaaa.map(place), rest];
  });
  // Whatever a service says counts, so that a field which comes to matter one day is not forgotten.
  const content = { ...service, members };
  const texts = [...addresses.keys()];
  const shape = {
    key: hash('sha256', JSON.stringify(content, mapsAsLists)),
    addresses: texts,
    addressWords: new Int32Array(Uint8Array.from(texts.flatMap(octetsOf)).buffer),
  };
  shapes.set(service, shape);
  return shape;
}

const letters: Readonly<Record<Verdict, string>> = {
  up: 'u',
  degraded: 'd',
  down: 'x',
  unknown: '?',
};

/**
 * A text that is equal where the health of two services of equal shape is: a letter for each VIP, or
 * `?` for a member of which nothing is known, and more where there is more to say.
 */
export function healthKey(service: Service, health: ServiceHealth): string {
  let key = '';
  for (const [name, member] of service.members) {
    const own = health.get(name);
    if (own === undefined) {
      key += '-';
    } else {
      for (const address of member.a) key += letters[own.vips.get(address) ?? 'unknown'];
      for (const address of member.aaaa) key += letters[own.vips.get(address) ?? 'unknown'];
      const { ramp, load, secondsToChange } = own;
      if (ramp !== 1 || load !== undefined || secondsToChange !== undefined) {
        key += `${ramp},${load},${secondsToChange}|`;
      }
    }
  }
  return key;
}

function octetsOf(address: string): number[] {
  const ip = parseIp(address);
  if (ip === undefined) throw new Error(`VIP ${address} is not an address`);
  return [...toBytes(ip)];
}

function mapsAsLists(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}
