import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MeridianError } from '../../src/base/errors.ts';
import type { Service } from '../../src/policy/traffic.ts';
import { type SimulatedService, simulate } from '../../src/simulate/simulate.ts';
import { situation } from '../policy/arbitrary.ts';
import {
  failover,
  geo,
  healthOf,
  latency,
  nearest,
  regions,
  roundRobin,
  service,
  weighted,
} from '../policy/build.ts';
import { partsOf, type World } from './world.ts';

const three = { virginia: {}, oregon: {}, ireland: {} };

function run(world: World, body: unknown = {}): SimulatedService {
  const [first] = simulate(body, partsOf(world)).services;
  return first ?? assert.fail('no service');
}

const sharesOf = ({ members }: SimulatedService, when: 'Before' | 'After' = 'After') =>
  Object.fromEntries(
    members.map(({ member, ...of }) => [member, Math.round(of[`share${when}`] * 1e6) / 1e6]),
  );

function codesOf(body: unknown, world: World): string[] {
  try {
    simulate(body, partsOf(world));
  } catch (error) {
    assert.ok(error instanceof MeridianError, String(error));
    return error.problems.map(({ code, where }) => `${where} ${code}`);
  }
  return assert.fail('it was accepted');
}

test('simulate() weighs clients by population and measures from where they live', () => {
  const web = service(nearest(['virginia', 'oregon', 'ireland']), three);
  const result = run({ services: { web } });
  assert.deepEqual(sharesOf(result, 'Before'), { virginia: 0.4, oregon: 0.3, ireland: 0.3 });
  assert.ok(result.meanDistanceKmBefore > 500 && result.meanDistanceKmBefore < 1200);
  assert.deepEqual(sharesOf(result), sharesOf(result, 'Before'));
  assert.equal(result.meanDistanceKmAfter, result.meanDistanceKmBefore);
});

test('simulate() knows only countries where the databases do', () => {
  const web = service(nearest(['virginia', 'oregon', 'ireland']), three);
  const result = run({ services: { web }, detail: 'country' });
  const { virginia = 0, oregon = 0, ireland } = sharesOf(result, 'Before');
  assert.equal(ireland, 0.3);
  assert.deepEqual([virginia, oregon].sort(), [0, 0.7], 'a country goes as a whole');
  const subdivisions = geo([[{ subdivision: ['US-CA'] }, 'oregon']], 'virginia');
  const byState = { services: { web: service(subdivisions, three) } };
  assert.equal(sharesOf(run(byState))['oregon'], 0.3);
  assert.equal(sharesOf(run({ ...byState, detail: 'country' }))['oregon'], 0);
});

test('simulate() moves the clients of a region that is down to who is next', () => {
  const web = service(nearest(['virginia', 'oregon', 'ireland']), three, { minHealthy: 0 });
  const result = run({ services: { web } }, { down: ['virginia'] });
  assert.deepEqual(sharesOf(result), { virginia: 0, oregon: 0.7, ireland: 0.3 });
  assert.equal(result.deadShareAfter, 0);
  assert.ok(result.meanDistanceKmAfter > result.meanDistanceKmBefore);
});

test('simulate() counts clients as dead when everything is down, and says who gets nothing', () => {
  const web = service(roundRobin(['virginia', 'ireland']), { virginia: {}, ireland: {} });
  const down = { down: ['virginia', 'ireland'] };
  const open = run({ services: { web } }, down);
  assert.deepEqual(
    [open.deadShareBefore, open.deadShareAfter, open.emptyShareAfter],
    [0, 1, 0],
    'failing open',
  );
  assert.deepEqual(sharesOf(open), { virginia: 0.5, ireland: 0.5 });
  const shut = run({ services: { web: { ...web, whenAllDown: 'nodata' } } }, down);
  assert.deepEqual([shut.deadShareAfter, shut.emptyShareAfter], [0, 1]);
  assert.deepEqual(sharesOf(shut), { virginia: 0, ireland: 0 });
});

