import type { ImageUpdate, SlotUpdate } from '../image/image-update.ts';

/** All updates so far as one, for workers that start later. Segments are shared, not copied. */
export class FullImage {
  #epoch = 0;
  #revision = 0;
  #zoneIndex: SharedArrayBuffer | undefined;
  readonly #zones = new Map<number, SlotUpdate>();
  readonly #services = new Map<number, SlotUpdate>();
  readonly #maps = new Map<number, SlotUpdate>();

  /** The last update's. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Returns the octets of the segments that were replaced, those left out that stay in their memory. */
  apply(update: ImageUpdate): number {
    this.#epoch = update.epoch;
    this.#revision = update.revision;
    const index = update.zoneIndex === undefined ? 0 : (this.#zoneIndex?.byteLength ?? 0);
    this.#zoneIndex = update.zoneIndex ?? this.#zoneIndex;
    return (
      index +
      applySlots(this.#zones, update.zones) +
      applySlots(this.#services, update.services) +
      applySlots(this.#maps, update.maps)
    );
  }

  /** An update that brings an empty image here. */
  toUpdate(): ImageUpdate {
    return {
      epoch: this.#epoch,
      revision: this.#revision,
      ...(this.#zoneIndex === undefined ? {} : { zoneIndex: this.#zoneIndex }),
      zones: [...this.#zones.values()],
      services: [...this.#services.values()],
      maps: [...this.#maps.values()],
    };
  }
}

function applySlots(slots: Map<number, SlotUpdate>, updates: readonly SlotUpdate[]): number {
  let replacedBytes = 0;
  for (const update of updates) {
    const old = slots.get(update.slot);
    // The next version of a large zone is in the same memory.
    const isSame = old !== undefined && old.segment === update.segment;
    if (!isSame) replacedBytes += old?.bytes ?? old?.segment?.byteLength ?? 0;
    if (update.segment === null) slots.delete(update.slot);
    else slots.set(update.slot, update);
  }
  return replacedBytes;
}
