import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';

interface Bucket {
  left: number;
  atMs: number;
}

/**
 * How many samples a second are taken: by each token, and by all together, so that no one token keeps
 * the others out. Whoever is over has to wait until its part has filled up again.
 */
export class SampleBudget {
  readonly #clock: Clock;
  readonly #all: Bucket;
  readonly #byToken = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#all = { left: limits.samplesPerSecond, atMs: clock.monotonicMs() };
  }

  /** Whole seconds until a token may send again; 0 when it may. To be asked before a body is read. */
  waitSeconds(token: string): number {
    const own = this.#fill(this.#bucketOf(token), limits.samplesPerSecondAndToken);
    const all = this.#fill(this.#all, limits.samplesPerSecond);
    const missing = Math.max(
      -own.left / limits.samplesPerSecondAndToken,
      -all.left / limits.samplesPerSecond,
    );
    return own.left > 0 && all.left > 0 ? 0 : Math.max(1, Math.ceil(missing));
  }

  /** Counts a batch. It may go over by as much as one batch has, which the next one waits for. */
  spend(token: string, samples: number): void {
    this.#bucketOf(token).left -= samples;
    this.#all.left -= samples;
  }

  #bucketOf(token: string): Bucket {
    let bucket = this.#byToken.get(token);
    if (bucket === undefined) {
      // Tokens that are gone leave theirs behind; a full one is as good as none.
      if (this.#byToken.size >= limits.tokens) this.#byToken.clear();
      bucket = { left: limits.samplesPerSecondAndToken, atMs: this.#clock.monotonicMs() };
      this.#byToken.set(token, bucket);
    }
    return bucket;
  }

  #fill(bucket: Bucket, perSecond: number): Bucket {
    const nowMs = this.#clock.monotonicMs();
    bucket.left = Math.min(perSecond, bucket.left + ((nowMs - bucket.atMs) / 1000) * perSecond);
    bucket.atMs = nowMs;
    return bucket;
  }
}
