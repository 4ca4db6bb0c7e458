import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../src/api/merge-patch.ts';
import { patchRegion, putRegion } from '../../src/api/region-writes.ts';
import { MeridianError } from '../../src/base/errors.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const place = { place: 'aws:eu-west-1' };
const pending = { at: '2026-01-01T00:05:00.000Z', dial: 80, state: 'active' };
const in10m = '2026-01-01T00:10:00.000Z';

/** What happens, what there was, what is written, what comes of it. */
const puts: readonly (readonly [string, Json | undefined, Json, Json])[] = [
  ['takes a new region as it is', undefined, place, place],
  ['keeps the place where none is written', place, { dial: 0 }, { ...place, dial: 0 }],
  ['drops what it does not say', { ...place, dial: 10 }, place, place],
  [
    'replaces a place by coordinates whole',
    place,
    { latitude: 1, longitude: 2 },
    { latitude: 1, longitude: 2 },
  ],
  [
    'sets the expiry that restores what was',
    { ...place, dial: 80 },
    { dial: 0, expires: '10m' },
    { ...place, dial: 0, expiry: { at: in10m, dial: 80, state: 'active' } },
  ],
  [
    'restores what a pending expiry would have restored',
    { ...place, dial: 0, expiry: pending },
    { state: 'down', expires: '10m' },
    { ...place, state: 'down', expiry: { at: in10m, dial: 80, state: 'active' } },
  ],
  ['lasts without expires', { ...place, dial: 0, expiry: pending }, place, place],
  [
    'takes an expiry as answers show it',
    place,
    { ...place, dial: 0, expiry: pending },
    { ...place, dial: 0, expiry: pending },
  ],
];

for (const [what, before, body, result] of puts) {
  test(`putRegion() ${what}`, () => assert.deepEqual(putRegion(body, before, now), result));
}

const drill = { ...place, dial: 0, state: 'down', expiry: pending };
const patches: readonly (readonly [string, Json, Json, Json])[] = [
  [
    'changes only what it says',
    { ...place, dial: 10 },
    { state: 'up' },
    { ...place, dial: 10, state: 'up' },
  ],
  [
    'sets the expiry that restores what was',
    place,
    { state: 'down', expires: '2026-01-01T01:10:00+01:00' },
    { ...place, state: 'down', expiry: { at: in10m, dial: 100, state: 'active' } },
  ],
  [
    'leaves a pending expiry when it is about something else',
    drill,
    { place: 'iata:FRA' },
    { ...drill, place: 'iata:FRA' },
  ],
  [
    'goes back to what it says lastingly of one of the two',
    drill,
    { dial: 50 },
    { ...drill, dial: 50, expiry: { ...pending, dial: 50 } },
  ],
  [
    'forgets an expiry that would change nothing',
    { ...place, dial: 80, state: 'down', expiry: pending },
    { state: 'active' },
    { ...place, dial: 80, state: 'active' },
  ],
  [
    'makes a drill last when expires is null',
    drill,
    { expires: null },
    { ...place, dial: 0, state: 'down' },
  ],
  [
    'puts a pending expiry off',
    drill,
    { expires: '10m' },
    { ...drill, expiry: { ...pending, at: in10m } },
  ],
];

for (const [what, before, patch, result] of patches) {
  test(`patchRegion() ${what}`, () => assert.deepEqual(patchRegion(patch, before, now), result));
}

for (const expires of ['soon', '', '10', 10, true, '2025-12-31T23:59:59Z', '0s', {}] as Json[]) {
  test(`putRegion() refuses expires ${JSON.stringify(expires)}`, () => {
    assert.throws(
      () => putRegion({ dial: 0, expires }, place, now),
      (error) => error instanceof MeridianError && error.problems[0]?.where === '/expires',
    );
  });
}
