import assert from 'node:assert/strict';
import { test } from 'node:test';
import { standingsFailingOpen, standingsOf } from '../../src/policy/eligibility.ts';
import type { AdminState } from '../../src/policy/traffic.ts';
import { healthOf, regions, service, weighted } from './build.ts';

const two = (member: object = {}) =>
  service(weighted(['virginia', 'ireland']), { virginia: member, ireland: {} });

function standing(
  of: ReturnType<typeof two>,
  options: Partial<Parameters<typeof standingsOf>[0]> = {},
) {
  const input = { service: of, regions: regions(), health: new Map(), family: 4, ...options };
  return standingsOf(input as Parameters<typeof standingsOf>[0]).get('virginia')!;
}

const verdicts = [
  ['up', undefined, 1],
  ['unknown', undefined, 1],
  ['degraded', undefined, 0.5],
  ['down', 'down', 0],
] as const;
for (const [verdict, drop, soundness] of verdicts) {
  test(`standingsOf() of a member whose VIP is ${verdict}: ${drop ?? 'eligible'}`, () => {
    const of = two();
    const found = standing(of, { health: healthOf(of, { virginia: verdict }) });
    assert.equal(found.drop, drop);
    assert.equal(found.soundness, soundness);
    assert.equal(found.vips.length, drop === undefined ? 1 : 0);
  });
}

test('standingsOf() takes a member without health for unknown, which may answer', () => {
  assert.equal(standing(two()).drop, undefined);
});

/** region state, member state, verdict → why it is dropped */
const admin: readonly [AdminState, AdminState, 'up' | 'down', string | undefined][] = [
  ['active', 'active', 'up', undefined],
  ['active', 'active', 'down', 'down'],
  ['down', 'active', 'up', 'admin-down'],
  ['up', 'active', 'down', undefined],
  ['active', 'down', 'up', 'admin-down'],
  ['active', 'up', 'down', undefined],
  ['down', 'up', 'down', undefined],
  ['up', 'down', 'up', 'admin-down'],
  ['drained', 'up', 'up', 'drained'],
  ['up', 'drained', 'up', 'drained'],
  ['drained', 'active', 'down', 'drained'],
];
for (const [region, member, verdict, drop] of admin) {
  test(`standingsOf() with region ${region}, member ${member}, verdict ${verdict}: ${drop}`, () => {
    const of = two({ state: member });
    const found = standing(of, {
      regions: regions({ virginia: { state: region } }),
      health: healthOf(of, { virginia: verdict }),
    });
    assert.equal(found.drop, drop);
  });
}

test('standingsOf() drops a member at dial 0 as drained, even when it is forced up', () => {
  const of = two({ state: 'up' });
  assert.equal(standing(of, { regions: regions({ virginia: { dial: 0 } }) }).drop, 'drained');
});

test('standingsOf() drops a member without a VIP of the family, and only for that family', () => {
  const of = two({ aaaa: [] });
  assert.equal(standing(of, { family: 6 }).drop, 'no-address');
  assert.equal(standing(of, { family: 4 }).drop, undefined);
});

test('standingsOf() answers only the eligible VIPs and counts their share', () => {
  const of = two({ a: ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'] });
  const vips = new Map([
    ['192.0.2.1', 'down'],
    ['192.0.2.2', 'degraded'],
    ['192.0.2.3', 'up'],
  ] as const);
  const found = standing(of, { health: new Map([['virginia', { vips, ramp: 1 }]]) });
  assert.deepEqual(
    found.vips.map(({ address }) => address),
    ['192.0.2.2', '192.0.2.3', '192.0.2.4'],
  );
  assert.equal(found.vipShare, 0.75);
  assert.ok(Math.abs(found.soundness - (0.5 + 1 + 1) / 3) < 1e-12);
});

test('standingsOf() multiplies dial and ramp in whole percents, at least one', () => {
  const of = two();
  const keep = (dial: number, ramp: number) =>
    standing(of, {
      regions: regions({ virginia: { dial } }),
      health: healthOf(of, { virginia: { ramp } }),
    }).keep;
  assert.equal(keep(30, 1), 0.3);
  assert.equal(keep(50, 0.5), 0.25);
  assert.equal(keep(100, 0), 0.01);
  assert.equal(keep(1, 0.05), 0.01);
});

test('standingsOf() spills capacity / load only when it is on and the load is above', () => {
  const spilling = { ...two({ capacity: 100 }), spill: true };
  const spill = (of: typeof spilling, load: number) =>
    standing(of, { health: healthOf(of, { virginia: { load } }) }).spill;
  assert.equal(spill(spilling, 400), 0.25);
  assert.equal(spill(spilling, 100), 1);
  assert.equal(spill({ ...spilling, spill: false }, 400), 1);
});

test('standingsFailingOpen() opens members that are not drained, else all with addresses', () => {
  const of = two();
  const open = (changes: Parameters<typeof regions>[0]) =>
    [
      ...standingsFailingOpen({
        service: of,
        regions: regions(changes),
        health: healthOf(of, { virginia: 'down', ireland: 'down' }),
        family: 4,
      }).values(),
    ]
      .filter(({ drop }) => drop === undefined)
      .map(({ member }) => member);
  assert.deepEqual(open({}), ['virginia', 'ireland']);
  assert.deepEqual(open({ virginia: { dial: 0 } }), ['ireland']);
  assert.deepEqual(open({ virginia: { dial: 0 }, ireland: { state: 'drained' } }), [
    'virginia',
    'ireland',
  ]);
});
