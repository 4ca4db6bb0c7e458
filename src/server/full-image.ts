import type { ImageUpdate, SlotUpdate } from '../image/image-update.ts';

/** All updates so far as one, for workers that start later. Segments are shared, not copied. */
export class FullImage {
  #epoch = 0;
  #revision = 0;
  #zoneIndex: SharedArrayBuffer | undefined;
  readonly #zones = new Map<number, SharedArrayBuffer>();
  readonly #services = new Map<number, SharedArrayBuffer>();
  readonly #maps = new Map<number, SharedArrayBuffer>();

  /** The last update's. */
  get epoch(): number {
    return this.#epoch;
  }

  apply(update: ImageUpdate): void {
    this.#epoch = update.epoch;
    this.#revision = update.revision;
    this.#zoneIndex = update.zoneIndex ?? this.#zoneIndex;
    applySlots(this.#zones, update.zones);
    applySlots(this.#services, update.services);
    applySlots(this.#maps, update.maps);
  }

  /** An update that brings an empty image here. */
  toUpdate(): ImageUpdate {
    return {
      epoch: this.#epoch,
      revision: this.#revision,
      ...(this.#zoneIndex === undefined ? {} : { zoneIndex: this.#zoneIndex }),
      zones: listSlots(this.#zones),
      services: listSlots(this.#services),
      maps: listSlots(this.#maps),
    };
  }
}

function applySlots(slots: Map<number, SharedArrayBuffer>, updates: readonly SlotUpdate[]): void {
  for (const { slot, segment } of updates) {
    if (segment === null) slots.delete(slot);
    else slots.set(slot, segment);
  }
}

function listSlots(slots: ReadonlyMap<number, SharedArrayBuffer>): SlotUpdate[] {
  return [...slots].map(([slot, segment]) => ({ slot, segment }));
}
