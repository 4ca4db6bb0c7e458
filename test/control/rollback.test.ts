import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MeridianError } from '../../src/base/errors.ts';
import type { ObjectWrite } from '../../src/control/change.ts';
import type { Configuration } from '../../src/control/controller.ts';
import { diffRevisions } from '../../src/control/revision-diff.ts';
import { rrTypes } from '../../src/wire/types.ts';
import { diffZones } from '../../src/zone/diff-zone.ts';
import { compareSerials } from '../../src/zone/serial.ts';
import { berlin, by, codesOf, exampleWrites, openBench, osaka, put, serialOf } from './fixtures.ts';

/** Equal but for SOA serials, which never go back. */
function assertSameContent(actual: Configuration, expected: Configuration): void {
  const sorted = (map: ReadonlyMap<string, unknown>) => new Map([...map].sort());
  assert.deepEqual(sorted(actual.traffic.regions), sorted(expected.traffic.regions));
  assert.deepEqual(sorted(actual.traffic.services), sorted(expected.traffic.services));
  assert.deepEqual([...actual.zones.keys()].sort(), [...expected.zones.keys()].sort());
  for (const [origin, zone] of expected.zones) {
    const differences = diffZones(actual.zones.get(origin), zone);
    assert.deepEqual(
      differences.filter(({ type }) => type !== rrTypes.SOA),
      [],
    );
  }
}

test('rollback() writes what was as a new revision, with a later serial', async () => {
  const { controller, store } = await openBench();
  await controller.apply(exampleWrites(), by);
  const before = controller.configuration();
  await controller.apply(
    [
      put('region', 'eu', { ...berlin, dial: 5 }),
      put('region', 'us', osaka),
      put('rrset', 'example.com./x.example.com./A', { ttl: 1, values: ['192.0.2.9'] }),
    ],
    by,
  );
  await controller.apply(
    [put('rrset', 'example.com./ns1.example.com./A', { ttl: 1, values: ['192.0.2.9'] })],
    by,
  );
  assert.equal(serialOf(controller), 7);
  const result = await controller.rollback(1, { ...by, summary: 'back' });
  assert.equal(result.revision, 4);
  assertSameContent(controller.configuration(), before);
  assert.equal(serialOf(controller), 8);
  assert.equal(store.revision(4)?.summary, 'back');
  assert.equal(store.verify(), undefined);
});

test('rollback() to now changes nothing; to what never was is refused', async () => {
  const { controller } = await openBench();
  await controller.apply(exampleWrites(), by);
  assert.deepEqual(await controller.rollback(1, by), { revision: 1, changes: [], warnings: [] });
  for (const target of [2, -1, 0.5]) {
    assert.deepEqual(await codesOf(controller.rollback(target, by)), ['E_NOT_FOUND']);
  }
});

test('rollback() to 0 empties the configuration', async () => {
  const { controller, store } = await openBench();
  await controller.apply(exampleWrites(), by);
  await controller.rollback(0, by);
  assert.deepEqual([...store.objects()], []);
});

test('rollback() shows its plan in a dry run', async () => {
  const { controller, store } = await openBench();
  await controller.apply(exampleWrites(), by);
  await controller.apply([put('region', 'eu', { ...berlin, dial: 5 })], by);
  const plan = await controller.rollback(1, { ...by, dryRun: true });
  assert.deepEqual(
    plan.changes.map(({ id }) => id),
    ['eu'],
  );
  assert.equal(store.latest(), 2);
});

test('diffRevisions() sums up what lies between, in both directions', async () => {
  const { controller } = await openBench();
  const region = (dial: number) => put('region', 'eu', { ...berlin, dial });
  await controller.apply([region(1)], by);
  await controller.apply([region(2)], by);
  await controller.apply([put('region', 'us', osaka)], by);
  await controller.apply([put('region', 'us', null)], by);
  const dials = (from: number, to: number) =>
    diffRevisions(controller, from, to).map(({ id, before, after }) =>
      [id, ...[before, after].map((body) => body && JSON.parse(body).dial)].join(' '),
    );
  assert.deepEqual(dials(0, 4), ['eu  2']);
  assert.deepEqual(dials(4, 1), ['eu 2 1']);
  assert.deepEqual(dials(2, 4), []);
  assert.deepEqual(dials(3, 3), []);
  assert.throws(() => diffRevisions(controller, 1, 9), MeridianError);
  assert.throws(() => diffRevisions(controller, 9, 9), MeridianError);
});

const owners = ['a', 'b', 'c'].map((label) => `${label}.example.com.`);
const write: fc.Arbitrary<ObjectWrite> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...owners), fc.option(fc.integer({ min: 0, max: 255 })))
    .map(([owner, last]) =>
      put(
        'rrset',
        `example.com./${owner}/A`,
        last === null ? null : { ttl: 60, values: [`192.0.2.${last}`] },
      ),
    ),
  fc
    .tuple(fc.constantFrom('eu', 'asia', 'us'), fc.option(fc.integer({ min: 0, max: 102 })))
    .map(([name, dial]) => put('region', name, dial === null ? null : { ...berlin, dial })),
  fc.subarray(['eu', 'asia', 'us'], { minLength: 1 }).map((members) =>
    put('service', 'web', {
      members: Object.fromEntries(members.map((name, n) => [name, { a: [`192.0.2.${n + 1}`] }])),
    }),
  ),
);

test('apply() and rollback(), law: successes are revisions, and every past can be had again', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(write, { minLength: 1, maxLength: 3 }), { maxLength: 12 }),
      fc.nat(),
      async (changes, pick) => {
        const { controller, store, published } = await openBench();
        await controller.apply(exampleWrites(), by);
        const past = [controller.configuration()];
        for (const writes of changes) {
          const serial = serialOf(controller);
          try {
            const { revision, changes: made } = await controller.apply(writes, by);
            if (made.length > 0) past.push(controller.configuration());
            assert.equal(revision, past.length);
            assert.ok((compareSerials(serialOf(controller), serial) ?? -1) >= 0);
          } catch (error) {
            assert.ok(error instanceof MeridianError, String(error));
            assert.equal(controller.configuration(), past.at(-1));
          }
          assert.equal(store.latest(), past.length);
          assert.equal(published.at(-1)?.revision, past.length);
        }
        const target = (pick % past.length) + 1;
        await controller.rollback(target, by);
        const expected = past[target - 1];
        assert.ok(expected !== undefined);
        assertSameContent(controller.configuration(), expected);
        const again = await openBench({ store });
        assertSameContent(again.controller.configuration(), expected);
        assert.equal(store.verify(), undefined);
      },
    ),
    { numRuns: 60 },
  );
});
