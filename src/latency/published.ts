import type { Coordinates } from '../geo/client.ts';
import type { LatencySource } from './estimate.ts';

/** What has moved in a list of published values. */
export interface PublishedChanges {
  /** New values, and those with another time, trust or place. */
  readonly put: readonly PublishedLatency[];
  readonly removed: readonly { readonly key: string; readonly region: string }[];
}

/**
 * One measured value as a controller publishes it. Estimates are made of these, of the client class
 * and of where the region stands, and of nothing else: nodes with the same list choose alike.
 */
export interface PublishedLatency {
  /** `prefix 192.0.2.0/24`, `asn 64500`, `country IN`; for agents their place, `agents 53.3,-6.3`. */
  readonly key: string;
  readonly region: string;
  /** Where the region stood when it was measured. */
  readonly place: Coordinates;
  readonly ms: number;
  /** How far the value is believed, 0 to 1; what estimates are blended by. Moves in steps. */
  readonly trust: number;
  /** Measurements behind it, decayed by age; for people to read, estimates do not use it. */
  readonly samples: number;
  readonly source: Exclude<LatencySource, 'distance'>;
  /** When it was last measured, milliseconds since 1970; for people to read as well. */
  readonly at: number;
}
