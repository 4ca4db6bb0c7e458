import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { evaluate, type Question } from '../../src/policy/evaluate.ts';
import { pickFromChoice, stickyHash } from '../../src/policy/pick.ts';
import { choiceShares } from '../../src/policy/shares.ts';
import type { PolicyNode } from '../../src/policy/traffic.ts';
import {
  failover,
  geo,
  healthOf,
  latency,
  leastLoad,
  nearest,
  paris,
  question,
  regions,
  roundRobin,
  service,
  sticky,
  weighted,
} from './build.ts';

/** What every policy kind must do. A new kind is one more line here. */
const names = ['virginia', 'oregon', 'ireland', 'frankfurt', 'mumbai'];
const kinds: Readonly<Record<string, PolicyNode>> = {
  member: { kind: 'member', member: 'ireland' },
  roundRobin: roundRobin(names),
  weighted: weighted(names),
  geo: geo([[{ continent: ['EU'] }, 'ireland']], weighted(names)),
  nearest: nearest(names),
  'nearest with answers': nearest(names, { answers: 3 }),
  latency: latency(names),
  'latency with ties': latency(names, { toleranceMs: 1000 }),
  failover: failover(names),
  sticky: sticky(names),
  leastLoad: leastLoad(names),
  'a tree': geo(
    [[{ continent: ['EU'] }, failover([latency(['ireland', 'frankfurt']), nearest(names)])]],
    sticky([weighted(names.slice(0, 2)), [roundRobin(names.slice(2)), 2]]),
  ),
};

const members = Object.fromEntries(
  names.map((name, index) => [
    name,
    { weight: index + 1, capacity: 100 * (index + 1), a: [`192.0.2.${index * 2 + 1}`] },
  ]),
);

/** Whose addresses come first in many answers, over as many clients. */
function sample(ask: Question, seed: number, draws: number): Map<string, number> {
  const { choice } = evaluate(ask);
  const random = new Random(seed);
  const counts = new Map<string, number>();
  for (let draw = 0; draw < draws; draw++) {
    const hash = stickyHash(4, (0x0a00_0000 + draw * 256) >>> 0, 0);
    const vips = pickFromChoice(choice, hash, random);
    // Each address of an answer counts its part, as shares do.
    for (const { member } of vips) {
      counts.set(member, (counts.get(member) ?? 0) + 1 / vips.length);
    }
  }
  return counts;
}

/** Critical values of chi-square at one in ten thousand, by degrees of freedom. */
const critical = [0, 15.14, 18.42, 21.11, 23.51];

for (const [kind, policy] of Object.entries(kinds)) {
  const of = service(policy, members);
  const conditions: Readonly<Record<string, Partial<Question>>> = {
    'in full health': {},
    'with one member down, one ramping, one dialed': {
      health: healthOf(of, { ireland: 'down', frankfurt: { ramp: 0.4 }, mumbai: 'degraded' }),
      regions: regions({ virginia: { dial: 25 } }),
    },
    'under load': {
      health: healthOf(of, { virginia: { load: 90 }, oregon: { load: 50 }, mumbai: { load: 700 } }),
    },
  };

  for (const [condition, changes] of Object.entries(conditions)) {
    const ask = question(of, { client: paris, ...changes });

    test(`${kind} sends clients where its shares say, ${condition}`, () => {
      const draws = 20_000;
      const counts = sample(ask, 11, draws);
      const expected = choiceShares(evaluate(ask).choice);
      let chiSquare = 0;
      for (const [member, share] of expected) {
        chiSquare += ((counts.get(member) ?? 0) - share * draws) ** 2 / (share * draws);
      }
      assert.ok([...counts.keys()].every((member) => expected.has(member)));
      const limit = critical[expected.size - 1] ?? 0;
      assert.ok(chiSquare <= limit + 1e-9, `chi-square ${chiSquare} over ${limit}`);
    });

    test(`${kind} draws the same answers from the same seed, ${condition}`, () => {
      assert.deepEqual(sample(ask, 5, 500), sample(ask, 5, 500));
    });
  }

  test(`${kind} never answers with a member that may not`, () => {
    const health = healthOf(of, { ireland: 'down', virginia: 'down' });
    const drained = regions({ oregon: { state: 'drained' } });
    const ask = question(of, { client: paris, health, regions: drained });
    const evaluation = evaluate(ask);
    const allowed = evaluation.failedOpen ? ['ireland'] : ['frankfurt', 'mumbai'];
    for (const member of sample(ask, 3, 500).keys()) {
      // The single-member policy has nothing left but a healthy member that it does not name.
      const open = kind === 'member' ? ['frankfurt', 'mumbai'] : allowed;
      assert.ok(open.includes(member), member);
    }
  });

  test(`${kind} answers something however few are left`, () => {
    for (const last of names) {
      const dead = names.filter((name) => name !== last).map((name) => [name, 'down'] as const);
      const health = healthOf(of, Object.fromEntries(dead));
      const shares = choiceShares(evaluate(question(of, { client: paris, health })).choice);
      assert.deepEqual([...shares.keys()], [last]);
    }
  });

  test(`${kind} fails open when nothing is left`, () => {
    const health = healthOf(of, Object.fromEntries(names.map((name) => [name, 'down'] as const)));
    const { choice, failedOpen } = evaluate(question(of, { client: paris, health }));
    assert.equal(failedOpen, true);
    assert.ok(choiceShares(choice).size > 0);
  });
}
