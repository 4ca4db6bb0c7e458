/**
 * What the control plane hands to the data plane. An image is a set of segments, each compiled,
 * immutable, in a SharedArrayBuffer, found by its slot number; an update swaps some of them at once.
 *
 *   zone index: apex name ──> zone slot        (image/zone-index.ts)
 *   zones[slot]: names, RRsets, encoded answers; STEER entries name a service slot (image/zone-segment.ts)
 *   services[slot]: map slot, class × family -> choice program                     (image/service-segment.ts)
 *   maps[slot]: address ranges -> client class                                     (geo/client-map.ts)
 *
 * Slots are stable while the thing that they stand for exists.
 */
export interface ImageUpdate {
  /** Counts up by one with each update. */
  readonly epoch: number;
  /** The revision that this image serves. */
  readonly revision: number;
  readonly zoneIndex?: SharedArrayBuffer;
  readonly zones: readonly SlotUpdate[];
  readonly services: readonly SlotUpdate[];
  readonly maps: readonly SlotUpdate[];
}

/** A new segment for a slot, or null where the slot is free again. */
export interface SlotUpdate {
  readonly slot: number;
  readonly segment: SharedArrayBuffer | null;
  /** Where the segment begins in a buffer that several share, octets (image/arena.ts); default 0. */
  readonly at?: number;
  /** Octets of the segment; default: all of the buffer. */
  readonly bytes?: number;
  /** Words into the segment where a zone's header stands (image/patch-zone.ts); default 0. */
  readonly root?: number;
}

/** Takes updates to wherever queries are answered; resolves when every worker serves them. */
export interface ImagePublisher {
  publish(update: ImageUpdate): Promise<void>;
}
