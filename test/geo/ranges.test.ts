import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPrefix, prefixHolds } from '../../src/base/ip.ts';
import {
  constantRanges,
  lookUpRange,
  mapRanges,
  mergeRanges,
  rangesOfPrefixes,
} from '../../src/geo/ranges.ts';
import { prefixesOf, probesOf } from './generators.ts';
import { isUniform, spanAround, spanOf, text, toAddress } from './naive.ts';

for (const family of [4, 6] as const) {
  test(`rangesOfPrefixes() gives IPv${family} addresses their innermost prefix`, () => {
    fc.assert(
      fc.property(prefixesOf(family), (prefixes) => {
        const unique = [...new Map(prefixes.map((p) => [formatPrefix(p), p])).values()];
        const ranges = rangesOfPrefixes(family, unique, (_outer, index) => index + 1);
        for (const address of probesOf(family, unique)) {
          const holding = unique
            .filter((prefix) => prefixHolds(prefix, address))
            .sort((a, b) => b.length - a.length)[0];
          const expected = holding === undefined ? 0 : unique.indexOf(holding) + 1;
          assert.equal(lookUpRange(ranges, address.words).value, expected, text(address));
        }
      }),
      { numRuns: 300 },
    );
  });

  test(`lookUpRange() gives the widest IPv${family} prefix inside the range`, () => {
    fc.assert(
      fc.property(prefixesOf(family), (prefixes) => {
        // Few values, so that neighbours join.
        const ranges = rangesOfPrefixes(family, prefixes, (_outer, index) => index % 3);
        const boundaries = prefixes.flatMap((prefix) => Object.values(spanOf(prefix)));
        const valueAt = (address: ReturnType<typeof toAddress>) =>
          lookUpRange(ranges, address.words).value;
        for (const address of probesOf(family, prefixes)) {
          const { prefixLength } = lookUpRange(ranges, address.words);
          const uniform = (length: number) =>
            isUniform(family, spanAround(address, length), boundaries, valueAt);
          assert.ok(uniform(prefixLength), `${text(address)}/${prefixLength} is of one value`);
          if (prefixLength > 0) {
            assert.ok(!uniform(prefixLength - 1), `${text(address)}/${prefixLength - 1} is not`);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test(`mergeRanges() combines the values of two IPv${family} sequences`, () => {
    fc.assert(
      fc.property(prefixesOf(family), prefixesOf(family), (first, second) => {
        const a = rangesOfPrefixes(family, first, (_outer, index) => index % 5);
        const b = rangesOfPrefixes(family, second, (_outer, index) => index % 5);
        const merged = mergeRanges(a, b, (x, y) => x * 10 + y);
        for (const { words } of probesOf(family, [...first, ...second])) {
          const expected = lookUpRange(a, words).value * 10 + lookUpRange(b, words).value;
          assert.equal(lookUpRange(merged, words).value, expected);
        }
        for (let index = 1; index < merged.count; index++) {
          assert.notEqual(merged.values[index], merged.values[index - 1]);
        }
      }),
      { numRuns: 200 },
    );
  });
}

test('mapRanges() joins neighbours that become equal', () => {
  const prefixes = ['0.0.0.0', '64.0.0.0'].map((_, index) => ({
    address: toAddress(4, BigInt(index) << 30n),
    length: 2,
  }));
  const ranges = rangesOfPrefixes(4, prefixes, (_outer, index) => index + 1);
  assert.equal(ranges.count, 3);
  assert.equal(mapRanges(ranges, (value) => (value === 0 ? 0 : 1)).count, 2);
  assert.equal(constantRanges(6, 7).values[0], 7);
});
