import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  errorText,
  formatProblem,
  isAcceptable,
  MeridianError,
  type Problem,
} from '../../src/base/errors.ts';

const bad: Problem = { code: 'E_FLAG', message: 'no; yes', where: '--x' };
const mild: Problem = { code: 'E_LIMIT', message: 'many', severity: 'warning' };

test('MeridianError carries every problem, prints each on a line, and has the code of the first', () => {
  const cause = new Error('why');
  const error = new MeridianError([bad, mild], { cause });
  assert.equal(error.code, 'E_FLAG');
  assert.equal(error.message, '--x: no; yes (E_FLAG)\nwarning: many (E_LIMIT)');
  assert.deepEqual([error.problems, error.cause], [[bad, mild], cause]);
  assert.equal(new MeridianError(mild).problems.length, 1);
  assert.equal(new MeridianError([]).code, 'E_INTERNAL');
});

test('formatProblem() leaves out what is not known', () => {
  assert.equal(formatProblem({ code: 'E_FLAG', message: 'no' }), 'no (E_FLAG)');
});

test('isAcceptable() takes warnings only', () => {
  assert.equal(isAcceptable([]), true);
  assert.equal(isAcceptable([mild]), true);
  assert.equal(isAcceptable([mild, bad]), false);
});

test('errorText() has a text for whatever was thrown', () => {
  assert.equal(errorText(new Error('a')), 'a');
  assert.equal(errorText('b'), 'b');
  assert.equal(errorText(undefined), 'undefined');
});
