import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Choice, Vip } from '../../src/policy/choice.ts';
import { choiceShares } from '../../src/policy/shares.ts';

const vip = (member: string, address = member): Vip => ({ member, address });

test('choiceShares() of an empty choice is empty', () => {
  assert.equal(choiceShares({ kind: 'empty' }).size, 0);
});

test('choiceShares() counts the addresses of an answer in equal parts', () => {
  const vips = [vip('a'), vip('b', 'b1'), vip('b', 'b2'), vip('c')];
  for (const choice of [
    { kind: 'fixed', vips },
    { kind: 'rotate', vips, answers: 2 },
  ] as const) {
    assert.deepEqual(
      [...choiceShares(choice)],
      [
        ['a', 0.25],
        ['b', 0.5],
        ['c', 0.25],
      ],
    );
  }
});

test('choiceShares() multiplies down nested alternatives and adds up a member’s parts', () => {
  const inner: Choice = {
    kind: 'sticky',
    alternatives: [
      { weight: 3, key: 1, choice: { kind: 'fixed', vips: [vip('a')] } },
      { weight: 1, key: 2, choice: { kind: 'fixed', vips: [vip('b')] } },
    ],
  };
  const choice: Choice = {
    kind: 'weighted',
    alternatives: [
      { weight: 1, key: 0, choice: inner },
      { weight: 4, key: 0, choice: { kind: 'fixed', vips: [vip('a')] } },
    ],
  };
  const shares = choiceShares(choice);
  assert.ok(Math.abs((shares.get('a') ?? 0) - 0.95) < 1e-12);
  assert.ok(Math.abs((shares.get('b') ?? 0) - 0.05) < 1e-12);
});
