import { VirtualClock } from '../../src/base/clock.ts';
import { Random } from '../../src/base/random.ts';
import type { ClientClass, Coordinates } from '../../src/geo/client.ts';
import { findCountry } from '../../src/geo/countries.ts';
import { distanceKm } from '../../src/geo/distance.ts';
import { LatencyTable } from '../../src/latency/latency-table.ts';
import { ClientFacts } from '../../src/policy/client-facts.ts';
import { Decider } from '../../src/policy/evaluate.ts';
import { choiceShares } from '../../src/policy/shares.ts';
import type { Member, PolicyNode, Region, Service } from '../../src/policy/traffic.ts';
import type { MatrixRow, RttMatrix } from './rtt-matrix.ts';
import { normal } from './synthetic-matrix.ts';

/** How well clients were sent, of those who were sent where the matrix knows their time. */
export interface Score {
  /** Share of all clients who were sent where it does not. */
  readonly unknown: number;
  /** Share of clients sent to the region that is truly fastest for them. */
  readonly fastest: number;
  /** Milliseconds over the fastest, on average. */
  readonly meanRegretMs: number;
  readonly p95RegretMs: number;
}

/** Measurements of one cell of the matrix, with the noise that real ones have. */
const samplesPerCell = 40;

const memberNode = (name: string): PolicyNode => ({ kind: 'member', member: name });

/** The class of each row as a city database and a measured /24 make it. */
export function classOf(row: MatrixRow, index: number): ClientClass {
  return {
    country: row.country,
    prefixes: [prefixOf(index)],
    coordinates: row.coordinates,
  };
}

export function prefixOf(index: number): string {
  return `10.${index >> 8}.${index & 255}.0/24`;
}

/** One rule for each country: the region nearest to where its people live. */
export function geoPolicy({ regions, rows }: RttMatrix): PolicyNode {
  const countries = [...new Set(rows.map(({ country }) => country))];
  const rules = countries.flatMap((country) => {
    const centre = findCountry(country)?.coordinates;
    if (centre === undefined) return [];
    const use = memberNode(nearestTo(centre, regions));
    const match = { cidr: [], asn: [], subdivision: [], country: [country], continent: [] };
    return [{ match, use }];
  });
  return { kind: 'geo', rules, otherwise: undefined };
}

export function nearestPolicy({ regions }: RttMatrix): PolicyNode {
  const children = regions.map(({ name }) => memberNode(name));
  return { kind: 'nearest', children, answers: 1, biasKm: new Map() };
}

export function latencyPolicy({ regions }: RttMatrix, tolerance: boolean): PolicyNode {
  const children = regions.map(({ name }) => memberNode(name));
  const [toleranceMs, toleranceRatio] = tolerance ? [10, 0.1] : [0, 0];
  return { kind: 'latency', children, toleranceMs, toleranceRatio };
}

/** A table that knows where the matrix's regions are and nothing else. */
export function emptyTable({ regions }: RttMatrix): LatencyTable {
  const places = new Map(regions.map(({ name, coordinates }) => [name, coordinates]));
  return new LatencyTable({
    clock: new VirtualClock(),
    coordinatesOf: (name) => places.get(name),
  });
}

/** Measures a share of the rows' cells, drawn by chance; by prefix, and where asked by country as well. */
export function measureCells(
  table: LatencyTable,
  matrix: RttMatrix,
  indexes: readonly number[],
  options: { readonly share: number; readonly byCountry: boolean; readonly seed: number },
): void {
  const random = new Random(options.seed);
  for (const index of indexes) {
    const row = matrix.rows[index]!;
    for (const [column, { name: region }] of matrix.regions.entries()) {
      const ms = row.ms[column] ?? Number.NaN;
      if (Number.isNaN(ms) || random.fraction() >= options.share) continue;
      for (let sample = 0; sample < samplesPerCell; sample += 1) {
        const seen = noisy(ms, random);
        table.measure({ prefix: prefixOf(index), region, ms: seen });
        if (options.byCountry) table.measure({ country: row.country, region, ms: seen });
      }
    }
  }
  while (table.settle());
}

