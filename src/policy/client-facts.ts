import type { ClientClass, Coordinates } from '../geo/client.ts';
import { distanceKm } from '../geo/distance.ts';
import type { EstimateLatency, LatencyEstimate } from '../latency/estimate.ts';

/** One client class with what policies work out about it, each thing at most once. */
export class ClientFacts {
  readonly client: ClientClass;
  readonly #estimate: EstimateLatency;
  readonly #distances = new Map<string, number | undefined>();
  readonly #latencies = new Map<string, LatencyEstimate | undefined>();

  constructor(client: ClientClass, estimate: EstimateLatency) {
    this.client = client;
    this.#estimate = estimate;
  }

  /** Great-circle kilometres to a region; undefined when either side's place is not known. */
  distanceKm(region: string, coordinates: Coordinates | undefined): number | undefined {
    if (this.#distances.has(region)) return this.#distances.get(region);
    const here = this.client.coordinates;
    const known = here !== undefined && coordinates !== undefined;
    const distance = known ? distanceKm(here, coordinates) : undefined;
    this.#distances.set(region, distance);
    return distance;
  }

  latency(region: string, coordinates: Coordinates | undefined): LatencyEstimate | undefined {
    if (this.#latencies.has(region)) return this.#latencies.get(region);
    const estimate = this.#estimate(this.client, region, coordinates);
    this.#latencies.set(region, estimate);
    return estimate;
  }
}
