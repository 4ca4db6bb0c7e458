import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import type { Cleanup } from '../cleanup.ts';
import type { LoadReport } from '../peers/measure.ts';
import { urgently } from '../urgency.ts';

/** What part of the run a window lies in; `turn` where Redis went or came back in it. */
export type Phase = 'before' | 'outage' | 'after' | 'turn';

/** The same load on a node of each cluster at the same time. */
export interface Pair {
  readonly phase: Phase;
  readonly tested: LoadReport;
  readonly control: LoadReport;
}

export interface LoadPlan {
  /** Path of dns_load. */
  readonly load: string;
  /** Queries, as dns_load reads them. */
  readonly file: string;
  readonly ports: { readonly tested: number; readonly control: number };
  /** Queries a second on each, at random moments, whatever comes back. */
  readonly rate: number;
  readonly windowMs: number;
  phase(): Phase;
  onPair(pair: Pair): void;
}

const clients = 8;

/**
 * Drives both clusters, window after window without a gap, until `stop`; which of the two is first to
 * start changes from window to window.
 */
export class LoadPairs {
  readonly #plan: LoadPlan;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  readonly #ended = new Set<Promise<void>>();
  #isStopping = false;

  constructor(cleanup: Cleanup, plan: LoadPlan) {
    this.#plan = plan;
    cleanup.after(() => this.#abort.abort());
    this.#running = this.#run();
    // Told by `stop`; until then nobody listens.
    this.#running.catch(() => undefined);
  }

  /** Resolves when the last window has been counted; rejects when one failed. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    await Promise.all(this.#ended);
  }

  async #run(): Promise<void> {
    const { windowMs, phase, ports, onPair } = this.#plan;
    let dueMs = performance.now();
    for (let turn = 0; !this.#isStopping; turn += 1) {
      const phaseBefore = phase();
      const runs =
        turn % 2 === 0
          ? [this.#drive(ports.tested), this.#drive(ports.control)]
          : [this.#drive(ports.control), this.#drive(ports.tested)];
      const ended = Promise.all(turn % 2 === 0 ? runs : runs.toReversed()).then((reports) => {
        const [tested, control] = reports as [LoadReport, LoadReport];
        onPair({ phase: phase() === phaseBefore ? phaseBefore : 'turn', tested, control });
      });
      this.#ended.add(ended);
      ended.then(
        () => this.#ended.delete(ended),
        () => this.#abort.abort(),
      );
      if (this.#abort.signal.aborted) break;
      dueMs += windowMs;
      await new Promise((done) => setTimeout(done, Math.max(0, dueMs - performance.now())));
    }
  }

  async #drive(port: number): Promise<LoadReport> {
    const { load, file, rate, windowMs } = this.#plan;
    const words = [port, windowMs, clients, 1, rate].map(String);
    const cores = `0-${availableParallelism() - 1}`;
    const command = [...urgently(), 'taskset', '-c', cores, load, ...words, 'answer', file];
    const child = spawn(command[0] ?? '', command.slice(1), {
      stdio: ['ignore', 'pipe', 'inherit'],
      signal: this.#abort.signal,
      killSignal: 'SIGKILL',
    });
    const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error));
    const [line] = (await Promise.race([once(child.stdout, 'data'), failed])) as [Buffer];
    return JSON.parse(String(line)) as LoadReport;
  }
}

/** Queries of a window by what became of them; what comes after 200 ms is late. */
export function countsOf({ sent, lost, stray, wrong, unsent }: LoadReport) {
  const late = Math.min(lost, stray);
  return { sent, failed: lost - late + wrong - Math.min(unsent, lost - late), late, unsent };
}
