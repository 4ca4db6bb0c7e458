import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Choice } from '../../src/policy/choice.ts';
import {
  choiceAt,
  endsOf,
  overlay,
  type Piece,
  settle,
  turnout,
} from '../../src/policy/outcome.ts';
import { choiceShares } from '../../src/policy/shares.ts';

const only = (member: string): Choice => ({ kind: 'fixed', vips: [{ member, address: member }] });
const [a, b, c] = [only('a'), only('b'), only('c')];

/** Random pieces: rising ends, each with one of a few choices. */
const pieces: fc.Arbitrary<readonly Piece[]> = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { maxLength: 5 }),
    fc.infiniteStream(fc.constantFrom(a, b, c)),
  )
  .map(([ends, choices]) =>
    ends
      .sort((x, y) => x - y)
      .map((end) => ({ upTo: end / 100, choice: choices.next().value ?? a })),
  );

test('overlay() fills at every u what the earlier lists leave open', () => {
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 4 }),
      fc.integer({ min: 1, max: 100 }),
      (lists, n) => {
        const u = n / 100 - 0.005;
        const expected = lists
          .map((list) => choiceAt(list, u))
          .find((choice) => choice !== undefined);
        assert.equal(choiceAt(overlay(lists), u), expected);
      },
    ),
  );
});

test('overlay() gives pieces whose ends rise', () => {
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 4 }), (lists) => {
      const ends = overlay(lists).map(({ upTo }) => upTo);
      assert.deepEqual(
        ends,
        [...new Set(ends)].sort((x, y) => x - y),
      );
    }),
  );
});

test('settle() spreads pieces by their widths and drops what is open', () => {
  const settled = settle([
    { upTo: 0.1, choice: a },
    { upTo: 0.3, choice: b },
    { upTo: 0.4, choice: a },
  ]);
  const shares = choiceShares(settled);
  assert.ok(Math.abs((shares.get('a') ?? 0) - 0.5) < 1e-12);
  assert.ok(Math.abs((shares.get('b') ?? 0) - 0.5) < 1e-12);
});

test('settle() of one choice is that choice, of none the empty one', () => {
  assert.equal(
    settle([
      { upTo: 0.2, choice: a },
      { upTo: 1, choice: a },
    ]),
    a,
  );
  assert.deepEqual(settle([]), { kind: 'empty' });
});

test('turnout() and endsOf() of no pieces are 0 and nothing', () => {
  assert.equal(turnout([]), 0);
  assert.deepEqual(endsOf([[], []]), []);
  assert.deepEqual(endsOf([[{ upTo: 1, choice: a }], [{ upTo: 0.5, choice: b }]]), [0.5, 1]);
});