test('simulate() sees the dead behind a member that is declared up', () => {
  const members = { virginia: { state: 'up' as const }, ireland: {} };
  const web = service(failover(['virginia', 'ireland']), members);
  const result = run({ services: { web } }, { down: ['virginia'] });
  assert.deepEqual(sharesOf(result), { virginia: 1, ireland: 0 }, 'the operator insists');
  assert.deepEqual([result.deadShareBefore, result.deadShareAfter], [0, 1]);
});

test('simulate() starts from the health of now', () => {
  const web = service(failover(['virginia', 'ireland']), { virginia: {}, ireland: {} });
  const world = { services: { web }, health: { web: healthOf(web, { virginia: 'down' }) } };
  assert.deepEqual(sharesOf(run(world), 'Before'), { virginia: 0, ireland: 1 });
  assert.deepEqual(sharesOf(run(world, { up: ['virginia'] })), { virginia: 1, ireland: 0 });
  assert.equal(run(world, { down: ['ireland'] }).deadShareAfter, 1);
});

test('simulate() turns dials and drains', () => {
  const web = service(weighted(['virginia', 'ireland']), { virginia: {}, ireland: {} });
  const dialled = run({ services: { web } }, { dial: { virginia: 50 } });
  assert.deepEqual(sharesOf(dialled), { virginia: 0.333333, ireland: 0.666667 });
  const drained = run({ services: { web } }, { drain: ['virginia'] });
  assert.deepEqual(sharesOf(drained), { virginia: 0, ireland: 1 });
  assert.equal(drained.deadShareAfter, 0);
});

test('simulate() tells demand, breaches of capacity and how much could be carried', () => {
  const web = service(weighted(['virginia', 'ireland']), {
    virginia: { capacity: 100, weight: 3 },
    ireland: { capacity: 60 },
  });
  const world = { services: { web } };
  const result = run(world, { demand: { web: 120 }, down: ['virginia'] });
  assert.deepEqual([result.demand, result.demandSource], [120, 'request']);
  const [virginia, ireland] = result.members;
  assert.deepEqual(
    [virginia?.demandBefore, virginia?.demandAfter, virginia?.breachAfter],
    [90, 0, false],
  );
  assert.deepEqual(
    [ireland?.demandBefore, ireland?.breachBefore, ireland?.demandAfter, ireland?.breachAfter],
    [30, false, 120, true],
  );
  assert.equal(Math.round(result.sustainableBefore ?? 0), 133);
  assert.equal(result.sustainableAfter, 60);
  const health = { web: healthOf(web, { virginia: { load: 70 }, ireland: { load: 20 } }) };
  const reported = run({ ...world, health });
  assert.deepEqual([reported.demand, reported.demandSource], [90, 'reported']);
  const none = run(world);
  assert.deepEqual([none.demand, none.members[0]?.demandBefore], [undefined, undefined]);
});

test('simulate() looks at AAAA where a service has nothing else', () => {
  const web = service(nearest(['virginia', 'ireland']), {
    virginia: { a: [], aaaa: ['2001:db8::1'] },
    ireland: { a: [], aaaa: ['2001:db8::2'] },
  });
  const result = run({ services: { web } }, { down: ['ireland'] });
  assert.deepEqual(sharesOf(result, 'Before'), { virginia: 0.7, ireland: 0.3 });
  assert.deepEqual(sharesOf(result), { virginia: 1, ireland: 0 });
  assert.equal(result.deadShareAfter, 0);
});

test('simulate() has nothing to say of a service without VIPs, and does not fail', () => {
  const bare = service('virginia', { virginia: { a: [], aaaa: [] } });
  const result = run({ services: { web: bare } });
  assert.deepEqual(sharesOf(result), { virginia: 0 });
  assert.equal(result.emptyShareAfter, 1);
  assert.equal(result.sustainableAfter, undefined);
  const nobody = run({ services: { web: service('virginia', three) }, population: [] });
  assert.deepEqual(sharesOf(nobody), { virginia: 0, oregon: 0, ireland: 0 });
  assert.deepEqual(simulate({}, partsOf({ services: {} })).services, []);
});

