/** Where time comes from; passed in, so that tests and simulations can hold and move it. */
export interface Clock {
  /** Milliseconds on a clock that never steps; only differences mean anything. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  epochMs(): number;
  /** Calls back once after a delay; returns a function that cancels it. */
  setTimer(delayMs: number, callback: () => void): () => void;
}

/** Node's timers hold 31 bits of milliseconds and fire at once beyond that. */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's clocks. Its timers do not keep the process alive, and may be set for any delay. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  epochMs: () => Date.now(),
  setTimer(delayMs, callback) {
    let timer: NodeJS.Timeout | undefined;
    const wait = (leftMs: number) => {
      const stepMs = Math.min(leftMs, longestTimerMs);
      timer = setTimeout(() => (leftMs > stepMs ? wait(leftMs - stepMs) : callback()), stepMs);
      timer.unref();
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};

/** A clock that stands still until `advance` moves it and fires what is due, in order. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #startEpochMs: number;
  #timers: { atMs: number; order: number; callback: () => void }[] = [];
  #order = 0;

  constructor(startEpochMs = 1_750_000_000_000) {
    this.#startEpochMs = startEpochMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return this.#startEpochMs + this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves time forward, firing timers as their moment passes. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const due = this.#timers
        .filter((timer) => timer.atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#nowMs = due.atMs;
      due.callback();
    }
    this.#nowMs = untilMs;
  }
}
