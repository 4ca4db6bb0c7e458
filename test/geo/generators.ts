import fc from 'fast-check';
import { type Family, maskIp, type Prefix } from '../../src/base/ip.ts';
import { bitsOf, spanOf, toAddress } from './naive.ts';

/** Prefixes that often share bits, lie in one another and touch the ends of the space. */
export const prefixesOf = (family: Family) => {
  const bits = bitsOf(family);
  const value = fc.oneof(
    fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n }),
    fc.constantFrom(0n, (1n << BigInt(bits)) - 1n, 1n << BigInt(bits - 1)),
    fc.nat({ max: 255 }).map((n) => BigInt(n) << BigInt(bits - 8)),
    fc.nat({ max: 255 }).map((n) => (0x20n << BigInt(bits - 8)) + BigInt(n)),
  );
  return fc.array(
    fc
      .tuple(value, fc.oneof(fc.nat({ max: bits }), fc.nat({ max: 10 }), fc.constant(bits)))
      .map(([number, length]): Prefix => {
        return { address: maskIp(toAddress(family, number), length), length };
      }),
    { maxLength: 12 },
  );
};

/** Places to ask at: ends of prefixes and their neighbours. */
export function probesOf(family: Family, prefixes: readonly Prefix[]) {
  return prefixes
    .flatMap((prefix) => {
      const { start, end } = spanOf(prefix);
      return [start, start - 1n, start + 1n, end, end - 1n];
    })
    .concat(0n, -1n)
    .map((value) => toAddress(family, value));
}
