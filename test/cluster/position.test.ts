import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  comparePositions,
  formatPosition,
  isAfter,
  parsePosition,
  startPosition,
} from '../../src/cluster/position.ts';

const position = fc.record(
  { term: fc.maxSafeNat(), sequence: fc.maxSafeNat() },
  { noNullPrototype: true },
);

test('comparePositions() orders by term, then by sequence', () => {
  assert.ok(isAfter({ term: 2, sequence: 1 }, { term: 1, sequence: 9 }));
  assert.ok(isAfter({ term: 1, sequence: 2 }, { term: 1, sequence: 1 }));
  assert.ok(!isAfter({ term: 1, sequence: 1 }, { term: 1, sequence: 1 }));
  fc.assert(
    fc.property(position, position, position, (a, b, c) => {
      assert.equal(Math.sign(comparePositions(a, b)), -Math.sign(comparePositions(b, a)));
      assert.ok(comparePositions(a, startPosition) >= 0);
      if (isAfter(a, b) && isAfter(b, c)) assert.ok(isAfter(a, c));
    }),
  );
});

test('parsePosition() reads what formatPosition() writes, and nothing else', () => {
  fc.assert(fc.property(position, (at) => assert.deepEqual(parsePosition(formatPosition(at)), at)));
  for (const text of [
    '',
    '1',
    '1-',
    '-1',
    '1-2-3',
    '01-2',
    '1-+2',
    '1.0-2',
    '9007199254740992-0',
  ]) {
    assert.equal(parsePosition(text), undefined, text);
  }
});
