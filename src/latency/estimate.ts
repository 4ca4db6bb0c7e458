import type { ClientClass, Coordinates } from '../geo/client.ts';

/** Where a number comes from, the most specific first. */
export type LatencySource =
  | 'measured-prefix'
  | 'measured-asn'
  | 'measured-country'
  | 'agents'
  | 'distance';

/** A round-trip time between a client class and a region, and how it came about. */
export interface LatencyEstimate {
  readonly ms: number;
  /** The source with the largest share in it. */
  readonly source: LatencySource;
  /** Measurements behind that source; 0 for distance. */
  readonly samples: number;
}

/** One source's part in an estimate. */
export interface LatencyPart {
  readonly source: LatencySource;
  /** Whose measurements: `prefix 192.0.2.0/24`, `asn 64500`, `country IN`; absent for distance. */
  readonly key?: string;
  /** What this source alone says. */
  readonly ms: number;
  /** Its share in the estimate, 0 to 1; the shares of an estimate add up to 1. */
  readonly share: number;
  readonly samples: number;
  /** Seconds since its last measurement. */
  readonly ageSeconds?: number;
}

/** An estimate with everything that went into it, the most general source first. */
export interface LatencyBlend extends LatencyEstimate {
  readonly parts: readonly LatencyPart[];
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

/** As {@link EstimateLatency}, with every part: what explain asks. */
export type BlendLatency = (
  client: ClientClass,
  region: string,
  there?: Coordinates,
) => LatencyBlend | undefined;
