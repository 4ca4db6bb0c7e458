import fc from 'fast-check';

const octet = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...Buffer.from('abcxyzABZ019-_*')) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
);

const label = fc.oneof(
  { weight: 9, arbitrary: fc.array(octet, { minLength: 1, maxLength: 6 }) },
  { weight: 1, arbitrary: fc.array(octet, { minLength: 50, maxLength: 63 }) },
);

/** Uncompressed wire names of every shape, the longest of 255 octets. */
export const wireName: fc.Arbitrary<Uint8Array> = fc
  .array(label, { maxLength: 8 })
  .map((labels) => Uint8Array.from([...labels.flatMap((octets) => [octets.length, ...octets]), 0]))
  .filter((name) => name.length <= 255);

/** Octets, few more often than many. */
export function octets(maxLength = 64): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength });
}
