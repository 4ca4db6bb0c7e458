import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Problem } from '../../src/base/errors.ts';
import { finishSteps } from '../../src/base/steps.ts';
import { changedNames } from '../../src/zone/changed-names.ts';
import { checkEdit, checkWhole, expectCheck } from '../../src/zone/check-edit.ts';
import { checkZone } from '../../src/zone/check-zone.ts';
import type { Zone } from '../../src/zone/zone.ts';
import { findLinks } from '../../src/zone/zone-links.ts';
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

test('checkEdit() finds what an edit concerns while a stored zone is looked over, and then all', () => {
  const large = (zone: Zone, text: string, value: string) =>
    withWishes(zone, [
      { owner: `${text}.${origin}`, content: ['MX', [value]], isRemoval: false, ttl: 60 } as never,
    ]);
  const nodes = new Map(large(bareZone(), 'a', '10 none').nodes);
  const host = nodes.get(`ns1.${origin}`) ?? assert.fail();
  // So many that the versions of the zone have a layer in common.
  for (let index = 0; index < 50; index += 1) nodes.set(`h${index}.${origin}`, host);
  const stored: Zone = { origin, nodes };
  finishSteps(findLinks(stored));
  expectCheck(stored);
  const one = large(stored, 'b', '10 nobody');
  const owners = (problems: readonly Problem[]) =>
    problems.map(({ message }) => /at "(\w+)"/.exec(message)?.[1]).sort();
  assert.deepEqual(owners(checkEdit(stored, one, 0)), ['b']);
  finishSteps(checkWhole(stored));
  const two = large(one, 'c', '10 nothing');
  assert.deepEqual(owners(checkEdit(one, two, 0)), ['a', 'b', 'c']);
  const mended = large(two, 'a', '10 ns1');
  assert.deepEqual(owners(checkEdit(two, mended, 0)), ['b', 'c']);
});
