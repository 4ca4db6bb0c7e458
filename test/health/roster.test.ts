import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Roster } from '../../src/health/roster.ts';
import { report } from './fleet-fixture.ts';

const states = { fast: 'up', slow: 'up' } as const;
const limits: Readonly<Record<string, number>> = { fast: 3000, slow: 30_000 };
const limitOf = (check: string) => limits[check];

test('Roster.accept() touches nothing when nothing differs', () => {
  const roster = new Roster();
  roster.accept(report('eu1', 1, states), 0, limitOf);
  const touched = roster.accept(report('eu1', 2, states), 1000, limitOf);
  assert.deepEqual([touched.accepted, [...touched.checks], [...touched.runs]], [true, [], []]);
});

test('Roster.accept() touches, after a silence, only the checks whose word had gone stale', () => {
  const roster = new Roster();
  roster.accept(report('eu1', 1, states), 0, limitOf);
  assert.deepEqual([...roster.accept(report('eu1', 2, states), 5000, limitOf).checks], ['fast']);
  const late = roster.accept(report('eu1', 3, states), 36_000, limitOf);
  assert.deepEqual([...late.checks], ['fast', 'slow']);
});

test('Roster.accept() tells a run under way from a vote that differs', () => {
  const roster = new Roster();
  roster.accept(report('eu1', 1, states), 0, limitOf);
  const failing = { state: 'up', next: { state: 'down', checks: 2 } } as const;
  const touched = roster.accept(report('eu1', 2, { fast: failing, slow: 'down' }), 1000, limitOf);
  assert.deepEqual([[...touched.checks], [...touched.runs]], [['slow'], ['fast']]);
});

test('Roster.accept() keeps the word of one agent when another has the cap of agents filled', () => {
  const roster = new Roster();
  for (let at = 0; at < 1000; at++) roster.accept(report(`a${at}`, 1, states), 0, limitOf);
  assert.equal(roster.accept(report('late', 1, states), 0, limitOf).accepted, false);
  assert.equal(roster.accept(report('a7', 2, states), 0, limitOf).accepted, true);
});