/** Puts agents into some rows; an agent has no access line, so that its times are a little shorter. */
export function placeAgents(
  table: LatencyTable,
  matrix: RttMatrix,
  indexes: readonly number[],
  seed: number,
): void {
  const random = new Random(seed);
  for (const index of indexes) {
    const { client, coordinates, ms } = matrix.rows[index]!;
    for (const [column, { name: region }] of matrix.regions.entries()) {
      for (let sample = 0; sample < samplesPerCell; sample += 1) {
        const seen = Math.max(0.3, noisy((ms[column] ?? Number.NaN) - 7, random));
        table.observeAgent({ agent: client, coordinates, region, ms: seen });
      }
    }
  }
  while (table.settle());
}

/** Sends the rows' clients by a policy, through the evaluator that images are compiled with. */
export function score(
  matrix: RttMatrix,
  indexes: readonly number[],
  policy: PolicyNode,
  table: LatencyTable,
): Score {
  const decider = new Decider({
    service: serviceOf(matrix, policy),
    regions: regionsOf(matrix),
    health: new Map(),
    estimate: table.estimate,
    family: 4,
  });
  const columns = new Map(matrix.regions.map(({ name }, column) => [name, column]));
  let known = 0;
  let fastest = 0;
  const regrets: number[] = [];
  for (const index of indexes) {
    const row = matrix.rows[index]!;
    const best = row.ms.reduce((least, ms) => (ms < least ? ms : least), Number.POSITIVE_INFINITY);
    const { choice } = decider.decide(new ClientFacts(classOf(row, index), table.estimate));
    let regret = 0;
    let sent = 0;
    for (const [member, share] of choiceShares(choice)) {
      const ms = row.ms[columns.get(member) ?? -1] ?? Number.NaN;
      if (Number.isNaN(ms)) continue;
      sent += share;
      if (ms === best) fastest += share;
      regret += share * (ms - best);
    }
    if (sent === 0) continue;
    known += sent;
    regrets.push(regret / sent);
  }
  regrets.sort((a, b) => a - b);
  return {
    unknown: 1 - known / indexes.length,
    fastest: fastest / known,
    meanRegretMs: regrets.reduce((sum, regret) => sum + regret, 0) / regrets.length,
    p95RegretMs: regrets[Math.floor(regrets.length * 0.95)] ?? Number.NaN,
  };
}

/** What a page's timing says: spread around the truth, and one in twenty far above it. */
function noisy(ms: number, random: Random): number {
  const spread = ms * Math.exp(0.15 * normal(random));
  return random.fraction() < 0.05 ? spread * (2 + 6 * random.fraction()) : spread;
}

function nearestTo(from: Coordinates, regions: RttMatrix['regions']): string {
  const byDistance = [...regions].sort(
    (a, b) => distanceKm(from, a.coordinates) - distanceKm(from, b.coordinates),
  );
  return byDistance[0]?.name ?? '';
}

function regionsOf({ regions }: RttMatrix): ReadonlyMap<string, Region> {
  return new Map(
    regions.map(({ name, coordinates }) => [name, { coordinates, dial: 100, state: 'active' }]),
  );
}

function serviceOf({ regions }: RttMatrix, policy: PolicyNode): Service {
  const member = (name: string, index: number): [string, Member] => [
    name,
    {
      region: name,
      a: [`192.0.2.${index + 1}`],
      aaaa: [],
      weight: 1,
      capacity: undefined,
      state: 'active',
    },
  ];
  return {
    ttl: { min: 30, max: 30 },
    monitors: [],
    members: new Map(regions.map(({ name }, index) => member(name, index))),
    policy,
    minHealthy: 0.5,
    whenAllDown: 'all',
    rampSeconds: 180,
    spill: false,
  };
}
