import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type ImageLabel, readImageFile, writeImageFile } from '../image/image-file.ts';
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

/** The files in the data directory, newest first. */
export const imageFileNames = ['meridian.image', 'meridian.image.1', 'meridian.image.2'] as const;

/**
 * Keeps what is served on disk, so that a restart answers at once from it, while the configuration is
 * still being read and compiled: seconds for a million names. Stands between whoever makes images and
 * the data plane. What a saved image says of health is as old as it is, until the first image of this
 * process replaces it. The last three are kept: where the newest is damaged, the one before serves.
 */
export class SavedImage implements ImagePublisher {
  /** Chain hash of a revision; undefined for one that the store does not have. Set with the store. */
  historyOf: (revision: number) => string | undefined = () => undefined;
  readonly #parts: SavedImageParts;
  readonly #paths: readonly string[];
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
    this.#paths = imageFileNames.map((name) => join(parts.folder, name));
  }

  /**
   * Serves the newest saved image of this revision; returns whether there is one. With `olderToo` one
   * of an earlier revision of the same history serves where there is none of this: for nodes, which
   * are behind by some revisions at other times as well. Never rejects.
   */
  async serve(revision: number, olderToo = false): Promise<boolean> {
    const isOfHistory = (label: ImageLabel) => label.history === this.historyOf(label.revision);
    const isExact = (label: ImageLabel) => label.revision === revision && isOfHistory(label);
    if (await this.#serveFirst(isExact)) return true;
    if (!olderToo) return false;
    return this.#serveFirst((label) => label.revision < revision && isOfHistory(label));
  }

  async #serveFirst(isWanted: (label: ImageLabel) => boolean): Promise<boolean> {
    const { dataPlane, log, program } = this.#parts;
    for (const file of this.#paths) {
      const image = readImageFile(file, program, isWanted);
      if (typeof image === 'string') {
        log.debug({ file, reason: image }, 'there is no saved image to start from');
        continue;
      }
      try {
        await dataPlane.publish(image);
      } catch (error) {
        log.warn({ file, error: errorText(error) }, 'the saved image cannot be served');
        continue;
      }
      this.#epochsBefore = image.epoch;
      this.#served = image;
      this.#revision = image.revision;
      return true;
    }
    return false;
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
    const [file = '', ...older] = this.#paths;
    if (this.#isSuspended) return;
    this.#isMoved = false;
    try {
      const image = dataPlane.image();
      const history = this.historyOf(image.revision) ?? '';
      await writeImageFile(file, program, history, image, older);
    } catch (error) {
      const fields = { file, error: errorText(error) };
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
