import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Random } from '../../src/base/random.ts';
import type { Vip } from '../../src/policy/choice.ts';
import { addressesOf, standingsOf } from '../../src/policy/eligibility.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { pickFromChoice } from '../../src/policy/pick.ts';
import { choiceShares } from '../../src/policy/shares.ts';
import { membersBelow } from '../../src/policy/tree.ts';
import { type Situation, situation } from './arbitrary.ts';
import {
  anybody,
  byDistance,
  failover,
  fixedLatency,
  geo,
  healthOf,
  latency,
  nearest,
  paris,
  question,
  regions,
  roundRobin,
  service,
  sharesOf,
  weighted,
} from './build.ts';

/** Calls back for every class and family of any situation. */
function forAny(
  check: (situation: Situation, ask: ReturnType<typeof question>) => void,
  numRuns = 800,
): void {
  fc.assert(
    fc.property(situation(4), (given) => {
      for (const client of given.classes) {
        for (const family of [4, 6] as const) {
          const { health, regions: where, service: of } = given;
          const asked = { name: 'web', estimate: byDistance, client, family } as const;
          check(given, { ...asked, service: of, regions: where, health });
        }
      }
    }),
    { numRuns },
  );
}

test('evaluate() gives the same for the same question', () => {
  forAny((_, ask) => assert.deepEqual(evaluate(ask), evaluate(ask)), 200);
});

test('evaluate() gives shares that sum to 1, or nothing', () => {
  forAny((_, ask) => {
    const { choice, members } = evaluate(ask);
    const sum = members.reduce((total, { share }) => total + share, 0);
    assert.ok(Math.abs(sum - (choice.kind === 'empty' ? 0 : 1)) < 1e-9, `sum ${sum}`);
  });
});

test('evaluate() chooses eligible members and VIPs only, unless it fails open', () => {
  forAny((_, ask) => {
    const { choice, failedOpen, members } = evaluate(ask);
    if (failedOpen) return;
    const standings = standingsOf(ask);
    for (const { chosen, member } of members) {
      if (chosen) assert.equal(standings.get(member)?.drop, undefined, member);
    }
    for (let seed = 0; seed < 4; seed++) {
      for (const vip of pickFromChoice(choice, seed, new Random(seed))) {
        const eligible = standings.get(vip.member)?.vips.map(({ address }) => address);
        assert.ok(eligible?.includes(vip.address), `${vip.address} of ${vip.member}`);
      }
    }
  });
});

test('evaluate() fails open exactly when the policy has no eligible member', () => {
  forAny((_, ask) => {
    const standings = standingsOf(ask);
    const named = membersBelow(ask.service.policy);
    const eligible = named.some((name) => standings.get(name)?.drop === undefined);
    const configured = [...standings.values()].some(({ drop }) => drop !== 'no-address');
    assert.equal(evaluate(ask).failedOpen, configured && !eligible);
  });
});

test('evaluate() is empty only without a VIP of the family or by whenAllDown: nodata', () => {
  forAny((_, ask) => {
    const { choice, failedOpen } = evaluate(ask);
    if (choice.kind !== 'empty') return;
    const configured = [...ask.service.members.values()].some(
      (member) => addressesOf(member, ask.family).length > 0,
    );
    assert.ok(!configured || (failedOpen && ask.service.whenAllDown === 'nodata'));
  });
});

test('evaluate() answers with one to eight addresses, each once', () => {
  forAny((_, ask) => {
    const { choice } = evaluate(ask);
    if (choice.kind === 'empty') return;
    for (let seed = 0; seed < 4; seed++) {
      const vips: readonly Vip[] = pickFromChoice(choice, seed, new Random(seed));
      const answer = vips.map(({ address }) => address);
      assert.ok(answer.length >= 1 && answer.length <= 8, answer.join(' '));
      assert.equal(new Set(answer).size, answer.length);
    }
  });
});

test('evaluate() keeps the TTL within the range of the service', () => {
  forAny((_, ask) => {
    const { ttlSeconds } = evaluate(ask);
    const { max, min } = ask.service.ttl;
    assert.ok(Number.isInteger(ttlSeconds) && ttlSeconds >= min && ttlSeconds <= max);
  }, 200);
});

