import { spawn } from 'node:child_process';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { SelfCheck } from './self-check.ts';

/** Runs the operator's program; resolves with what was wrong, or with nothing; never rejects. */
export type RunHook = (state: HookState) => Promise<string | undefined>;

/** Whether the route to this node is to be announced. */
export type HookState = 'up' | 'down';

const intervalMs = 1000;
/** A program that takes longer is ended; the next check runs it again. */
const hookTimeoutMs = 10_000;

/**
 * Tells a routing daemon (BIRD, ExaBGP) by a program of the operator's whether this node answers: run
 * with `up` or `down` when that changes, first when it is first known, and with `down` at the end. One
 * run at a time; a run that failed is repeated with the next check.
 */
export class AnnounceHook {
  readonly #check: SelfCheck;
  readonly #run: RunHook;
  readonly #clock: Clock;
  readonly #log: Log;
  #told: HookState | undefined;
  #cancel: () => void = () => {};
  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(check: SelfCheck, run: RunHook, clock: Clock, log: Log) {
    this.#check = check;
    this.#run = run;
    this.#clock = clock;
    this.#log = log;
    this.#next();
  }

  /** Withdraws the route, and resolves when the program has ended: before the listeners close. */
  async close(): Promise<void> {
    await this.leave();
    await this.#tell('down', ['this process ends']);
  }

  /** Tells nothing more and leaves the route as it is, to the process that answers from now on. */
  async leave(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#turn;
  }

  #next(): void {
    this.#turn = this.#look().then(() => {
      if (!this.#isClosed) this.#cancel = this.#clock.setTimer(intervalMs, () => this.#next());
    });
  }

  async #look(): Promise<void> {
    const { answers, reasons } = await this.#check.look();
    if (!this.#isClosed) await this.#tell(answers ? 'up' : 'down', reasons);
  }

  async #tell(state: HookState, reasons: readonly string[]): Promise<void> {
    if (this.#told === state) return;
    const wrong = await this.#run(state);
    if (wrong === undefined) {
      this.#told = state;
      const text = `the route is to be ${state === 'up' ? 'announced' : 'withdrawn'}`;
      if (state === 'up') this.#log.info({ state }, text);
      else this.#log.warn({ state, reasons }, `${text}: ${reasons.join('; ')}`);
    } else {
      this.#log.error({ state, error: wrong }, `--anycast-hook ${state} failed: ${wrong}`);
    }
  }
}

/** Runs a program with the state as its one argument, without a shell. */
export function hookOf(program: string): RunHook {
  return (state) =>
    new Promise((resolve) => {
      const child = spawn(program, [state], { stdio: 'ignore', timeout: hookTimeoutMs });
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => {
        if (code === 0) resolve(undefined);
        else resolve(signal === null ? `it ended with ${code}` : `it was ended by ${signal}`);
      });
    });
}
