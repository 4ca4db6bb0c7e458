import type { Problem } from '../base/errors.ts';
import type { Configuration } from '../control/controller.ts';
import { openSqliteStore, openSqliteStoreUnchecked } from '../store/sqlite-store.ts';
import type { AnsweringPart } from './answering-part.ts';
import { historyOf, startThreads } from './answering-threads.ts';
import { Closers } from './closers.ts';
import type { ControlPart } from './control-part.ts';
import { formatEndpoint } from './flags.ts';
import type { AnnounceHook } from './node/announce-hook.ts';
import { startAnnouncing } from './node/anycast.ts';
import type { NodeOptions } from './node-options.ts';
import type { NodeSockets } from './restart/node-sockets.ts';

/** A node that serves. */
export interface RunningNode {
  /** `ADDR:PORT` as bound. */
  readonly dns: readonly string[];
  readonly http: string;
  /** Where the API is, without a slash at the end. */
  readonly url: string;
  /** The admin token, only when this start has made it. */
  readonly newToken: string | undefined;
  readonly configuration: Configuration;
  /** What was wrong with files at the first start, and with stored objects. */
  readonly problems: readonly Problem[];
  /** The sockets that a process which takes this one's place goes on with. */
  sockets(): NodeSockets;
  /** Lets go of the store and the API, while queries are answered on and health is watched. */
  release(): Promise<void>;
  /** Takes them back. */
  resume(): Promise<void>;
  /**
   * Stops taking queries, answers what is queued, and closes the store. `isReplaced`: another process
   * answers from the same sockets, so that routes to this node stay.
   */
  close(isReplaced?: boolean): Promise<void>;
}

/**
 * Puts one node together and starts it: store → threads → geo → image → health → controller → API.
 * Throws MeridianError when something that it cannot do without is missing; what was started is closed
 * again. With a predecessor nothing is answered before that one's store is read.
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const closers = new Closers(options.log);
  try {
    const { predecessor } = options;
    return predecessor === undefined
      ? await startAlone(options, closers)
      : await startAfter(options, predecessor, closers);
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

/** The store first, since its lock keeps others out; then answers, from the image of the last end. */
async function startAlone(options: NodeOptions, closers: Closers): Promise<RunningNode> {
  const onClose = closers.add.bind(closers);
  const store = openSqliteStoreUnchecked(options.data);
  onClose(() => store.close());
  const threads = await startThreads(options, onClose);
  const revision = store.latest();
  threads.saved.historyOf = historyOf(store);
  if (revision > 0) await threads.saved.serve(revision, options.cluster?.role === 'node');
  store.check();
  // Loaded here, when queries are answered: most of what a node is made of.
  const { startAnswering } = await import('./answering-part.ts');
  const { startControl } = await import('./control-part.ts');
  const parts = await startAnswering(options, threads, onClose);
  const control = await startControl(options, store, parts, options.http);
  return new ServingNode(options, parts, control, closers);
}

/** All that takes time first, while the process before this one still serves. */
async function startAfter(
  options: NodeOptions,
  predecessor: NonNullable<NodeOptions['predecessor']>,
  closers: Closers,
): Promise<RunningNode> {
  const onClose = closers.add.bind(closers);
  const { startAnswering } = await import('./answering-part.ts');
  const { startControl } = await import('./control-part.ts');
  // Asked for again by the control part, which then has it at once.
  await import('../api/create-api.ts');
  const threads = await startThreads(options, onClose);
  const parts = await startAnswering(options, threads, onClose);
  await predecessor.prepared();
  const store = openSqliteStore(options.data);
  onClose(() => store.close());
  const place = predecessor.sockets.http ?? options.http;
  const control = await startControl(options, store, parts, place, async () => {
    if (!threads.dataPlane.workers.every((worker) => worker.isRunning)) {
      throw new Error('the threads that answer could not be started on the sockets handed over');
    }
    // Only then changes: who has heard of one must not be answered by the other process.
    await predecessor.complete();
  });
  return new ServingNode(options, parts, control, closers);
}

class ServingNode implements RunningNode {
  readonly #options: NodeOptions;
  readonly #parts: AnsweringPart;
  readonly #closers: Closers;
  readonly #hook: AnnounceHook | undefined;
  #control: ControlPart;
  #isReplaced = false;

  constructor(options: NodeOptions, parts: AnsweringPart, control: ControlPart, closers: Closers) {
    this.#options = options;
    this.#parts = parts;
    this.#control = control;
    this.#closers = closers;
    closers.add(() => this.#control.close());
    this.#hook = startAnnouncing(options, parts.selfCheck);
    closers.add(() => (this.#isReplaced ? this.#hook?.leave() : this.#hook?.close()));
  }

  get dns(): readonly string[] {
    return this.#parts.dataPlane.addresses.map(formatEndpoint);
  }

  get http(): string {
    return formatEndpoint(this.#control.http);
  }

  get url(): string {
    return `${this.#options.certificate === undefined ? 'http' : 'https'}://${this.http}`;
  }

  get newToken(): string | undefined {
    return this.#control.newToken;
  }

  get problems(): readonly Problem[] {
    return this.#control.problems;
  }

  get configuration(): Configuration {
    return this.#parts.configuration();
  }

  sockets(): NodeSockets {
    const { http, httpDescriptor: descriptor } = this.#control;
    return {
      plane: this.#parts.dataPlane.sockets(),
      http: descriptor === undefined ? undefined : { ...http, descriptor },
    };
  }

  async release(): Promise<void> {
    await this.#parts.saved.suspend();
    await this.#control.close();
  }

  async resume(): Promise<void> {
    const { startControl } = await import('./control-part.ts');
    const store = openSqliteStore(this.#options.data);
    this.#control = await startControl(this.#options, store, this.#parts, this.#control.http);
    this.#parts.saved.resume();
  }

  close(isReplaced = false): Promise<void> {
    this.#isReplaced = isReplaced;
    return this.#closers.closeAll();
  }
}
