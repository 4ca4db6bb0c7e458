import type { Monitor } from '../../../src/health/monitor.ts';
import type { Verdict } from '../../../src/health/verdict.ts';

/** Whether one agent holds one target for down, worked out from all that it ever found. */
export class ThresholdOracle {
  readonly #monitor: Monitor;
  readonly #found: Verdict[] = [];
  #isDown = false;

  constructor(monitor: Monitor) {
    this.#monitor = monitor;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  take(outcome: Verdict): void {
    const { fall, rise } = this.#monitor;
    this.#found.push(outcome);
    if (outcome === 'unknown') {
      const last = this.#found.slice(-fall);
      if (last.length === fall && last.every((one) => one === 'unknown')) this.#isDown = false;
      return;
    }
    const known = this.#found.filter((one) => one !== 'unknown');
    const lastAre = (count: number, fits: (one: Verdict) => boolean) =>
      known.length >= count && known.slice(-count).every(fits);
    if (lastAre(fall, (one) => one === 'down')) this.#isDown = true;
    else if (lastAre(rise, (one) => one !== 'down')) this.#isDown = false;
  }
}
