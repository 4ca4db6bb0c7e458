/** Samples that a series remembers; a median over so many is within a few percent of the true one. */
export const samplesPerSeries = 32;

/** A sample counts half after this long, milliseconds: paths change over hours, not minutes. */
export const sampleHalfLifeMs = 6 * 3_600_000;

/** One sample stands for at most this many measurements in the count that decides about trust. */
export const countPerSample = 1000;

/**
 * The median of the latest samples of one round-trip time, weighted by age and by how many measurements
 * each stands for. A median, since round-trip times have a long tail and one bad client shall not move
 * an answer; the weight grows with the logarithm of the count, so that no one report outvotes the rest.
 */
export class RecentMedian {
  /** A ring; three numbers per sample: milliseconds, time, count. */
  readonly #ring: number[] = [];
  #next = 0;

  add(ms: number, count: number, nowMs: number): void {
    this.#ring[this.#next] = ms;
    this.#ring[this.#next + 1] = nowMs;
    this.#ring[this.#next + 2] = Math.min(count, countPerSample);
    this.#next = (this.#next + 3) % (samplesPerSeries * 3);
  }

  /** The weighted median in milliseconds, and the measurements behind it, decayed by age. */
  read(nowMs: number): { readonly ms: number; readonly samples: number } {
    const samples: { ms: number; weight: number }[] = [];
    let count = 0;
    let total = 0;
    for (let at = 0; at < this.#ring.length; at += 3) {
      const age = nowMs - this.#ring[at + 1]!;
      const fresh = 2 ** (-age / sampleHalfLifeMs);
      const weight = fresh * (1 + Math.log2(this.#ring[at + 2]!));
      samples.push({ ms: this.#ring[at]!, weight });
      count += fresh * this.#ring[at + 2]!;
      total += weight;
    }
    samples.sort((a, b) => a.ms - b.ms);
    let below = 0;
    for (const { ms, weight } of samples) {
      below += weight;
      if (below >= total / 2) return { ms, samples: count };
    }
    return { ms: Number.NaN, samples: 0 };
  }
}
