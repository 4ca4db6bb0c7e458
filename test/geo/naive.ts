import { type Family, formatIp, type IpAddress, type Prefix } from '../../src/base/ip.ts';

/*
 * Addresses as big integers, and questions about them answered the slow and plain way: what the
 * tests hold compiled look-ups against.
 */

/** Bits of a family's addresses. */
export const bitsOf = (family: Family) => (family === 4 ? 32 : 128);

/** An address as one number. */
export function toNumber(address: IpAddress): bigint {
  const [a, b, c, d] = address.words.map(BigInt) as [bigint, bigint, bigint, bigint];
  return address.family === 4 ? a : (a << 96n) | (b << 64n) | (c << 32n) | d;
}

/** The address of a number; numbers outside of the space wrap around. */
export function toAddress(family: Family, value: bigint): IpAddress {
  const wrapped = BigInt.asUintN(bitsOf(family), value);
  const word = (shift: number) => Number((wrapped >> BigInt(shift)) & 0xffff_ffffn);
  if (family === 4) return { family, words: [word(0), 0, 0, 0] };
  return { family, words: [word(96), word(64), word(32), word(0)] };
}

/** First address of a prefix, and the one after its last. */
export function spanOf(prefix: Prefix): { start: bigint; end: bigint } {
  const start = toNumber(prefix.address);
  const size = 1n << BigInt(bitsOf(prefix.address.family) - prefix.length);
  return { start, end: start + size };
}

/** The span of the prefix of a length around an address. */
export function spanAround(address: IpAddress, length: number): { start: bigint; end: bigint } {
  const size = 1n << BigInt(bitsOf(address.family) - length);
  const start = (toNumber(address) / size) * size;
  return { start, end: start + size };
}

/**
 * True when `valueAt` is the same all over a span, given every address at which it may change:
 * looks at the first address and at each boundary inside.
 */
export function isUniform(
  family: Family,
  span: { start: bigint; end: bigint },
  boundaries: readonly bigint[],
  valueAt: (address: IpAddress) => unknown,
): boolean {
  const first = valueAt(toAddress(family, span.start));
  return boundaries
    .filter((boundary) => boundary > span.start && boundary < span.end)
    .every((boundary) => valueAt(toAddress(family, boundary)) === first);
}

/** An address for messages. */
export const text = (address: IpAddress) => formatIp(address);