test('evaluate() serves from a root below minHealthy rather than by whenAllDown', () => {
  const of = service(roundRobin(['virginia', 'ireland', 'tokyo']), {
    virginia: {},
    ireland: {},
    tokyo: {},
  });
  const evaluation = evaluate(
    question(of, { health: healthOf(of, { virginia: 'down', ireland: 'down' }) }),
  );
  assert.equal(evaluation.failedOpen, false);
  assert.deepEqual([...choiceShares(evaluation.choice)], [['tokyo', 1]]);
  assert.equal(evaluation.trace[0]?.failed, true);
  assert.match(evaluation.trace[0]?.note ?? '', /1 of 3 members healthy.*less than minHealthy 0.5/);
});

const allDown = { virginia: 'down', ireland: 'down', tokyo: 'down' } as const;

test('evaluate() with whenAllDown all follows the policy as though health were unknown', () => {
  const of = service(nearest(['virginia', 'ireland', 'tokyo']), {
    virginia: {},
    ireland: {},
    tokyo: {},
  });
  const evaluation = evaluate(question(of, { health: healthOf(of, allDown), client: paris }));
  assert.equal(evaluation.failedOpen, true);
  assert.deepEqual([...choiceShares(evaluation.choice)], [['ireland', 1]]);
});

test('evaluate() with whenAllDown all leaves drained members out', () => {
  const of = service(nearest(['virginia', 'ireland']), { virginia: {}, ireland: {} });
  assert.deepEqual(
    sharesOf(of, {
      health: healthOf(of, { virginia: 'down' }),
      regions: regions({ ireland: { dial: 0 } }),
      client: paris,
    }),
    { virginia: 1 },
  );
});

test('evaluate() with whenAllDown all answers with drained members when there are no others', () => {
  const of = service(roundRobin(['virginia', 'ireland']), {
    virginia: { state: 'drained' },
    ireland: { state: 'drained' },
  });
  assert.deepEqual(sharesOf(of), { ireland: 0.5, virginia: 0.5 });
});

test('evaluate() with whenAllDown all prefers a healthy member that the policy does not name', () => {
  const of = service(roundRobin(['virginia', 'ireland']), { virginia: {}, ireland: {}, tokyo: {} });
  const health = healthOf(of, { virginia: 'down', ireland: 'down' });
  assert.deepEqual(sharesOf(of, { health }), { tokyo: 1 });
});

test('evaluate() with whenAllDown naming a member answers with all its addresses', () => {
  const of = service(
    roundRobin(['virginia', 'ireland']),
    { virginia: {}, ireland: {}, tokyo: { state: 'drained' } },
    { whenAllDown: { member: 'tokyo' } },
  );
  const evaluation = evaluate(question(of, { health: healthOf(of, allDown) }));
  assert.deepEqual([...choiceShares(evaluation.choice)], [['tokyo', 1]]);
  assert.equal(evaluation.failedOpen, true);
});

test('evaluate() with whenAllDown naming a member without the family opens to all', () => {
  const of = service(
    roundRobin(['virginia']),
    { virginia: {}, tokyo: { aaaa: [], state: 'drained' } },
    { whenAllDown: { member: 'tokyo' } },
  );
  assert.deepEqual(sharesOf(of, { health: healthOf(of, allDown), family: 6 }), { virginia: 1 });
});

test('evaluate() with whenAllDown nodata is empty, and only then', () => {
  const of = service(
    roundRobin(['virginia', 'ireland']),
    { virginia: {}, ireland: {} },
    { whenAllDown: 'nodata' },
  );
  const one = healthOf(of, { virginia: 'down' });
  assert.deepEqual(sharesOf(of, { health: one }), { ireland: 1 });
  assert.deepEqual(sharesOf(of, { health: healthOf(of, allDown) }), {});
});

test('evaluate() shrinks the TTL while a chosen member is close to a change', () => {
  const of = service(
    failover(['virginia', 'ireland']),
    { virginia: {}, ireland: {} },
    { ttl: { min: 5, max: 60 } },
  );
  const ttl = (virginia: number | undefined, ireland?: number) =>
    evaluate(
      question(of, {
        health: healthOf(of, {
          virginia: virginia === undefined ? {} : { secondsToChange: virginia },
          ireland: ireland === undefined ? {} : { secondsToChange: ireland },
        }),
      }),
    ).ttlSeconds;
  assert.equal(ttl(undefined), 60);
  assert.equal(ttl(12.7), 12);
  assert.equal(ttl(1), 5);
  assert.equal(ttl(400), 60);
  assert.equal(ttl(undefined, 12), 60, 'ireland is not chosen');
});

