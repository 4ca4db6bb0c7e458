import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Problem } from '../../src/base/errors.ts';
import { changedNames } from '../../src/zone/changed-names.ts';
import { checkEdit } from '../../src/zone/check-edit.ts';
import { checkZone } from '../../src/zone/check-zone.ts';
import type { Zone } from '../../src/zone/zone.ts';
import { bareZone, origin, wish, wished, withWishes } from '../image/edited-zones.ts';

/** Problems without a place come in no order that an edit keeps. */
const sorted = (problems: readonly Problem[]) =>
  problems.map((problem) => JSON.stringify(problem)).sort();

test('checkEdit() finds what checkZone() finds, however often a zone was edited', () => {
  let followed = 0;
  let found = 0;
  fc.assert(
    fc.property(
      fc.array(wish, { minLength: 6, maxLength: 20 }),
      fc.array(fc.array(wish, { minLength: 1, maxLength: 3 }), { maxLength: 6 }),
      (base, edits) => {
        const nodes = new Map(base.reduce((zone, one) => wished(zone, [one]), bareZone()).nodes);
        let before: Zone = { origin, nodes };
        checkEdit(undefined, before, 0);
        for (const wishes of edits) {
          // What is refused leaves its traces in what versions share.
          checkEdit(before, withWishes(before, wishes.slice(1)), 0);
          const next = withWishes(before, wishes);
          if (changedNames(before, next, 1000) !== undefined) followed += 1;
          const problems = checkEdit(before, next, 0);
          assert.deepEqual(sorted(problems), sorted(checkZone(next)));
          found += problems.length;
          before = next;
        }
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(followed > 300, `${followed} edits were followed`);
  assert.ok(found > 300, `${found} problems`);
});
