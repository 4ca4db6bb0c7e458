import type { Clock } from '../base/clock.ts';

/**
 * The time as the query path knows it: read once per batch of requests, since asking the system for
 * every query would cost as much as a look-up. It is the time of day, which all threads agree on.
 */
export class CoarseClock {
  readonly #clock: Clock;
  /** Seconds since 1970-01-01T00:00:00Z; a signed 32-bit integer that wraps (RFC 9018 §4.3). */
  epochSeconds = 0;
  /** Microseconds, in steps of a millisecond or a batch; wraps every 72 minutes. */
  micros = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.tick();
  }

  /** Looks at the clock. Whoever moves messages calls it before each batch. */
  tick(): void {
    const ms = Math.floor(this.#clock.epochMs());
    this.micros = Math.imul(ms, 1000);
    this.epochSeconds = Math.floor(ms / 1000) | 0;
  }
}
