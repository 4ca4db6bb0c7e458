import ipaddr from 'ipaddr.js';
import { parseIpv4, parseIpv6 } from './parse-address.ts';

/** An address family as DNS numbers it in client subnets (IANA Address Family Numbers). */
export type Family = 4 | 6;

/**
 * An address as four big-endian 32-bit words, unsigned; an IPv4 address stands in `words[0]` and
 * leaves the others 0.
 */
export interface IpAddress {
  readonly family: Family;
  readonly words: readonly [number, number, number, number];
}

/** A prefix; the bits of `address` beyond `length` are 0. */
export interface Prefix {
  readonly address: IpAddress;
  /** 0 to 32 or 0 to 128. */
  readonly length: number;
}

/** Reads an address in its usual text form; undefined when it is not one (zone ids are refused). */
export function parseIp(text: string): IpAddress | undefined {
  const word = parseIpv4(text);
  if (word >= 0) return { family: 4, words: [word, 0, 0, 0] };
  const octets = parseIpv6(text);
  return octets === undefined ? undefined : fromBytes(octets);
}

/** Makes an address from its 4 or 16 octets. */
export function fromBytes(bytes: ArrayLike<number>): IpAddress {
  const word = (at: number) =>
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0;
  if (bytes.length === 4) return { family: 4, words: [word(0), 0, 0, 0] };
  return { family: 6, words: [word(0), word(4), word(8), word(12)] };
}

/** The 4 or 16 octets of an address. */
export function toBytes(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(address.family === 4 ? 4 : 16);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += 4) view.setUint32(at, address.words[at >> 2] ?? 0);
  return bytes;
}

/** Prints an address in its canonical form (RFC 5952 for IPv6). */
export function formatIp(address: IpAddress): string {
  const bytes = [...toBytes(address)];
  return address.family === 4 ? bytes.join('.') : ipaddr.fromByteArray(bytes).toString();
}

/**
 * The IPv4 address inside an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2), as dual-stack sockets
 * report it; every other address comes back unchanged.
 */
export function unmapIp(address: IpAddress): IpAddress {
  const [a, b, c, d] = address.words;
  if (address.family === 6 && a === 0 && b === 0 && c === 0xffff) {
    return { family: 4, words: [d, 0, 0, 0] };
  }
  return address;
}

/** Reads `address/length`, or a bare address as its full length; undefined when malformed. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bits = address.family === 4 ? 32 : 128;
  if (slash < 0) return { address, length: bits };
  const lengthText = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(lengthText)) return undefined;
  const length = Number(lengthText);
  if (length > bits) return undefined;
  const masked = maskIp(address, length);
  // Bits beyond the length are most often a typing error, so they are refused rather than cleared.
  if (!sameIp(masked, address)) return undefined;
  return { address, length };
}

/** Prints `address/length`. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatIp(prefix.address)}/${prefix.length}`;
}

/** Clears the bits beyond `length`. */
export function maskIp(address: IpAddress, length: number): IpAddress {
  const word = (index: number) => {
    const bits = length - index * 32;
    const value = address.words[index] ?? 0;
    if (bits >= 32) return value;
    if (bits <= 0) return 0;
    return (value & (-1 << (32 - bits))) >>> 0;
  };
  return { family: address.family, words: [word(0), word(1), word(2), word(3)] };
}

/** True when both are the same address of the same family. */
export function sameIp(a: IpAddress, b: IpAddress): boolean {
  return a.family === b.family && a.words.every((word, index) => word === b.words[index]);
}

/** True when the prefix holds the address. */
export function prefixHolds(prefix: Prefix, address: IpAddress): boolean {
  return (
    prefix.address.family === address.family &&
    sameIp(maskIp(address, prefix.length), prefix.address)
  );
}
