import type { Configuration } from '../../src/control/controller.ts';
import type { PopulatedPlace } from '../../src/geo/population.ts';
import type { ServiceHealth } from '../../src/health/verdict.ts';
import { distinctionsOf } from '../../src/policy/distinctions.ts';
import type { Region, Service } from '../../src/policy/traffic.ts';
import type { SimulationParts } from '../../src/simulate/simulate.ts';
import { regions as allRegions, byDistance } from '../policy/build.ts';

/** Four cities; 10 million people altogether. */
export const population: readonly PopulatedPlace[] = [
  city('Paris', 'FR', 48.9, 2.3, 2_000_000),
  city('Dublin', 'IE', 53.3, -6.2, 1_000_000),
  city('New York', 'US', 40.7, -74, 4_000_000, 'US-NY'),
  city('Los Angeles', 'US', 34.1, -118.2, 3_000_000, 'US-CA'),
];

export function city(
  name: string,
  country: string,
  latitude: number,
  longitude: number,
  inhabitants: number,
  subdivision?: string,
): PopulatedPlace {
  const coordinates = { latitude, longitude };
  const plain = { name, country, coordinates, inhabitants, city: true };
  return subdivision === undefined ? plain : { ...plain, subdivision };
}

export interface World {
  readonly services: Readonly<Record<string, Service>>;
  readonly regions?: ReadonlyMap<string, Region>;
  readonly health?: Readonly<Record<string, ServiceHealth>>;
  readonly detail?: 'city' | 'country';
  readonly population?: readonly PopulatedPlace[];
}

export function configurationOf({ services, regions = allRegions() }: World): Configuration {
  const traffic = {
    regions,
    monitors: new Map(),
    services: new Map(Object.entries(services)),
    networks: [],
  };
  return { revision: 7, zones: new Map(), traffic, tokens: new Map() };
}

export function partsOf(world: World): SimulationParts {
  const nothing = { prefixes: [], asns: [], countries: [] };
  const configuration = configurationOf(world);
  return {
    configuration: () => configuration,
    health: (name) => world.health?.[name] ?? new Map(),
    estimate: byDistance,
    distinctions: (name, { services, regions }) => {
      const service = services.get(name);
      return service && distinctionsOf(service, regions, nothing);
    },
    detail: () => world.detail ?? 'city',
    population: world.population ?? population,
  };
}
