import type { ClientClass, ClientDistinctions } from '../geo/client.ts';
import type { ClientMapView } from '../geo/client-map.ts';
import type { GeoSources } from '../geo/geo-sources.ts';
import type { ServiceHealth } from '../health/verdict.ts';
import { packSegments, type SlotContent } from '../image/arena.ts';
import type { ImageUpdate } from '../image/image-update.ts';
import type { LargeZone } from '../image/patch-zone.ts';
import type { EstimateLatency } from '../latency/estimate.ts';
import type { MeasuredKeys } from '../policy/distinctions.ts';
import type { NetworkOverride, Service } from '../policy/traffic.ts';
import type { NameKey } from '../zone/zone.ts';
import type { CompiledZone } from './compile-next-zone.ts';
import type { Configuration } from './controller.ts';
import type { SlotTable } from './slot-table.ts';

/** Live inputs of the serving images, asked for each time that something is compiled. */
export interface ImageInputs {
  /** The databases under these operator networks. */
  geo(networks: readonly NetworkOverride[]): GeoSources;
  health(service: string): ServiceHealth;
  readonly estimate: EstimateLatency;
  measured(): MeasuredKeys;
}

/** An image that is ready but not yet taken: `accept` makes it the current one. */
export interface PreparedImage {
  accept(): ImageUpdate;
}

/** A large zone as it was, and copied into memory of its own. */
export interface FoldedZone {
  readonly from: LargeZone;
  readonly to: LargeZone;
}

export interface CompiledMap {
  readonly distinctions: ClientDistinctions;
  readonly segment: SharedArrayBuffer;
  readonly view: ClientMapView;
  readonly classes: readonly ClientClass[];
}

export interface CompiledService {
  readonly service: Service;
  /** Undefined when the service answers every client alike. */
  readonly mapKey: string | undefined;
  /** Whether its policy asks for round-trip times. */
  readonly timed: boolean;
}

/**
 * The state of one image: what stands in which slot. Copied for each change, so that a change which
 * the store refuses leaves no trace.
 */
export interface ImageState {
  readonly configuration: Configuration;
  readonly zones: SlotTable<NameKey, CompiledZone>;
  readonly services: SlotTable<string, CompiledService>;
  readonly maps: SlotTable<string, CompiledMap>;
}

/** Collects the segments of one update; the last word on a slot counts. */
export class UpdateBuilder {
  readonly zones = new Map<number, SlotContent>();
  readonly services = new Map<number, SlotContent>();
  readonly maps = new Map<number, SharedArrayBuffer | null>();
  zoneIndex: SharedArrayBuffer | undefined;

  build(epoch: number, revision: number): ImageUpdate {
    return {
      epoch,
      revision,
      ...(this.zoneIndex === undefined ? {} : { zoneIndex: this.zoneIndex }),
      zones: packSegments(this.zones),
      services: packSegments(this.services),
      maps: packSegments(this.maps),
    };
  }
}

/** Takes every map away. */
export function dropMaps(state: ImageState, update: UpdateBuilder): void {
  for (const key of [...state.maps.keys()]) {
    const slot = state.maps.delete(key);
    if (slot !== undefined) update.maps.set(slot, null);
  }
}
