import { type ClientMapView, openClientMap } from '../geo/client-map.ts';
import type { ImageUpdate, SlotUpdate } from '../image/image-update.ts';
import { openZone, openZoneIndex, type ZoneIndexView, type ZoneView } from '../image/zone-view.ts';
import { openServiceSegment, type ServiceView } from '../policy/pick.ts';

/** One version of everything that queries are answered from; never changed once it is made. */
export interface Image {
  readonly epoch: number;
  readonly revision: number;
  /** Undefined until the first update that brings one: every query is refused. */
  readonly zoneIndex: ZoneIndexView | undefined;
  /** By slot. */
  readonly zones: readonly (ZoneView | undefined)[];
  readonly services: readonly (ServiceView | undefined)[];
  readonly maps: readonly (ClientMapView | undefined)[];
}

/** What a thread serves before its first update. */
export const emptyImage: Image = {
  epoch: 0,
  revision: 0,
  zoneIndex: undefined,
  zones: [],
  services: [],
  maps: [],
};

/**
 * The image after an update. All segments are opened before anything is replaced, so that a segment
 * which cannot be opened (a bug: it throws) leaves the old image serving (invariant 3).
 */
export function updateImage(image: Image, update: ImageUpdate): Image {
  return {
    epoch: update.epoch,
    revision: update.revision,
    zoneIndex: update.zoneIndex === undefined ? image.zoneIndex : openZoneIndex(update.zoneIndex),
    zones: updateSlots(image.zones, update.zones, openZone),
    services: updateSlots(image.services, update.services, openServiceSegment),
    maps: updateSlots(image.maps, update.maps, (segment) => openClientMap(segment)),
  };
}

function updateSlots<View>(
  before: readonly (View | undefined)[],
  updates: readonly SlotUpdate[],
  open: (segment: SharedArrayBuffer, at?: number, bytes?: number, root?: number) => View,
): readonly (View | undefined)[] {
  if (updates.length === 0) return before;
  const after = [...before];
  for (const { slot, segment, at, bytes, root } of updates) {
    while (after.length <= slot) after.push(undefined);
    after[slot] = segment === null ? undefined : open(segment, at, bytes, root);
  }
  return after;
}
