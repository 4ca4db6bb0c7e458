import fc from 'fast-check';
import type { ClientClass } from '../../src/geo/client.ts';
import type { MemberHealth, ServiceHealth, Verdict } from '../../src/health/verdict.ts';
import type {
  AdminState,
  GeoMatch,
  GeoRule,
  Member,
  NodeOptions,
  PolicyNode,
  Region,
  Service,
  WeightedChild,
} from '../../src/policy/traffic.ts';
import { places } from './build.ts';

const names = Object.keys(places);
const countries = ['IN', 'LK', 'FR', 'US'];
const continents = ['AS', 'EU', 'NA'];
const prefixes = ['203.0.113.0/24', '203.0.112.0/20', '2001:db8::/32'];

const sometimes = <T>(arbitrary: fc.Arbitrary<T>, absent: T) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(absent) }, { weight: 1, arbitrary });

const state: fc.Arbitrary<AdminState> = sometimes(
  fc.constantFrom<AdminState>('drained', 'down', 'up'),
  'active',
);
const dial = sometimes(fc.integer({ min: 0, max: 100 }), 100);
const options: fc.Arbitrary<NodeOptions> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.record({ minHealthy: fc.constantFrom(0, 0.3, 0.5, 0.8, 1) }),
  },
);

const match: fc.Arbitrary<GeoMatch> = fc.record({
  cidr: sometimes(fc.subarray(prefixes), []),
  asn: sometimes(fc.subarray([64500, 64501]), []),
  subdivision: sometimes(fc.constant<readonly string[]>(['US-CA']), []),
  country: fc.subarray(countries),
  continent: sometimes(fc.subarray(continents), []),
});

const leaf: fc.Arbitrary<PolicyNode> = fc.record({
  kind: fc.constant('member' as const),
  member: fc.constantFrom(...names),
});

/** Any policy tree over the regions of these tests, at most `depth` nodes deep. */
export function policyTree(depth: number): fc.Arbitrary<PolicyNode> {
  if (depth <= 1) return leaf;
  const child = fc.oneof(leaf, leaf, policyTree(depth - 1));
  const children = fc.array(child, { minLength: 1, maxLength: 4 });
  const weightedChild: fc.Arbitrary<WeightedChild> = fc.oneof(
    fc.record({ node: child }),
    fc.record({ node: child, weight: fc.integer({ min: 0, max: 10 }) }),
  );
  const weightedChildren = fc.array(weightedChild, { minLength: 1, maxLength: 4 });
  const answers = fc.integer({ min: 1, max: 8 });
  const rule: fc.Arbitrary<GeoRule> = fc.record({ match, use: child });
  const bias = fc.dictionary(fc.constantFrom(...names), fc.integer({ min: -3000, max: 3000 }));
  const plain = (kind: 'failover' | 'leastLoad') =>
    fc.tuple(options, children).map(([more, list]) => ({ ...more, kind, children: list }));
  const byWeight = (kind: 'weighted' | 'sticky') =>
    fc.tuple(options, weightedChildren).map(([more, list]) => ({ ...more, kind, children: list }));
  return fc.oneof(
    plain('failover'),
    plain('leastLoad'),
    byWeight('weighted'),
    byWeight('sticky'),
    fc.tuple(options, children, answers).map(
      ([more, list, count]): PolicyNode => ({
        ...more,
        kind: 'roundRobin',
        children: list,
        answers: count,
      }),
    ),
    fc.tuple(options, children, fc.constantFrom(1, 2, 4), bias).map(
      ([more, list, count, biases]): PolicyNode => ({
        ...more,
        kind: 'nearest',
        children: list,
        answers: count,
        biasKm: new Map(Object.entries(biases)),
      }),
    ),
    fc.tuple(options, children, fc.constantFrom(0, 10, 100), fc.constantFrom(0, 0.1, 1)).map(
      ([more, list, toleranceMs, toleranceRatio]): PolicyNode => ({
        ...more,
        kind: 'latency',
        children: list,
        toleranceMs,
        toleranceRatio,
      }),
    ),
    fc
      .tuple(options, fc.array(rule, { maxLength: 4 }), fc.option(child, { nil: undefined }))
      .map(([more, rules, otherwise]): PolicyNode => ({ ...more, kind: 'geo', rules, otherwise })),
  );
}

const vips = (base: string) =>
  fc.integer({ min: 0, max: 10 }).map((count) => {
    // Mostly one VIP, at times none, several, or more than an answer holds.
    const real = count < 7 ? 1 : count === 7 ? 0 : count === 8 ? 2 : count === 9 ? 3 : 9;
    return Array.from({ length: real }, (_, index) => `${base}${index + 1}`);
  });

