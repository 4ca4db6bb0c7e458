import { errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

type Close = () => void | Promise<void>;

/** What is to be closed, the last that was started first. */
export class Closers {
  readonly #closers: Close[] = [];
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  add(close: Close): void {
    this.#closers.push(close);
  }

  /** Closes everything; what cannot be closed is logged, and what comes next is closed all the same. */
  async closeAll(): Promise<void> {
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        this.#log.error({ error: errorText(error) }, `closing failed: ${errorText(error)}`);
      }
    }
  }
}
