import type { Clock } from '../base/clock.ts';
import { errorText, type Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { ImageUpdate } from '../image/image-update.ts';

/** An image that is compiled for a revision and not yet taken; `accept` is called once. */
export interface PreparedImage {
  accept(): ImageUpdate;
}

interface Parcel {
  readonly revision: number;
  readonly prepared: PreparedImage;
  update?: ImageUpdate;
}

const firstRetryMs = 250;

/**
 * Takes images to the data plane, strictly in the order of their revisions: an update holds only what
 * changed, so none may be skipped. What cannot be delivered is tried again, later and later, until it
 * is; meanwhile the data plane serves the last image that it got.
 */
export class ImageCourier {
  readonly #publish: (update: ImageUpdate) => Promise<void>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #parcels: Parcel[] = [];
  #delivery: Promise<void> | undefined;
  #retryMs = firstRetryMs;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  constructor(publish: (update: ImageUpdate) => Promise<void>, clock: Clock, log: Log) {
    this.#publish = publish;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Delivers an image; resolves when the data plane serves it, or with the problem why it does not
   * yet. Never rejects.
   */
  async deliver(revision: number, prepared: PreparedImage): Promise<Problem | undefined> {
    this.#parcels.push({ revision, prepared });
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    await this.#drain();
    if (!this.#parcels.some((parcel) => parcel.revision === revision)) return undefined;
    return {
      code: 'E_PUBLISH',
      message:
        `revision ${revision} is stored, but not served yet; the data plane still answers from the ` +
        'one before, and delivery is tried again until it succeeds (the log says why it failed)',
      severity: 'warning',
    };
  }

  /** Stops trying. */
  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
  }

  #drain(): Promise<void> {
    this.#delivery ??= this.#deliverAll().finally(() => {
      this.#delivery = undefined;
    });
    return this.#delivery;
  }

  async #deliverAll(): Promise<void> {
    for (let parcel = this.#parcels[0]; parcel !== undefined; parcel = this.#parcels[0]) {
      if (this.#closed) return;
      try {
        parcel.update ??= parcel.prepared.accept();
        await this.#publish(parcel.update);
      } catch (error) {
        this.#retryLater(parcel.revision, error);
        return;
      }
      this.#parcels.shift();
      this.#retryMs = firstRetryMs;
    }
  }

  #retryLater(revision: number, error: unknown): void {
    const delayMs = this.#retryMs;
    this.#retryMs = Math.min(delayMs * 2, limits.publishRetryMaxMs);
    const fields = { code: 'E_PUBLISH', revision, retryMs: delayMs, error: errorText(error) };
    this.#log.error(fields, 'a stored revision could not be published; it is tried again');
    this.#cancelRetry = this.#clock.setTimer(delayMs, () => {
      this.#cancelRetry = undefined;
      void this.#drain();
    });
  }
}
