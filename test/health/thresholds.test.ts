import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  nextState,
  stepThresholds,
  type ThresholdState,
  unchecked,
} from '../../src/health/thresholds.ts';
import type { Verdict } from '../../src/health/verdict.ts';

const monitor = { fall: 3, rise: 2 };
const letters: Readonly<Record<string, Verdict>> = {
  u: 'up',
  g: 'degraded',
  d: 'down',
  '?': 'unknown',
};

function run(results: string, limits = monitor): ThresholdState {
  let state = unchecked(0);
  for (const [place, letter] of [...results].entries()) {
    state = stepThresholds(state, letters[letter] ?? 'unknown', limits, place + 1);
  }
  return state;
}

const table: readonly (readonly [string, string, Verdict])[] = [
  ['is unknown before the first check', '', 'unknown'],
  ['takes the first good result at once', 'u', 'up'],
  ['takes the first degraded result at once', 'g', 'degraded'],
  ['needs fall failures even from unknown', 'dd', 'unknown'],
  ['goes down from unknown after fall failures', 'ddd', 'down'],
  ['stays up through fewer than fall failures', 'udd', 'up'],
  ['goes down after fall failures', 'uddd', 'down'],
  ['starts the count again after a success', 'uddudd', 'up'],
  ['stays down through fewer than rise successes', 'udddu', 'down'],
  ['comes up after rise successes', 'udddu' + 'u', 'up'],
  ['starts counting successes again after a failure', 'udddudu', 'down'],
  ['degrades after fall results that are not up', 'uggg', 'degraded'],
  ['counts failures among the results that are not up', 'ugdg', 'degraded'],
  ['goes down from degraded after fall failures', 'ggddd', 'down'],
  ['leaves degraded after rise results that are up', 'guu', 'up'],
  ['stays degraded after fewer', 'gu', 'degraded'],
  ['comes back as degraded when the answers are', 'uddd' + 'gg', 'degraded'],
  ['comes back as degraded when only the last answer is up', 'uddd' + 'gu', 'degraded'],
  ['keeps its state through a check that could not be made', 'u?', 'up'],
  ['does not let such a check break a run', 'ud?dd', 'down'],
  ['is unknown after fall checks that could not be made', 'u???', 'unknown'],
];

for (const [behaviour, results, expected] of table) {
  test(`stepThresholds() ${behaviour}`, () => {
    assert.equal(run(results).state, expected);
  });
}

test('stepThresholds() remembers since when the state lasts', () => {
  assert.equal(run('uudddd').sinceMs, 5);
  assert.equal(run('uuuu').sinceMs, 1);
});

test('nextState() counts the checks that a run still needs', () => {
  assert.equal(nextState(run('u'), monitor), undefined);
  assert.deepEqual(nextState(run('ud'), monitor), { state: 'down', checks: 2 });
  assert.deepEqual(nextState(run('udd'), monitor), { state: 'down', checks: 1 });
  assert.equal(nextState(run('uddd'), monitor), undefined);
  assert.deepEqual(nextState(run('udddu'), monitor), { state: 'up', checks: 1 });
  assert.deepEqual(nextState(run('ug'), monitor), { state: 'degraded', checks: 2 });
  assert.deepEqual(nextState(run('gu'), monitor), { state: 'up', checks: 1 });
  assert.deepEqual(nextState(run('d'), monitor), { state: 'down', checks: 2 });
});

test('nextState() holds: as many more results of its kind change the state, no fewer', () => {
  const letter = fc.constantFrom('u', 'g', 'd', '?');
  fc.assert(
    fc.property(
      fc.array(letter, { maxLength: 20 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      (results, fall, rise) => {
        const limits = { fall, rise };
        let state = run(results.join(''), limits);
        const next = nextState(state, limits);
        if (next === undefined) return;
        const before = state.state;
        for (let left = next.checks; left > 0; left--) {
          assert.equal(state.state, before);
          state = stepThresholds(state, next.state, limits, 100);
        }
        assert.notEqual(state.state, before);
      },
    ),
  );
});
