import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SequenceMemo } from '../../src/policy/sequence-memo.ts';

test('SequenceMemo.get() makes a thing once per sequence, order and length counting', () => {
  const memo = new SequenceMemo<{ readonly name: string }>();
  const [a, b] = [{}, {}];
  const first = memo.get([a, b], () => ({ name: 'ab' }));
  assert.equal(
    memo.get([a, b], () => ({ name: 'again' })),
    first,
  );
  assert.equal(memo.get([b, a], () => ({ name: 'ba' })).name, 'ba');
  assert.equal(memo.get([a], () => ({ name: 'a' })).name, 'a');
  assert.equal(memo.get([], () => ({ name: '' })).name, '');
  assert.equal(memo.get([{}, b], () => ({ name: 'other' })).name, 'other');
});
