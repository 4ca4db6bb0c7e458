import type { Clock } from '../base/clock.ts';
import { errorText, type Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { sliceSteps } from '../base/steps.ts';
import type { ImageCompiler } from '../control/compile-image.ts';
import type { RttSample } from '../control/controller.ts';
import type { ImagePublisher, ImageUpdate } from '../image/image-update.ts';
import type { LatencyTable } from '../latency/latency-table.ts';

export interface PublishingParts {
  readonly images: ImageCompiler;
  readonly dataPlane: ImagePublisher;
  readonly latency: LatencyTable;
  readonly clock: Clock;
  readonly log: Log;
}

/** New latency values reach answers after this long at the latest, milliseconds. */
const latencySettleMs = 1000;

/** Following latency is done in parts of about so many milliseconds; the API answers in between. */
const latencyPartMs = 15;

/** Between two parts of it, milliseconds. */
const latencyPauseMs = 5;

/** How often measurements are looked over for age, milliseconds. */
const latencyRefreshMs = 60_000;

/**
 * Brings everything that moves answers to the data plane, in one order: changes of configuration,
 * of health (at once), of geo databases and of measured latency (gathered for a second).
 */
export class ImagePublishing {
  readonly #parts: PublishingParts;
  #cancelLatency: (() => void) | undefined;
  #cancelRefresh: () => void = () => {};
  #latencyVersion = 0;
  #folding: Promise<void> | undefined;
  #isClosed = false;
  /** Called when published latency has moved; in a cluster the leader then tells it to all others. */
  onLatency: () => void = () => {};

  constructor(parts: PublishingParts) {
    this.#parts = parts;
    this.#scheduleRefresh();
  }

  /** Resolves when every worker answers from the update; rejects when it could not be handed over. */
  publish(update: ImageUpdate): Promise<void> {
    const published = this.#parts.dataPlane.publish(update);
    this.#folding ??= this.#fold().finally(() => {
      this.#folding = undefined;
    });
    return published;
  }

  /** Folds large zones that edits have filled with waste, while all else goes on. */
  async #fold(): Promise<void> {
    const { images, log } = this.#parts;
    try {
      while (images.hasWaste && !this.#isClosed) {
        const folded = await sliceSteps(images.fold());
        if (folded !== undefined) this.#send(() => images.takeFold(folded));
      }
    } catch (error) {
      log.error(
        { error: errorText(error) },
        'a large zone could not be folded; it goes on serving',
      );
    }
  }

  /** Health or load of these services has changed: their answers change now. */
  servicesMoved(names: readonly string[]): void {
    this.#send(() => this.#parts.images.recompileServices(names));
  }

  /** The geo databases were replaced. Throws when no maps can be made of the new ones. */
  mapsMoved(): void {
    const update = this.#parts.images.rebuildMaps();
    this.#send(() => update);
  }

  /**
   * Takes round-trip times of one source, and lets answers follow within a second where an estimate
   * moved. Says what is wrong with the first of the bad ones, by index.
   */
  measure(
    samples: readonly RttSample[],
    source = '',
  ): { accepted: number; problems: readonly Problem[] } {
    const problems: Problem[] = [];
    let accepted = 0;
    for (let place = 0; place < samples.length; place += 1) {
      const problem = this.#parts.latency.measure(samples[place]!, source);
      if (problem === undefined) accepted += 1;
      else if (problems.length < limits.problemsPerAnswer) {
        problems.push({ ...problem, where: `/samples/${place}` });
      }
    }
    this.latencyMoved();
    return { accepted, problems };
  }

  /** Measurements came in, or the leader's values were taken over: answers follow within a second. */
  latencyMoved(): void {
    const { clock, latency } = this.#parts;
    if (!latency.isUnsettled && latency.version === this.#latencyVersion) return;
    this.#cancelLatency ??= clock.setTimer(latencySettleMs, () => this.#settleLatency());
  }

  /** Whether answers still have to follow what was measured. */
  get isFollowing(): boolean {
    return this.#cancelLatency !== undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelLatency?.();
    this.#cancelRefresh();
  }

  #scheduleRefresh(): void {
    const { clock, latency } = this.#parts;
    this.#cancelRefresh = clock.setTimer(latencyRefreshMs, () => {
      latency.refresh();
      this.latencyMoved();
      this.#scheduleRefresh();
    });
  }

  #settleLatency(): void {
    const { clock, images, latency } = this.#parts;
    if (latency.settle()) {
      this.#cancelLatency = clock.setTimer(latencyPauseMs, () => this.#settleLatency());
      return;
    }
    this.#cancelLatency = undefined;
    if (latency.version === this.#latencyVersion) return;
    this.#latencyVersion = latency.version;
    this.onLatency();
    let overMs = 0;
    const parts = images.followLatency(() => clock.monotonicMs() >= overMs);
    const next = () => {
      this.#cancelLatency = undefined;
      overMs = clock.monotonicMs() + latencyPartMs;
      let isDone: boolean | undefined = true;
      this.#send(() => {
        const { done, value } = parts.next();
        isDone = done;
        return value ?? undefined;
      });
      if (isDone === true) this.latencyMoved();
      else this.#cancelLatency = clock.setTimer(latencyPauseMs, next);
    };
    next();
  }

  /** Compiles and publishes; what goes wrong is logged, and what was served goes on being served. */
  #send(compile: () => ImageUpdate | undefined): void {
    const failed = (error: unknown) => {
      const fields = { error: errorText(error) };
      this.#parts.log.error(fields, 'an image could not be made; the one before goes on serving');
    };
    try {
      const update = compile();
      if (update !== undefined) this.#parts.dataPlane.publish(update).catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
