import { MeridianError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** Runs changes one at a time, in the order in which they came. */
export class ChangeQueue {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Rejects with `E_BUSY` at once when too many wait (`limits.waitingChanges`). */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= limits.waitingChanges) {
      const message = `${this.#waiting} changes wait for their turn; try again in a few seconds`;
      return Promise.reject(new MeridianError({ code: 'E_BUSY', message }));
    }
    this.#waiting += 1;
    const result = this.#tail.then(work);
    this.#tail = result.then(
      () => this.#left(),
      () => this.#left(),
    );
    return result;
  }

  /** Resolves when everything that waits now is through. */
  async idle(): Promise<void> {
    await this.#tail;
  }

  #left(): void {
    this.#waiting -= 1;
  }
}
