import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { editDistance } from '../../src/base/edit-distance.ts';

test('editDistance() counts insertions, deletions, substitutions and swaps', () => {
  assert.equal(editDistance('region', 'region'), 0);
  assert.equal(editDistance('region', 'regoin'), 1);
  assert.equal(editDistance('region', 'regions'), 1);
  assert.equal(editDistance('weight', 'wait'), 3);
  assert.equal(editDistance('', 'abc'), 3);
});

test('editDistance() is symmetric, and gives up just above its bound', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
  fc.assert(
    fc.property(word, word, fc.nat(8), (a, b, bound) => {
      const distance = editDistance(a, b);
      assert.equal(editDistance(b, a), distance);
      assert.equal(editDistance(a, b, bound), Math.min(distance, bound + 1));
    }),
  );
});