const member = (name: string, index: number): fc.Arbitrary<Member> =>
  fc.record({
    region: fc.constant(name),
    a: vips(`192.0.2.${index}`),
    aaaa: vips(`2001:db8:${index}::`),
    weight: fc.constantFrom(0, 1, 1, 2, 5, 100),
    capacity: fc.constantFrom(undefined, 100, 1000),
    state,
  });

const verdict = fc.constantFrom<Verdict>('up', 'up', 'degraded', 'down', 'unknown');

function memberHealth(of: Member): fc.Arbitrary<MemberHealth> {
  const all = [...of.a, ...of.aaaa];
  return fc
    .record({
      verdicts: fc.oneof(
        verdict.map((one) => all.map(() => one)),
        fc.array(verdict, { minLength: all.length, maxLength: all.length }),
      ),
      ramp: sometimes(
        fc.integer({ min: 0, max: 20 }).map((steps) => steps / 20),
        1,
      ),
      load: fc.constantFrom(undefined, 0, 50, 150, 2000),
      secondsToChange: fc.constantFrom(undefined, 1, 12, 300),
    })
    .map(({ load, ramp, secondsToChange, verdicts }) => ({
      vips: new Map(all.map((vip, index) => [vip, verdicts[index]!])),
      ramp,
      ...(load === undefined ? {} : { load }),
      ...(secondsToChange === undefined ? {} : { secondsToChange }),
    }));
}

const client: fc.Arbitrary<ClientClass> = fc
  .record({
    country: fc.constantFrom(undefined, ...countries),
    continent: fc.constantFrom(undefined, ...continents),
    subdivision: fc.constantFrom(undefined, 'US-CA'),
    asn: fc.constantFrom(undefined, 64500, 64502),
    prefixes: fc.constantFrom<readonly string[]>(
      [],
      ['203.0.113.0/24', '203.0.112.0/20'],
      ['2001:db8::/32'],
    ),
    coordinates: fc.option(
      fc.record({
        latitude: fc.integer({ min: -90, max: 90 }),
        longitude: fc.integer({ min: -180, max: 180 }),
      }),
      { nil: undefined },
    ),
  })
  .map(
    ({ asn, continent, coordinates, country, prefixes: held, subdivision }): ClientClass => ({
      prefixes: held,
      ...(country === undefined ? {} : { country }),
      ...(continent === undefined ? {} : { continent }),
      ...(subdivision === undefined ? {} : { subdivision }),
      ...(asn === undefined ? {} : { asn }),
      ...(coordinates === undefined ? {} : { coordinates }),
    }),
  );

export interface Situation {
  readonly service: Service;
  readonly regions: ReadonlyMap<string, Region>;
  readonly health: ServiceHealth;
  readonly classes: readonly ClientClass[];
}

/** A service with any policy, in any health, and some classes of clients that ask for it. */
export function situation(depth = 4): fc.Arbitrary<Situation> {
  const regions = fc.tuple(...names.map(() => fc.record({ dial, state }))).map((list) => {
    const entries = list.map((more, index): [string, Region] => {
      const name = names[index]!;
      return [name, { coordinates: places[name]!, ...more }];
    });
    return new Map(entries);
  });
  const members = fc.tuple(...names.map((name, index) => member(name, index + 1)));
  return members
    .chain((list) =>
      fc.record({
        list: fc.constant(list),
        policy: policyTree(depth),
        minHealthy: fc.constantFrom(0, 0.5, 0.9),
        whenAllDown: fc.constantFrom<Service['whenAllDown']>('all', 'all', 'nodata', {
          member: 'tokyo',
        }),
        spill: fc.boolean(),
        ttl: fc.constantFrom({ min: 30, max: 30 }, { min: 5, max: 60 }),
        regions,
        health: fc.tuple(...list.map((one) => fc.option(memberHealth(one), { nil: undefined }))),
        classes: fc.array(client, { minLength: 1, maxLength: 4 }),
      }),
    )
    .map(({ classes, health, list, regions: where, ...of }) => ({
      service: {
        ...of,
        monitors: [],
        rampSeconds: 180,
        members: new Map(list.map((one) => [one.region, one])),
      },
      regions: where,
      health: new Map(
        health.flatMap((one, index) => (one === undefined ? [] : [[names[index]!, one] as const])),
      ),
      classes,
    }));
}
