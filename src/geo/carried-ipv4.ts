import { type IpAddress, parsePrefix } from '../base/ip.ts';
import { lookUpRange, type Ranges, rangesOfPrefixes } from './ranges.ts';

/**
 * IPv6 prefixes whose addresses carry an IPv4 address, and the bit at which it begins: compatible and
 * mapped addresses (RFC 4291 §2.5.5) and 6to4 (RFC 3056). Such a client is looked up by its IPv4
 * address. Teredo is not among them: what stands in its place is the server's address.
 */
const carryingPrefixes = [
  { cidr: '::/96', at: 96 },
  { cidr: '::ffff:0:0/96', at: 96 },
  { cidr: '2002::/16', at: 16 },
] as const;

/** Values are the bit at which the carried IPv4 address begins; 0 where there is none. */
export const carryingRanges: Ranges = rangesOfPrefixes(
  6,
  carryingPrefixes.map(({ cidr }) => parsePrefix(cidr)!),
  (_outer, index) => carryingPrefixes[index]!.at,
);

/** What an IPv6 address carries. */
export interface CarriedIpv4 {
  /** Undefined where it carries none. */
  readonly address: IpAddress | undefined;
  /** The bit at which it begins. */
  readonly at: number;
  /** The widest prefix around the IPv6 address whose addresses do the same, in bits. */
  readonly prefixLength: number;
}

/** Finds the IPv4 address in an IPv6 address. */
export function carriedIpv4(address: IpAddress): CarriedIpv4 {
  const { value: at, prefixLength } = lookUpRange(carryingRanges, address.words);
  if (at === 0) return { address: undefined, at, prefixLength };
  const [a, b, , d] = address.words;
  const word = at === 16 ? ((a << 16) | (b >>> 16)) >>> 0 : d;
  return { address: { family: 4, words: [word, 0, 0, 0] }, at, prefixLength };
}
