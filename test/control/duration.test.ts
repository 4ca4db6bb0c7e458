import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../src/control/duration.ts';
import { suggest } from '../../src/control/suggest.ts';

test('parseDuration() takes numbers with units and nothing else', () => {
  for (const [text, ms] of [
    ['500ms', 500],
    ['10s', 10_000],
    ['2m', 120_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['1m30s250ms', 90_250],
    ['0s', 0],
    ['', undefined],
    ['10', undefined],
    ['s', undefined],
    ['1.5s', undefined],
    ['-1s', undefined],
    ['1s1m', undefined],
    ['1S', undefined],
    [' 1s', undefined],
    ['9999999999999s', undefined],
  ] as const) {
    assert.equal(parseDuration(text), ms, JSON.stringify(text));
  }
});

test('formatDuration(), law: parseDuration() reads it back', () => {
  fc.assert(
    fc.property(fc.nat({ max: 10 ** 10 }), (ms) => {
      assert.equal(parseDuration(formatDuration(ms)), ms);
    }),
  );
});

test('suggest() finds what was meant and does not guess wildly', () => {
  const words = ['interval', 'timeout', 'fall', 'rise', 'us-east', 'us-west'];
  for (const [text, found] of [
    ['intervall', 'interval'],
    ['tiemout', 'timeout'],
    ['Fall', 'fall'],
    ['us-wst', 'us-west'],
    ['quorum', undefined],
    ['x', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(suggest(text, words), found, text);
  }
});
