import { MeridianError } from '../base/errors.ts';
import type { Configuration } from '../control/controller.ts';
import { at, show } from '../control/findings.ts';
import { hint } from '../control/suggest.ts';
import type { ClientDistinctions } from '../geo/client.ts';
import { loadPopulation, type PopulatedPlace } from '../geo/population.ts';
import type { ServiceHealth } from '../health/verdict.ts';
import type { EstimateLatency } from '../latency/estimate.ts';
import type { Traffic } from '../policy/traffic.ts';
import { type ClassPopulation, type PlaceDetail, populationClasses } from './population-classes.ts';
import { type ServiceTraffic, serviceTraffic } from './service-traffic.ts';
import { readSimulationRequest, type SimulationRequest } from './simulation-request.ts';
import { pretend } from './what-if.ts';

/** What a simulation looks at; the same inputs that images are compiled from. */
export interface SimulationParts {
  configuration(): Configuration;
  health(service: string): ServiceHealth;
  readonly estimate: EstimateLatency;
  /** What a service's policy tells apart; undefined when every client is alike to it. */
  distinctions(service: string, traffic: Traffic): ClientDistinctions | undefined;
  readonly detail: () => PlaceDetail;
  /** Default: the table in geodata/. */
  readonly population?: readonly PopulatedPlace[];
}

/** One member before and after. Shares are 0 to 1 of all clients; demand is in capacity's unit. */
export interface SimulatedMember {
  readonly member: string;
  readonly shareBefore: number;
  readonly shareAfter: number;
  readonly capacity?: number;
  readonly demandBefore?: number;
  readonly demandAfter?: number;
  /** Demand beyond its capacity. */
  readonly breachBefore?: boolean;
  readonly breachAfter?: boolean;
}

export interface SimulatedService {
  readonly service: string;
  readonly members: readonly SimulatedMember[];
  /** Demand that the shares were multiplied with, and where it comes from. */
  readonly demand?: number;
  readonly demandSource?: 'request' | 'reported';
  /** The total demand at which the first member reaches its capacity. */
  readonly sustainableBefore?: number;
  readonly sustainableAfter?: number;
  readonly meanDistanceKmBefore: number;
  readonly meanDistanceKmAfter: number;
  readonly meanLatencyMsBefore?: number;
  readonly meanLatencyMsAfter?: number;
  /** Share of clients that get a dead address, and that get none. */
  readonly deadShareBefore: number;
  readonly deadShareAfter: number;
  readonly emptyShareAfter: number;
}

export interface Simulation {
  readonly revision: number;
  readonly population: { readonly inhabitants: number; readonly detail: PlaceDetail };
  readonly services: readonly SimulatedService[];
}

/**
 * Works out how clients would move if regions were lost, drained or dialled: the policies of every
 * service, by the evaluator that the images are compiled with, over where people live. Client subnets
 * and AS numbers have no inhabitants in that table, so rules on them count for nobody.
 * Throws MeridianError (E_SIMULATION, E_FORM_…) for a request that makes no sense.
 */
export function simulate(body: unknown, parts: SimulationParts): Simulation {
  const request = readSimulationRequest(body);
  const configuration = parts.configuration();
  const before = configuration.traffic;
  const after = pretend(before, request);
  const population = parts.population ?? loadPopulation();
  const detail = parts.detail();
  const services = selectServices(before, request).map((name) => {
    const classes = populationClasses(population, parts.distinctions(name, before), detail);
    return simulateService(name, request, parts, classes, before, after);
  });
  const inhabitants = population.reduce((sum, place) => sum + place.inhabitants, 0);
  return { revision: configuration.revision, population: { inhabitants, detail }, services };
}