test('simulate() gives a mean latency only where every client has an estimate', () => {
  const all = service(latency(['virginia', 'ireland']), { virginia: {}, ireland: {} });
  assert.ok((run({ services: { web: all } }).meanLatencyMsBefore ?? 0) > 16);
  const byRule = service(geo([[{ country: ['FR'] }, 'ireland']], 'virginia'), three);
  const parts = partsOf({ services: { web: byRule } });
  const some = simulate(
    {},
    {
      ...parts,
      estimate: ({ country }) =>
        country === 'FR' ? { ms: 20, source: 'measured-country', samples: 9 } : undefined,
    },
  );
  assert.equal(some.services[0]?.meanLatencyMsBefore, undefined);
});

test('simulate() refuses names that do not exist and pretences that contradict each other', () => {
  const world = { services: { web: service('virginia', three) } };
  assert.deepEqual(codesOf({ down: ['moon'], dial: { mars: 5 } }, world), [
    '/down/0 E_SIMULATION',
    '/dial/mars E_SIMULATION',
  ]);
  assert.deepEqual(codesOf({ services: ['web', 'shop'], demand: { 'a/b': 1 } }, world), [
    '/services/1 E_SIMULATION',
    '/demand/a~1b E_SIMULATION',
  ]);
  assert.deepEqual(codesOf({ down: ['virginia'], up: ['virginia'] }, world), [
    '/up/0 E_FORM_VALUE',
  ]);
  assert.deepEqual(codesOf({ dial: { virginia: 101 } }, world), ['/dial/virginia E_FORM_RANGE']);
  assert.deepEqual(codesOf({ dwon: [] }, world), ['/dwon E_FORM_UNKNOWN_KEY']);
  assert.deepEqual(codesOf([], world), [' E_FORM_TYPE']);
});

test('simulate() takes service names that objects have by nature', () => {
  const result = run({ services: { constructor: service('virginia', three) as Service } });
  assert.equal(result.demand, undefined);
});

test('simulate() answers for a service once, however often it is asked', () => {
  const world = { services: { web: service('virginia', three), api: service('oregon', three) } };
  const { services, revision } = simulate({ services: ['api', 'api'] }, partsOf(world));
  assert.deepEqual(
    services.map((one) => one.service),
    ['api'],
  );
  assert.equal(revision, 7);
});

test('simulate() sends every client somewhere, and counts those as dead whom it sends to the lost', () => {
  fc.assert(
    fc.property(situation(4), fc.constantFrom('tokyo', 'ireland'), (given, lost) => {
      const world = { services: { web: given.service }, regions: new Map(given.regions) };
      const result = run({ ...world, health: { web: given.health } }, { down: [lost] });
      for (const when of ['Before', 'After'] as const) {
        const sum = result.members.reduce((total, one) => total + one[`share${when}`], 0);
        const empty = when === 'After' ? result.emptyShareAfter : 1 - sum;
        assert.ok(Math.abs(sum + empty - 1) < 1e-9, `${when}: ${sum} + ${empty}`);
        const dead = result[`deadShare${when}`];
        assert.ok(dead >= 0 && dead <= 1 + 1e-9, `dead ${dead}`);
      }
      const member = result.members.find((one) => one.member === lost);
      const declaredUp = given.service.members.get(lost)?.state === 'up';
      const share = member?.shareAfter ?? 0;
      if (share > 0 && !declaredUp) assert.ok(result.deadShareAfter >= share - 1e-9);
    }),
    { numRuns: 300 },
  );
});

test('simulate() uses the table of cities by default', () => {
  const web = service(nearest(['virginia', 'ireland', 'tokyo', 'mumbai']), {
    virginia: {},
    ireland: {},
    tokyo: {},
    mumbai: {},
  });
  const { population: _, ...parts } = partsOf({ services: { web }, regions: regions() });
  const result = simulate({ down: ['tokyo'] }, parts);
  assert.ok(result.population.inhabitants > 1e9);
  assert.equal(result.services[0]?.members.find(({ member }) => member === 'tokyo')?.shareAfter, 0);
});