test('evaluate() names a reason for every member that is out', () => {
  const of = service(failover(['virginia', 'ireland', 'oregon']), {
    virginia: {},
    ireland: {},
    oregon: { weight: 0 },
    frankfurt: { a: [] },
    mumbai: { state: 'drained' },
    tokyo: { state: 'down' },
  });
  const health = healthOf(of, { virginia: 'down' });
  const { members } = evaluate(question(of, { health }));
  assert.deepEqual(
    members.map(({ member, chosen, dropped, share }) => [member, chosen, dropped, share]),
    [
      ['virginia', false, 'down', 0],
      ['ireland', true, undefined, 1],
      ['oregon', false, 'weight-0', 0],
      ['frankfurt', false, 'no-address', 0],
      ['mumbai', false, 'drained', 0],
      ['tokyo', false, 'admin-down', 0],
    ],
  );
});

test('evaluate() says how much a member takes of what its policy would send it', () => {
  const of = service(failover(['virginia', 'ireland']), { virginia: {}, ireland: {} });
  const health = new Map(healthOf(of, {}));
  health.set('virginia', { vips: new Map([...(health.get('virginia')?.vips ?? [])]), ramp: 0.05 });
  const { members } = evaluate(question(of, { health }));
  assert.deepEqual(
    members.map(({ member, share, takes }) => [member, share, takes]),
    [
      ['virginia', 0.05, 0.05],
      ['ireland', 0.95, undefined],
    ],
  );
});

test('evaluate() says not-chosen of a member that the policy did not prefer', () => {
  const of = service(failover(['virginia', 'ireland']), { virginia: {}, ireland: {} });
  assert.equal(evaluate(question(of)).members[1]?.dropped, 'not-chosen');
});

test('evaluate() traces the tree in its order, with the path of each node as written', () => {
  const of = service(
    geo(
      [
        [{ country: ['IN'] }, 'mumbai'],
        [{ continent: ['EU'] }, failover([weighted(['ireland', 'frankfurt']), 'virginia'])],
      ],
      latency(['virginia', 'ireland']),
    ),
    { mumbai: {}, ireland: {}, frankfurt: {}, virginia: {} },
  );
  const health = healthOf(of, { ireland: 'down', frankfurt: 'down' });
  const traced = evaluate(question(of, { client: paris, health })).trace;
  assert.deepEqual(
    traced.map(({ path, failed }) => [path, failed]),
    [
      ['geo', false],
      ['geo[1].failover', false],
      ['geo[1].failover[0].weighted', true],
    ],
  );
  assert.equal(traced[0]?.note, 'matched rule 2 by continent EU');
  const elsewhere = evaluate(question(of, { client: anybody, health })).trace;
  assert.deepEqual(
    elsewhere.map(({ path }) => path),
    ['geo', 'geo.else.latency'],
  );
  assert.equal(elsewhere[0]?.note, 'no rule matches; else');
});

test('evaluate() shows distance where the place is known and latency where the policy asks', () => {
  const members = { ireland: {}, virginia: {} };
  const near = evaluate(
    question(service(nearest(['ireland', 'virginia']), members), { client: paris }),
  ).members;
  assert.equal(Math.round(near[0]?.distanceKm ?? 0), 779);
  assert.equal(near[0]?.latencyMs, undefined);
  const fast = evaluate(
    question(service(latency(['ireland', 'virginia']), members), {
      estimate: fixedLatency({ ireland: 20, virginia: 90 }),
    }),
  ).members;
  assert.equal(fast[0]?.distanceKm, undefined);
  assert.deepEqual(
    fast.map(({ latencyMs, latencySource, latencySamples }) => [
      latencyMs,
      latencySource,
      latencySamples,
    ]),
    [
      [20, 'measured-country', 50],
      [90, 'measured-country', 50],
    ],
  );
});