function selectServices(traffic: Traffic, request: SimulationRequest): readonly string[] {
  const known = [...traffic.services.keys()];
  const asked = [
    ...request.services.map((name, index) => ({ name, where: at('/services', index) })),
    ...[...request.demand.keys()].map((name) => ({ name, where: at('/demand', name) })),
  ];
  const problems = asked
    .filter(({ name }) => !traffic.services.has(name))
    .map(({ name, where }) => {
      const message = `service ${show(name)} does not exist${hint(name, known)}; correct the name`;
      return { code: 'E_SIMULATION' as const, message, where };
    });
  if (problems.length > 0) throw new MeridianError(problems);
  return request.services.length === 0 ? known : [...new Set(request.services)];
}

function simulateService(
  name: string,
  request: SimulationRequest,
  parts: SimulationParts,
  classes: readonly ClassPopulation[],
  before: Traffic,
  after: Traffic,
): SimulatedService {
  const health = parts.health(name);
  const flow = (traffic: Traffic, lost: ReadonlySet<string>): ServiceTraffic | undefined => {
    const service = traffic.services.get(name);
    if (service === undefined) return undefined;
    const { regions } = traffic;
    const { estimate } = parts;
    return serviceTraffic({ name, service, regions, health, estimate, classes, lost });
  };
  const [was, becomes] = [flow(before, new Set()), flow(after, new Set(request.down))];
  const members = [...(before.services.get(name)?.members ?? [])];
  const capacities = new Map(members.map(([member, { capacity }]) => [member, capacity]));
  const known = demandOf(name, request, health);
  return {
    service: name,
    members: members.map(([member, { capacity }]) =>
      simulatedMember(
        member,
        capacity,
        was?.shares.get(member) ?? 0,
        becomes?.shares.get(member) ?? 0,
        known?.demand,
      ),
    ),
    ...(known === undefined ? {} : { demand: known.demand, demandSource: known.source }),
    ...optional('sustainableBefore', sustainable(was, capacities)),
    ...optional('sustainableAfter', sustainable(becomes, capacities)),
    meanDistanceKmBefore: was?.meanDistanceKm ?? 0,
    meanDistanceKmAfter: becomes?.meanDistanceKm ?? 0,
    ...optional('meanLatencyMsBefore', was?.meanLatencyMs),
    ...optional('meanLatencyMsAfter', becomes?.meanLatencyMs),
    deadShareBefore: was?.deadShare ?? 0,
    deadShareAfter: becomes?.deadShare ?? 0,
    emptyShareAfter: becomes?.emptyShare ?? 0,
  };
}

function simulatedMember(
  member: string,
  capacity: number | undefined,
  shareBefore: number,
  shareAfter: number,
  demand: number | undefined,
): SimulatedMember {
  const plain = { member, shareBefore, shareAfter, ...optional('capacity', capacity) };
  if (demand === undefined) return plain;
  const demandBefore = demand * shareBefore;
  const demandAfter = demand * shareAfter;
  if (capacity === undefined) return { ...plain, demandBefore, demandAfter };
  return {
    ...plain,
    demandBefore,
    demandAfter,
    breachBefore: demandBefore > capacity,
    breachAfter: demandAfter > capacity,
  };
}

/** The request's demand, else what the members reported. */
function demandOf(name: string, request: SimulationRequest, health: ServiceHealth) {
  const asked = request.demand.get(name);
  if (asked !== undefined) return { demand: asked, source: 'request' as const };
  const loads = [...health.values()].flatMap(({ load }) => (load === undefined ? [] : [load]));
  if (loads.length === 0) return undefined;
  return { demand: loads.reduce((sum, load) => sum + load, 0), source: 'reported' as const };
}

function sustainable(
  traffic: ServiceTraffic | undefined,
  capacities: ReadonlyMap<string, number | undefined>,
): number | undefined {
  let least: number | undefined;
  for (const [member, share] of traffic?.shares ?? []) {
    const capacity = capacities.get(member);
    if (capacity === undefined || share === 0) continue;
    least = Math.min(least ?? Number.POSITIVE_INFINITY, capacity / share);
  }
  return least;
}

function optional<Key extends string>(key: Key, value: number | undefined) {
  return (value === undefined ? {} : { [key]: value }) as Partial<Record<Key, number>>;
}
