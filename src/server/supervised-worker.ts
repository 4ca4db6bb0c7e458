import { Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { errorText, MeridianError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { ImageUpdate } from '../image/image-update.ts';
import type { FromWorker, ToWorker, WorkerStart } from './worker-messages.ts';

/** A worker that lived shorter than this is given a pause before the next try. */
const shortLifeMs = 1000;
const pauseMs = 500;

/** How long a worker may take to answer what is queued when it closes. */
const closeMs = 3000;

/** What a supervised worker needs to know. */
export interface SupervisedWorkerOptions {
  readonly name: string;
  /** What to start a worker with: asked for each time, so that it has the current image. */
  readonly start: () => WorkerStart;
  /** Makes the worker look for messages; called after each. */
  readonly wake: () => void;
  /** Called when a worker has died of itself or of `terminate`, before it is replaced. */
  readonly died: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** A waiting `publish`. */
interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** One worker thread, replaced when it dies (invariant 10). */
export class SupervisedWorker {
  readonly #options: SupervisedWorkerOptions;
  readonly #waiters = new Map<number, Waiter>();
  #worker: Worker | undefined;
  #startedMs = 0;
  #closing = false;
  #isKilled = false;
  #cancelRestart: () => void = () => {};
  /** The sockets of the worker that runs, as file descriptors, one for each address. */
  descriptors: readonly number[] = [];
  /** How many times the worker had to be replaced. */
  restarts = 0;

  constructor(options: SupervisedWorkerOptions) {
    this.#options = options;
  }

  /** Starts the first worker; resolves when it serves, rejects when it cannot. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => this.#launch(resolve, reject));
  }

  /**
   * Hands over an update that replaces so many octets of segments; resolves when it is served. A
   * worker that dies meanwhile serves nothing old, and the next begins with the current image, so
   * that nobody needs to wait for it.
   */
  update(update: ImageUpdate, replacedBytes: number): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.set(update.epoch, { resolve, reject });
      this.#send(worker, { kind: 'update', update, replacedBytes });
    });
  }

  /** Tells the worker which requests to leave unanswered. */
  quarantine(requests: readonly Uint8Array[]): void {
    if (this.#worker !== undefined) this.#send(this.#worker, { kind: 'quarantine', requests });
  }

  #send(worker: Worker, message: ToWorker): void {
    worker.postMessage(message);
    this.#options.wake();
  }

  /** Lets the worker answer what is queued, and ends it. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#cancelRestart();
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    this.#send(worker, { kind: 'close' });
    const cancel = this.#options.clock.setTimer(closeMs, () => void worker.terminate());
    await ended;
    cancel();
  }

  /** False while a dead thread has not been replaced yet. */
  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /** Kills the thread as a crash would; for tests and drills. */
  async kill(): Promise<void> {
    this.#isKilled = this.#worker !== undefined;
    await this.#worker?.terminate();
  }

  /** Ends a thread that is stuck; it is replaced as one that died is. */
  terminate(): void {
    void this.#worker?.terminate();
  }

  #launch(onReady: () => void, onFailure: (error: Error) => void): void {
    const { name, start, clock, log } = this.#options;
    const worker = new Worker(new URL('./worker-main.ts', import.meta.url), {
      name,
      workerData: start(),
    });
    this.#worker = worker;
    this.#startedMs = clock.monotonicMs();
    let isReady = false;
    let reason = 'it ended';
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'ready') {
        isReady = true;
        this.descriptors = message.descriptors;
        onReady();
      } else {
        this.#settle(message);
      }
    });
    worker.on('error', (error) => {
      reason = errorText(error);
      if (!isReady) onFailure(error);
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const { resolve } of this.#waiters.values()) resolve();
      this.#waiters.clear();
      if (!isReady) onFailure(new Error(`worker ${name} did not start: ${reason}`));
      if (this.#closing) return;
      // One that never served at its first start is its opener's to judge.
      if (!isReady && this.restarts === 0) return;
      log.error({ worker: name, reason }, 'a worker died and is being replaced');
      if (!this.#isKilled) this.#options.died();
      this.#isKilled = false;
      this.#restart();
    });
  }

  #restart(): void {
    const { clock } = this.#options;
    const lived = clock.monotonicMs() - this.#startedMs;
    this.restarts += 1;
    const launch = () =>
      this.#launch(
        () => {},
        () => {},
      );
    if (lived >= shortLifeMs) launch();
    else this.#cancelRestart = clock.setTimer(pauseMs, launch);
  }

  #settle(message: Exclude<FromWorker, { kind: 'ready' }>): void {
    const waiter = this.#waiters.get(message.epoch);
    this.#waiters.delete(message.epoch);
    if (message.kind === 'taken') {
      waiter?.resolve();
      return;
    }
    const text = `worker ${this.#options.name} could not open update ${message.epoch}: ${message.reason}`;
    waiter?.reject(new MeridianError({ code: 'E_PUBLISH', message: text }));
  }
}
