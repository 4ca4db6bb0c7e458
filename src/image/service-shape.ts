import { hash } from 'node:crypto';
import { parseIp, toBytes } from '../base/ip.ts';
import type { MemberHealth, ServiceHealth, Verdict } from '../health/verdict.ts';
import type { Service } from '../policy/traffic.ts';

/**
 * What of a service decides its segment, apart from which addresses its VIPs are: services of equal
 * shape have equal choices, with the VIPs of one in the place of the other's.
 */
export class ServiceShape {
  /** Equal for equal shapes: SHA-256 of policy, weights, TTLs and which VIPs are the same. */
  readonly key: string;
  /** Canonical text of every VIP, each once, in the order in which members name them. */
  readonly addresses: readonly string[];
  /** The same as words of a segment: one for IPv4, four for IPv6. */
  readonly addressWords: Int32Array;
  readonly #members: readonly string[];
  /** The VIPs of all members, one member after another. */
  readonly #vips: readonly string[];
  /** For each member, how many of the VIPs are its own or an earlier member's. */
  readonly #ends: Uint32Array;
  /** By member: its health when `healthKey` was last called; null before. */
  readonly #known: (MemberHealth | undefined | null)[];
  /** What is known as letters: one for each member, and behind it one for each of its VIPs. */
  readonly #letters: Buffer;
  /** By member: what letters cannot say of it. */
  readonly #more: (string | undefined)[];
  #healthKey = '';

  constructor(service: Service) {
    const places = new Map<string, number>();
    const place = (address: string): number => {
      const at = places.get(address) ?? places.size;
      places.set(address, at);
      return at;
    };
    const members = [...service.members].map(([name, member]) => {
      const { a, aaaa, ...rest } = member;
      return [name, a.map(place), aaaa.map(place), rest];
    });
    // Whatever a service says counts, so that a field which comes to matter one day is not forgotten.
    const content = { ...service, members };
    this.key = hash('sha256', JSON.stringify(content, mapsAsLists));
    this.addresses = [...places.keys()];
    this.addressWords = new Int32Array(Uint8Array.from(this.addresses.flatMap(octetsOf)).buffer);
    this.#members = [...service.members.keys()];
    const all = [...service.members.values()];
    this.#vips = all.flatMap(({ a, aaaa }) => [...a, ...aaaa]);
    let end = 0;
    this.#ends = Uint32Array.from(all, ({ a, aaaa }) => {
      end += a.length + aaaa.length;
      return end;
    });
    this.#known = all.map(() => null);
    this.#letters = Buffer.alloc(all.length + this.#vips.length);
    this.#more = all.map(() => undefined);
  }

  /**
   * A text that is equal where the health of two services of equal shape is. The fleet makes the
   * health of a member anew where it turns and keeps the others', so only what differs from the last
   * call is read: for ten thousand services of fifty members most of the cost (bench/scale.ts).
   */
  healthKey(health: ServiceHealth): string {
    let isSame = true;
    for (let member = 0; member < this.#members.length; member += 1) {
      const own = health.get(this.#members[member]!);
      if (own === this.#known[member]) continue;
      this.#known[member] = own;
      this.#spell(member, own);
      isSame = false;
    }
    if (!isSame) this.#healthKey = this.#letters.toString('latin1') + this.#more.join('|');
    return this.#healthKey;
  }

  #spell(member: number, own: MemberHealth | undefined): void {
    const first = member === 0 ? 0 : this.#ends[member - 1]!;
    const end = this.#ends[member]!;
    const at = member + first;
    this.#letters[at] = own === undefined ? letters.nothing : letters.known;
    for (let vip = first; vip < end; vip += 1) {
      this.#letters[at + 1 + vip - first] = letters[own?.vips.get(this.#vips[vip]!) ?? 'unknown'];
    }
    const { ramp = 1, load, secondsToChange } = own ?? {};
    const isPlain = ramp === 1 && load === undefined && secondsToChange === undefined;
    this.#more[member] = isPlain ? undefined : `${ramp},${load},${secondsToChange}`;
  }
}

const letters: Readonly<Record<Verdict | 'nothing' | 'known', number>> = {
  up: 0x75,
  degraded: 0x64,
  down: 0x78,
  unknown: 0x3f,
  nothing: 0x2d,
  known: 0x2b,
};

const shapes = new WeakMap<Service, ServiceShape>();

/** The shape of a service; worked out once, since a service is never edited in place. */
export function shapeOf(service: Service): ServiceShape {
  let shape = shapes.get(service);
  if (shape === undefined) {
    shape = new ServiceShape(service);
    shapes.set(service, shape);
  }
  return shape;
}

function octetsOf(address: string): number[] {
  const ip = parseIp(address);
  if (ip === undefined) throw new Error(`VIP ${address} is not an address`);
  return [...toBytes(ip)];
}

function mapsAsLists(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}
