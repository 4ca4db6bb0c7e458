import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Family, type IpAddress, parseIp } from '../../src/base/ip.ts';
import {
  type ClientMapView,
  encodeClientMap,
  lookupClient,
  openClientMap,
} from '../../src/geo/client-map.ts';
import { constantRanges, lookUpRange, rangesOfPrefixes } from '../../src/geo/ranges.ts';
import { prefixesOf, probesOf } from './generators.ts';
import { isUniform, spanAround, spanOf, text } from './naive.ts';

/** A look-up taken apart. */
function look(view: ClientMapView, { family, words }: IpAddress) {
  const packed = lookupClient(view, family, ...words);
  return { classIndex: Math.floor(packed / 256), scope: packed % 256 };
}

for (const family of [4, 6] as const) {
  test(`lookupClient() gives IPv${family} clients their class with a minimal scope`, () => {
    fc.assert(
      fc.property(prefixesOf(family), (prefixes) => {
        const ranges = rangesOfPrefixes(family, prefixes, (_outer, index) => index % 4);
        const other = constantRanges(family === 4 ? 6 : 4);
        const view = openClientMap(
          family === 4 ? encodeClientMap(ranges, other, 4) : encodeClientMap(other, ranges, 4),
        );
        const boundaries = prefixes.flatMap((prefix) => Object.values(spanOf(prefix)));
        const classOf = (address: IpAddress) => lookUpRange(ranges, address.words).value;
        for (const address of probesOf(family, prefixes)) {
          const { classIndex, scope } = look(view, address);
          assert.equal(classIndex, classOf(address), text(address));
          const uniform = (length: number) =>
            isUniform(family, spanAround(address, length), boundaries, classOf);
          assert.ok(uniform(scope), `${text(address)}/${scope} is of one class`);
          if (scope > 0) assert.ok(!uniform(scope - 1), `${text(address)}/${scope - 1} is not`);
        }
      }),
      { numRuns: 400 },
    );
  });
}

test('lookupClient() takes words as signed and as unsigned integers', () => {
  const word = fc.integer({ min: 0, max: 0xffff_ffff });
  const view4 = [parseIp('200.0.0.0'), parseIp('2a00::')].map((address) => ({
    address: address as IpAddress,
    length: 8,
  }));
  const view = openClientMap(
    encodeClientMap(
      rangesOfPrefixes(4, view4, () => 1),
      rangesOfPrefixes(6, view4, () => 1),
      2,
    ),
  );
  fc.assert(
    fc.property(fc.constantFrom<Family>(4, 6), word, word, word, word, (family, a, b, c, d) => {
      assert.equal(
        lookupClient(view, family, a | 0, b | 0, c | 0, d | 0),
        lookupClient(view, family, a, b, c, d),
      );
    }),
  );
  assert.equal(lookupClient(view, 4, 0xc8010203 | 0, 0, 0, 0), 256 + 8);
});

test('lookupClient() looks up IPv6 addresses that carry an IPv4 address by that', () => {
  const carry = (text: string, length: number) => ({ address: parseIp(text) as IpAddress, length });
  const ranges4 = rangesOfPrefixes(4, [carry('192.0.2.0', 24)], () => 5);
  const ranges6 = rangesOfPrefixes(
    6,
    [carry('::', 96), carry('::ffff:0:0', 96), carry('2002::', 16)],
    (_outer, index) => (index === 2 ? -16 : -96) >>> 0,
  );
  const view = openClientMap(encodeClientMap(ranges4, ranges6, 6));
  const at = (address: string) => look(view, parseIp(address) as IpAddress);
  assert.deepEqual(at('::ffff:192.0.2.1'), { classIndex: 5, scope: 120 });
  assert.deepEqual(at('::192.0.2.1'), { classIndex: 5, scope: 120 });
  assert.deepEqual(at('2002:c000:0201::1'), { classIndex: 5, scope: 40 });
  assert.deepEqual(at('2002:c000:0301::1'), { classIndex: 0, scope: 40 });
  assert.deepEqual(at('2003::1'), { classIndex: 0, scope: 16 });
});

test('openClientMap() refuses a segment of another kind', () => {
  assert.throws(() => openClientMap(new SharedArrayBuffer(4096)), /not a client map/);
});

test('encodeClientMap() keeps small maps small', () => {
  const small = encodeClientMap(constantRanges(4), constantRanges(6), 1);
  assert.ok(small.byteLength < 1000, `${small.byteLength} bytes`);
});
