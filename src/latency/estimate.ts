import type { ClientClass, Coordinates } from '../geo/client.ts';

/** A round-trip time between a client class and a region, and how it came about. */
export interface LatencyEstimate {
  readonly ms: number;
  readonly source: 'measured-prefix' | 'measured-asn' | 'measured-country' | 'agents' | 'distance';
  /** Measurements behind it; 0 for distance. */
  readonly samples: number;
}

/**
 * Estimates by client class and region; undefined only where neither side has a place. `there` is
 * where the region stands in the configuration that is asked about, which need not be the one that
 * serves; left out: where it stands in that one.
 */
export type EstimateLatency = (
  client: ClientClass,
  region: string,
  there?: Coordinates,
) => LatencyEstimate | undefined;
