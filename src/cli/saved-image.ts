import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { readImageFile, writeImageFile } from '../image/image-file.ts';
import type { ImagePublisher, ImageUpdate, SlotUpdate } from '../image/image-update.ts';

/** Where images go, and where the whole of them can be had again. */
export interface ImageHolder extends ImagePublisher {
  image(): ImageUpdate;
}

export interface SavedImageParts {
  /** The data directory. */
  readonly folder: string;
  /** Name and version of this program: no other reads what it saved. */
  readonly program: string;
  readonly dataPlane: ImageHolder;
  readonly clock: Clock;
  readonly log: Log;
}

/** A new revision is saved after this long, and no more often, milliseconds. */
const revisionDelayMs = 10_000;

/** The same revision in other health, milliseconds. */
const healthDelayMs = 600_000;

/** The file in the data directory. */
export const imageFileName = 'meridian.image';

/**
 * Keeps what is served on disk, so that a restart answers at once from it, while the configuration is
 * still being read and compiled: seconds for a million names. Stands between whoever makes images and
 * the data plane. A saved image serves only for the very revision that the store is at; what it says
 * of health is as old as it is, until the first image of this process replaces it.
 */
export class SavedImage implements ImagePublisher {
  readonly #parts: SavedImageParts;
  readonly #path: string;
  #epochsBefore = 0;
  /** Served from disk and not replaced yet. */
  #served: ImageUpdate | undefined;
  /** Whether this process has published a whole image of its own. */
  #isWhole = false;
  #isMoved = false;
  #revision = -1;
  /** When the next image is saved; infinity while nothing is to be saved. */
  #dueMs = Number.POSITIVE_INFINITY;
  #cancelSave: () => void = () => {};
  #saving: Promise<void> = Promise.resolve();
  #isSuspended = false;

  constructor(parts: SavedImageParts) {
    this.#parts = parts;
    this.#path = join(parts.folder, imageFileName);
  }

  /** Serves the saved image if it is of this revision; returns whether. Never rejects. */
  async serve(revision: number): Promise<boolean> {
    const { dataPlane, log, program } = this.#parts;
    const image = readImageFile(this.#path, program, revision);
    if (typeof image === 'string') {
      log.debug({ file: this.#path, reason: image }, 'there is no saved image to start from');
      return false;
    }
    try {
      await dataPlane.publish(image);
    } catch (error) {
      log.warn({ file: this.#path, error: errorText(error) }, 'the saved image cannot be served');
      return false;
    }
    this.#epochsBefore = image.epoch;
    this.#served = image;
    this.#revision = revision;
    return true;
  }

  async publish(update: ImageUpdate): Promise<void> {
    const isWhole = update.zoneIndex !== undefined;
    const served = isWhole ? this.#served : undefined;
    const epoch = update.epoch + this.#epochsBefore;
    await this.#parts.dataPlane.publish(
      served === undefined ? { ...update, epoch } : { ...replacing(served, update), epoch },
    );
    if (isWhole) this.#served = undefined;
    // What comes before the first whole image of this process is no image to save.
    this.#isWhole ||= isWhole;
    if (!this.#isWhole) return;
    this.#isMoved = true;
    this.#saveIn(update.revision === this.#revision ? healthDelayMs : revisionDelayMs);
    this.#revision = update.revision;
  }

  /** Saves what has not been saved yet. */
  async close(): Promise<void> {
    this.#cancelSave();
    this.#dueMs = Number.POSITIVE_INFINITY;
    await this.#saving;
    if (this.#isMoved) await this.#save();
  }

  /** Lets the file be until `resume`: another process has the data directory. */
  async suspend(): Promise<void> {
    this.#isSuspended = true;
    await this.#saving;
  }

  /** Saves again; what has moved meanwhile with the next. */
  resume(): void {
    this.#isSuspended = false;
  }

  /** Sets the timer, unless an earlier one runs. */
  #saveIn(delayMs: number): void {
    const { clock } = this.#parts;
    const dueMs = clock.monotonicMs() + delayMs;
    if (dueMs >= this.#dueMs) return;
    this.#cancelSave();
    this.#dueMs = dueMs;
    this.#cancelSave = clock.setTimer(delayMs, () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#saving = this.#saving.then(() => this.#save());
    });
  }

  async #save(): Promise<void> {
    const { dataPlane, log, program } = this.#parts;
    if (this.#isSuspended) return;
    this.#isMoved = false;
    try {
      await writeImageFile(this.#path, program, dataPlane.image());
    } catch (error) {
      const fields = { file: this.#path, error: errorText(error) };
      log.warn(fields, 'the image could not be saved; the next start waits for the configuration');
    }
  }
}

/** An update that also takes away what an image has in slots of which the update does not speak. */
function replacing(image: ImageUpdate, update: ImageUpdate): ImageUpdate {
  const cleared = (before: readonly SlotUpdate[], after: readonly SlotUpdate[]): SlotUpdate[] => {
    const spoken = new Set(after.map(({ slot }) => slot));
    const rest = before.filter(({ slot }) => !spoken.has(slot));
    return [...after, ...rest.map(({ slot }) => ({ slot, segment: null }))];
  };
  return {
    ...update,
    zones: cleared(image.zones, update.zones),
    services: cleared(image.services, update.services),
    maps: cleared(image.maps, update.maps),
  };
}
