import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluate } from '../../src/policy/evaluate.ts';
import {
  anybody,
  colombo,
  failover,
  healthOf,
  nearest,
  paris,
  question,
  regions,
  service,
  sharesOf,
  weighted,
} from './build.ts';

const members = { virginia: {}, ireland: {}, frankfurt: {}, mumbai: {}, tokyo: {} };
const names = Object.keys(members);
const all = service(nearest(names), members);

test('nearest takes the closest eligible member', () => {
  assert.deepEqual(sharesOf(all, { client: paris }), { frankfurt: 1 });
  assert.deepEqual(sharesOf(all, { client: colombo }), { mumbai: 1 });
  const health = healthOf(all, { frankfurt: 'down' });
  assert.deepEqual(sharesOf(all, { client: paris, health }), { ireland: 1 });
});

test('nearest adds the bias of a member to its distance', () => {
  const further = service(nearest(names, { bias: { frankfurt: 400 } }), members);
  assert.deepEqual(sharesOf(further, { client: paris }), { ireland: 1 });
  const closer = service(nearest(names, { bias: { virginia: -6000 } }), members);
  assert.deepEqual(sharesOf(closer, { client: paris }), { virginia: 1 });
});

test('nearest at dial 30 keeps 30 % of its clients and sends 70 % to the next closest', () => {
  const found = sharesOf(all, { client: paris, regions: regions({ frankfurt: { dial: 30 } }) });
  assert.deepEqual(found, { frankfurt: 0.3, ireland: 0.7 });
});

test('nearest multiplies dial and ramp, and passes a dialed next choice on', () => {
  const found = sharesOf(all, {
    client: paris,
    regions: regions({ frankfurt: { dial: 50 }, ireland: { dial: 60 } }),
    health: healthOf(all, { frankfurt: { ramp: 0.2 } }),
  });
  // Frankfurt takes part up to 0.1, Ireland up to 0.6, and Virginia has the rest.
  assert.deepEqual(found, { frankfurt: 0.1, ireland: 0.5, virginia: 0.4 });
});

test('nearest gives the n closest in their order', () => {
  const of = service(nearest(names, { answers: 2 }), members);
  const { choice } = evaluate(question(of, { client: paris }));
  assert.ok(choice.kind === 'fixed');
  assert.deepEqual(
    choice.vips.map(({ member }) => member),
    ['frankfurt', 'ireland'],
  );
});

test('nearest with several answers replaces a dialed member in the rest of the answers', () => {
  const of = service(nearest(names, { answers: 2 }), members);
  const found = sharesOf(of, { client: paris, regions: regions({ frankfurt: { dial: 30 } }) });
  assert.deepEqual(found, { frankfurt: 0.15, ireland: 0.5, virginia: 0.35 });
});

test('nearest lists every member when there are not more than `answers`', () => {
  const of = service(nearest(names, { answers: 8 }), members);
  const { choice } = evaluate(question(of, { client: colombo }));
  assert.ok(choice.kind === 'fixed');
  assert.equal(choice.vips.length, names.length);
  assert.equal(choice.vips[0]?.member, 'mumbai');
});

test('nearest rotates all members for a client whose place is unknown', () => {
  const { choice } = evaluate(question(all, { client: anybody }));
  assert.ok(choice.kind === 'rotate');
  assert.equal(choice.answers, 1);
  assert.equal(choice.vips.length, names.length);
});

test('nearest takes a nested child for the member that it would answer with', () => {
  const of = service(nearest([failover(['tokyo', 'frankfurt']), 'ireland']), members);
  assert.deepEqual(sharesOf(of, { client: paris }), { ireland: 1 });
  const health = healthOf(of, { tokyo: 'down' });
  assert.deepEqual(sharesOf(of, { client: paris, health }), { frankfurt: 1 });
});

test('nearest answers a nested child that draws alone', () => {
  const nested = weighted(['frankfurt', ['ireland', 3]]);
  const of = service(nearest([nested, 'tokyo'], { answers: 2 }), members);
  assert.deepEqual(sharesOf(of, { client: paris }), { frankfurt: 0.25, ireland: 0.75 });
  const { choice } = evaluate(
    question(of, { client: { ...paris, coordinates: { latitude: 36, longitude: 140 } } }),
  );
  assert.deepEqual(choice, { kind: 'fixed', vips: [{ member: 'tokyo', address: '192.0.2.5' }] });
});
