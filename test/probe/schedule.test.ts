import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { firstCheckMs, firstDueMs, nextDueMs, spread } from '../../src/probe/schedule.ts';

test('spread() fills the interval evenly, whatever targets are called', () => {
  const tenths = new Array<number>(10).fill(0);
  for (let n = 0; n < 2000; n++) {
    const place = spread('agent', `https@192.0.2.${n}`);
    assert.ok(place >= 0 && place < 1);
    tenths[Math.floor(place * 10)]!++;
  }
  // 200 each is even; six standard deviations of a fair draw are 80.
  for (const count of tenths) assert.ok(Math.abs(count - 200) < 80, String(tenths));
});

test('spread() gives agents different places, and each the same on every start', () => {
  assert.notEqual(spread('a', 'x'), spread('b', 'x'));
  assert.equal(spread('a', 'x'), spread('a', 'x'));
});

test('firstDueMs() is soon, and within the interval', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (place) => {
      const due = firstDueMs({ intervalMs: 10_000, place }, 5000) - 5000;
      assert.ok(due >= 0 && due < firstCheckMs);
      assert.ok(firstDueMs({ intervalMs: 500, place }, 0) < 500);
    }),
  );
});

test('nextDueMs() keeps gaps within 10 % of the interval once it is in step', () => {
  const anyPlace = fc.double({ min: 0, max: 0.999, noNaN: true });
  const fractions = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 3 });
  fc.assert(
    fc.property(anyPlace, fc.nat(1e9), fractions, (place, startMs, draws) => {
      const beat = { intervalMs: 10_000, place };
      let at = nextDueMs(beat, startMs, 0.5);
      assert.ok(at - startMs >= 4_500 && at - startMs <= 15_500);
      for (const fraction of draws) {
        const next = nextDueMs(beat, at, fraction);
        assert.ok(next - at >= 8_999 && next - at <= 11_001, `${next - at}`);
        at = next;
      }
    }),
  );
});
