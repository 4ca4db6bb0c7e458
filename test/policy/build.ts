import type { ClientClass, Coordinates } from '../../src/geo/client.ts';
import { distanceKm } from '../../src/geo/distance.ts';
import type { MemberHealth, ServiceHealth, Verdict } from '../../src/health/verdict.ts';
import type { EstimateLatency } from '../../src/latency/estimate.ts';
import type { Choice } from '../../src/policy/choice.ts';
import { evaluate, type Question } from '../../src/policy/evaluate.ts';
import { choiceShares } from '../../src/policy/shares.ts';
import type {
  GeoMatch,
  Member,
  PolicyNode,
  Region,
  Service,
  WeightedChild,
} from '../../src/policy/traffic.ts';

/** Where the regions of these tests are. */
export const places: Readonly<Record<string, Coordinates>> = {
  virginia: { latitude: 39, longitude: -77.5 },
  oregon: { latitude: 45.8, longitude: -119.7 },
  ireland: { latitude: 53.3, longitude: -6.3 },
  frankfurt: { latitude: 50.1, longitude: 8.7 },
  mumbai: { latitude: 19.1, longitude: 72.9 },
  tokyo: { latitude: 35.7, longitude: 139.7 },
};

export const paris: ClientClass = {
  prefixes: [],
  country: 'FR',
  continent: 'EU',
  coordinates: { latitude: 48.9, longitude: 2.4 },
};
export const colombo: ClientClass = {
  prefixes: [],
  country: 'LK',
  continent: 'AS',
  coordinates: { latitude: 6.9, longitude: 79.9 },
};
export const anybody: ClientClass = { prefixes: [] };

/** A policy tree in short: a name is a member. */
export type Short = string | PolicyNode;

export const node = (short: Short): PolicyNode =>
  typeof short === 'string' ? { kind: 'member', member: short } : short;

const nodes = (children: readonly Short[]) => children.map(node);

const weightedNodes = (children: readonly (Short | [Short, number])[]): WeightedChild[] =>
  children.map((child) =>
    Array.isArray(child) ? { node: node(child[0]), weight: child[1] } : { node: node(child) },
  );

interface Options {
  readonly minHealthy?: number;
  readonly answers?: number;
}

export const roundRobin = (children: readonly Short[], options: Options = {}): PolicyNode => ({
  kind: 'roundRobin',
  children: nodes(children),
  answers: 8,
  ...options,
});
export const weighted = (
  children: readonly (Short | [Short, number])[],
  options: { readonly minHealthy?: number } = {},
): PolicyNode => ({ kind: 'weighted', children: weightedNodes(children), ...options });
export const sticky = (children: readonly (Short | [Short, number])[]): PolicyNode => ({
  kind: 'sticky',
  children: weightedNodes(children),
});
export const failover = (
  children: readonly Short[],
  options: { readonly minHealthy?: number } = {},
): PolicyNode => ({ kind: 'failover', children: nodes(children), ...options });
export const leastLoad = (children: readonly Short[]): PolicyNode => ({
  kind: 'leastLoad',
  children: nodes(children),
});
export const nearest = (
  children: readonly Short[],
  options: Options & { readonly bias?: Readonly<Record<string, number>> } = {},
): PolicyNode => {
  const { bias = {}, ...others } = options;
  return {
    kind: 'nearest',
    children: nodes(children),
    answers: 1,
    biasKm: new Map(Object.entries(bias)),
    ...others,
  };
};
export const latency = (
  children: readonly Short[],
  options: { readonly toleranceMs?: number; readonly toleranceRatio?: number } = {},
): PolicyNode => ({
  kind: 'latency',
  children: nodes(children),
  toleranceMs: 10,
  toleranceRatio: 0.1,
  ...options,
});
export const geo = (
  rules: readonly [Partial<GeoMatch>, Short][],
  otherwise?: Short,
  options: { readonly minHealthy?: number } = {},
): PolicyNode => ({
  kind: 'geo',
  rules: rules.map(([match, use]) => ({
    match: { cidr: [], asn: [], subdivision: [], country: [], continent: [], ...match },
    use: node(use),
  })),
  otherwise: otherwise === undefined ? undefined : node(otherwise),
  ...options,
});

/** A service over members by name, each with one VIP per family unless said otherwise. */
export function service(
  policy: Short,
  members: Readonly<Record<string, Partial<Member>>>,
  options: Partial<Service> = {},
): Service {
  const entries = Object.entries(members).map(([name, member], index): [string, Member] => [
    name,
    {
      region: name,
      a: [`192.0.2.${index + 1}`],
      aaaa: [`2001:db8::${index + 1}`],
      weight: 1,
      capacity: undefined,
      state: 'active',
      ...member,
    },
  ]);
  return {
    ttl: { min: 30, max: 30 },
    monitors: [],
    members: new Map(entries),
    policy: node(policy),
    minHealthy: 0.5,
    whenAllDown: 'all',
    rampSeconds: 180,
    spill: false,
    ...options,
  };
}

/** Regions at their places, fully dialed, with some changed. */
export function regions(changes: Readonly<Record<string, Partial<Region>>> = {}) {
  const names = new Set([...Object.keys(places), ...Object.keys(changes)]);
  return new Map(
    [...names].map((name): [string, Region] => [
      name,
      {
        coordinates: places[name] ?? { latitude: 0, longitude: 0 },
        dial: 100,
        state: 'active',
        ...changes[name],
      },
    ]),
  );
}

/** Health of a service: a verdict for all VIPs of a member, or its health with `vips` left to it. */
export function healthOf(
  of: Service,
  members: Readonly<Record<string, Verdict | (Partial<MemberHealth> & { verdict?: Verdict })>>,
): ServiceHealth {
  return new Map(
    Object.entries(members).map(([name, value]): [string, MemberHealth] => {
      const { verdict, ...more } =
        typeof value === 'string' ? { verdict: value } : { verdict: 'up' as const, ...value };
      const member = of.members.get(name);
      const vips = [...(member?.a ?? []), ...(member?.aaaa ?? [])];
      return [name, { vips: new Map(vips.map((vip) => [vip, verdict ?? 'up'])), ramp: 1, ...more }];
    }),
  );
}

/** 16 ms and 16 ms per 1,000 km, as an estimate without measurements has it. */
export const byDistance: EstimateLatency = ({ coordinates }, region) => {
  const there = places[region];
  if (coordinates === undefined || there === undefined) return undefined;
  return { ms: 16 + 0.016 * distanceKm(coordinates, there), source: 'distance', samples: 0 };
};

/** Estimates from a table, the same for every client. */
export const fixedLatency =
  (table: Readonly<Record<string, number>>): EstimateLatency =>
  (_client, region) => {
    const ms = table[region];
    return ms === undefined ? undefined : { ms, source: 'measured-country', samples: 50 };
  };

export function question(of: Service, changes: Partial<Question> = {}): Question {
  return {
    name: 'web',
    service: of,
    regions: regions(),
    health: new Map(),
    estimate: byDistance,
    client: anybody,
    family: 4,
    ...changes,
  };
}

/** Shares of a choice, rounded to a thousandth. */
export function shares(choice: Choice): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...choiceShares(choice)]
      .map(([member, share]): [string, number] => [member, Math.round(share * 1000) / 1000])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Evaluates and returns who gets which share of the clients. */
export function sharesOf(of: Service, changes: Partial<Question> = {}) {
  return shares(evaluate(question(of, changes)).choice);
}
