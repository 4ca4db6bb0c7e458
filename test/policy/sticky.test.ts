import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { evaluate, type Question } from '../../src/policy/evaluate.ts';
import { pickFromChoice, stickyHash } from '../../src/policy/pick.ts';
import type { Service } from '../../src/policy/traffic.ts';
import {
  failover,
  healthOf,
  question,
  regions,
  service,
  sharesOf,
  sticky,
  weighted,
} from './build.ts';

const clients = 4000;
const members = { virginia: { weight: 3 }, ireland: { weight: 2 }, tokyo: {}, mumbai: {} };
const of = service(sticky(Object.keys(members)), members);

/** The address that each of many clients gets first. */
function assign(asked: Service, changes: Partial<Question> = {}): readonly string[] {
  const { choice } = evaluate(question(asked, changes));
  return Array.from({ length: clients }, (_, index) => {
    const hash = stickyHash(4, 0x0a00_0000 + index * 256, 0);
    const [vip] = pickFromChoice(choice, hash, new Random(1));
    return `${vip?.member} ${vip?.address}`;
  });
}

const memberOf = (answer: string | undefined) => answer?.split(' ')[0];

/** The members that clients came from and went to where two assignments differ: `ireland>tokyo`. */
function moves(before: readonly string[], after: readonly string[]): ReadonlySet<string> {
  const pairs = before.flatMap((answer, index) => {
    const other = after[index];
    return answer === other ? [] : [`${memberOf(answer)}>${memberOf(other)}`];
  });
  return new Set(pairs);
}

function moved(before: readonly string[], after: readonly string[]): number {
  return before.filter((answer, index) => answer !== after[index]).length;
}

test('sticky losing a member moves only its own clients', () => {
  const before = assign(of);
  const after = assign(of, { health: healthOf(of, { ireland: 'down' }) });
  const found = moves(before, after);
  assert.deepEqual([...found].sort(), ['ireland>mumbai', 'ireland>tokyo', 'ireland>virginia']);
});

test('sticky gives a member that comes back exactly its own clients', () => {
  assert.deepEqual(assign(of), assign(of, { health: healthOf(of, { ireland: 'up' }) }));
});

test('sticky adding a member takes only its share from each of the others', () => {
  const more = service(sticky(['oregon', ...Object.keys(members)]), {
    ...members,
    oregon: { weight: 1, a: ['192.0.2.99'] },
  });
  const before = assign(of);
  const after = assign(more);
  for (const move of moves(before, after)) assert.match(move, />oregon$/);
  // One part of eight: 500 of 4,000, standard deviation 21.
  assert.ok(Math.abs(moved(before, after) - 500) < 84, `${moved(before, after)} moved`);
});

test('sticky does not mind the order in which children are written', () => {
  const turned = service(sticky(['mumbai', 'tokyo', 'ireland', 'virginia']), members);
  assert.deepEqual(assign(of), assign(turned));
});

test('sticky lets a ramp, a dial or a degraded member move only its own clients', () => {
  const before = assign(of);
  const changes = [
    { health: healthOf(of, { virginia: { ramp: 0.5 } }) },
    { health: healthOf(of, { virginia: 'degraded' }) },
    { regions: regions({ virginia: { dial: 90 } }) },
  ];
  for (const change of changes) {
    const found = moves(before, assign(of, change));
    assert.ok(found.size > 0);
    for (const move of found) assert.match(move, /^virginia>/);
  }
});

test('sticky weights are hashed in proportion', () => {
  const counts = new Map<string, number>();
  for (const answer of assign(of)) {
    const member = memberOf(answer) ?? '';
    counts.set(member, (counts.get(member) ?? 0) + 1);
  }
  let chiSquare = 0;
  for (const [member, { weight = 1 }] of Object.entries<{ weight?: number }>(members)) {
    const expected = (clients * weight) / 7;
    chiSquare += ((counts.get(member) ?? 0) - expected) ** 2 / expected;
  }
  // 3 degrees of freedom: above 16.3 once in a thousand.
  assert.ok(chiSquare < 16.3, `chi-square ${chiSquare}`);
});

const several = service(sticky(['virginia', 'tokyo']), {
  virginia: { a: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] },
  tokyo: { a: ['192.0.2.9'] },
});

test('sticky keeps a client on its VIP, and offers the member’s others behind it', () => {
  const { choice } = evaluate(question(several));
  const firsts = new Set<string>();
  for (let hash = 0; hash < 100; hash++) {
    const answer = pickFromChoice(choice, hash, new Random(1));
    assert.deepEqual(answer, pickFromChoice(choice, hash, new Random(2)));
    if (answer[0]?.member === 'virginia') {
      assert.equal(answer.length, 3);
      firsts.add(answer[0].address);
    }
  }
  assert.equal(firsts.size, 3);
});

test('sticky losing one VIP moves only the clients of that VIP', () => {
  const before = assign(several);
  const vips = new Map([['192.0.2.2', 'down']] as const);
  const after = assign(several, { health: new Map([['virginia', { vips, ramp: 1 }]]) });
  for (const [index, answer] of before.entries()) {
    if (answer !== after[index]) assert.equal(answer, 'virginia 192.0.2.2');
  }
  assert.ok(moved(before, after) > 400);
});

test('sticky moves nobody when a member is renumbered', () => {
  const renumbered = service(of.policy, { ...members, tokyo: { a: ['198.51.100.7'] } });
  assert.deepEqual(assign(of).map(memberOf), assign(renumbered).map(memberOf));
});

test('sticky asks for the same child as one member and not twice', () => {
  const twice = service(sticky(['virginia', 'virginia', 'tokyo']), { virginia: {}, tokyo: {} });
  const answers = assign(twice).filter((answer) => memberOf(answer) === 'tokyo').length;
  assert.ok(Math.abs(answers - clients / 3) < 120, `${answers} of ${clients}`);
  assert.deepEqual(sharesOf(twice), { tokyo: 0.333, virginia: 0.667 });
});

test('sticky keeps a client on one side of a nested child that is split by a dial', () => {
  const nested = service(sticky([[failover(['virginia', 'ireland']), 2], 'tokyo']), members);
  const part = (dial: number) => assign(nested, { regions: regions({ virginia: { dial } }) });
  for (const move of moves(part(20), part(60))) assert.equal(move, 'ireland>virginia');
  assert.ok(moved(part(20), part(60)) > 0);
});

test('sticky inside weighted still keeps a client within its group', () => {
  const group = service(weighted([sticky(['virginia', 'ireland'])]), members);
  assert.deepEqual(assign(group), assign(group));
  assert.equal(evaluate(question(group)).choice.kind, 'sticky');
});

test('sticky with one child left answers it to all', () => {
  const health = healthOf(of, { virginia: 'down', ireland: 'down', tokyo: 'down' });
  assert.deepEqual(sharesOf(of, { health }), { mumbai: 1 });
});
