import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../src/base/limits.ts';
import { decodeSeries, encodeSeries, type SavedLatency } from '../../src/latency/saved-series.ts';
import type { SavedSeries } from '../../src/latency/series-store.ts';

const plain = { noNullPrototype: true };
const series: fc.Arbitrary<SavedSeries> = fc
  .record(
    {
      key: fc.string(),
      region: fc.string(),
      source: fc.string(),
      samples: fc.integer({ min: 0, max: 99_999 }),
      presence: fc.integer({ min: 0, max: 999 }),
      ageMs: fc.integer({ min: 0, max: 999_999 }),
      bins: fc.uniqueArray(fc.nat(127)),
    },
    plain,
  )
  .map(({ bins, ...one }) => ({ ...one, filled: bins.flatMap((bin) => [bin, bin + 0.5]) }));

const saved: fc.Arbitrary<SavedLatency> = fc.record(
  {
    epochMs: fc.nat(),
    places: fc.constant(new Map([['eu', { latitude: 52.5, longitude: -13.4 }]])),
    series: fc.array(series, { maxLength: 20 }),
  },
  plain,
);

test('decodeSeries() reads what encodeSeries() wrote', () => {
  fc.assert(fc.property(saved, (one) => assert.deepEqual(decodeSeries(encodeSeries(one)), one)));
});

test('decodeSeries() says what is wrong with any octets and any one that was changed, and never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => assert.equal(typeof decodeSeries(bytes), 'string')),
  );
  fc.assert(
    fc.property(saved, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, place, flip) => {
      const bytes = encodeSeries(one);
      const at = place % bytes.length;
      bytes[at] = bytes[at]! ^ flip;
      const cut = bytes.subarray(0, at);
      assert.equal(typeof decodeSeries(cut), 'string');
      const found = decodeSeries(bytes);
      // The blank space of the first line may change and mean the same.
      if (typeof found !== 'string') assert.deepEqual(found, one);
    }),
  );
});

test('encodeSeries() keeps the first of more series than there may be', () => {
  const one = { key: 'asn 1', region: 'eu', source: '', samples: 1, presence: 1, ageMs: 0 };
  const many = Array.from({ length: limits.latencySeries + 5 }, (_, place) => ({
    ...one,
    key: `asn ${place}`,
    filled: [],
  }));
  const found = decodeSeries(encodeSeries({ epochMs: 1, places: new Map(), series: many }));
  assert.ok(typeof found !== 'string');
  assert.equal(found.series.length, limits.latencySeries);
  assert.equal(found.series.at(-1)?.key, `asn ${limits.latencySeries - 1}`);
});
