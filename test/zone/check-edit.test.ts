import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAcceptable } from '../../src/base/errors.ts';
import { checkEdit } from '../../src/zone/check-edit.ts';
import { checkZone } from '../../src/zone/check-zone.ts';
import { additionalTargets, plainChanges } from '../../src/zone/plain-changes.ts';
import type { Zone } from '../../src/zone/zone.ts';
import { bareZone, origin, wish, wished, withWishes } from '../image/edited-zones.ts';

test('checkEdit() finds what checkZone() finds', () => {
  let plain = 0;
  fc.assert(
    fc.property(
      fc.array(wish, { minLength: 6, maxLength: 20 }),
      fc.array(wish, { maxLength: 6 }),
      (base, edits) => {
        const nodes = new Map(base.reduce((zone, one) => wished(zone, [one]), bareZone()).nodes);
        let before: Zone = { origin, nodes };
        checkEdit(undefined, before, 0);
        for (const one of edits) {
          const next = withWishes(before, [one]);
          if (plainChanges(before, next, additionalTargets(before)) !== undefined) plain += 1;
          assert.deepEqual(checkEdit(before, next, 0), checkZone(next));
          if (isAcceptable(checkZone(next))) before = next;
        }
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(plain > 50, `${plain} plain changes`);
});
