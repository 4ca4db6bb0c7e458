import { errorText } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';

/** What a node has started, in order; it is closed the other way round. */
export class Closers {
  readonly #log: Log;
  readonly #closers: (() => void | Promise<void>)[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  add(close: () => void | Promise<void>): void {
    this.#closers.push(close);
  }

  /** Closes everything once. Never rejects: what comes next is to be closed all the same. */
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
