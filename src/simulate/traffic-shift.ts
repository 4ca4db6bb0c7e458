import type { TrafficShift } from '../control/change.ts';
import type { Configuration } from '../control/controller.ts';
import { loadPopulation } from '../geo/population.ts';
import type { Traffic } from '../policy/traffic.ts';
import { populationClasses } from './population-classes.ts';
import { serviceTraffic } from './service-traffic.ts';
import type { SimulationParts } from './simulate.ts';

/** Shares that differ by less than this are the same. */
const epsilon = 1e-9;

/** How answers would move from one configuration to another: the members whose share differs. */
export function trafficShift(
  before: Configuration,
  after: Configuration,
  parts: SimulationParts,
): readonly TrafficShift[] {
  const shifts: TrafficShift[] = [];
  const names = new Set([...before.traffic.services.keys(), ...after.traffic.services.keys()]);
  for (const service of names) {
    if (isSameTo(service, before.traffic, after.traffic)) continue;
    const was = sharesOf(service, before.traffic, parts);
    const becomes = sharesOf(service, after.traffic, parts);
    for (const member of new Set([...was.keys(), ...becomes.keys()])) {
      const shift = {
        service,
        member,
        before: was.get(member) ?? 0,
        after: becomes.get(member) ?? 0,
      };
      if (Math.abs(shift.after - shift.before) > epsilon) shifts.push(shift);
    }
  }
  return shifts;
}

function isSameTo(name: string, before: Traffic, after: Traffic): boolean {
  const service = before.services.get(name);
  if (service === undefined || service !== after.services.get(name)) return false;
  return [...service.members.keys()].every(
    (region) => before.regions.get(region) === after.regions.get(region),
  );
}

function sharesOf(
  name: string,
  traffic: Traffic,
  parts: SimulationParts,
): ReadonlyMap<string, number> {
  const service = traffic.services.get(name);
  if (service === undefined) return new Map();
  const population = parts.population ?? loadPopulation();
  const classes = populationClasses(population, parts.distinctions(name, traffic), parts.detail());
  return serviceTraffic({
    name,
    service,
    regions: traffic.regions,
    health: parts.health(name),
    estimate: parts.estimate,
    classes,
  }).shares;
}
