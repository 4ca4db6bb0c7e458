import type { Clock } from '../base/clock.ts';
import { errorText, MeridianError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { ControlClient } from './control-client.ts';
import { type Plan, readPlan } from './plan.ts';

/** What a link needs, and whom it tells. */
export interface ControlLinkOptions {
  readonly url: string;
  readonly client: ControlClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The greatest boot number that is known. */
  boot(): number;
  /** A controller gave a greater boot number. */
  onBoot(boot: number): void;
  onPlan(plan: Plan, revision: number): void;
  /** The link was refused for good reason, or taken again. */
  onRefused(isRefused: boolean): void;
}

/** How long a question for another plan waits, seconds. */
const planWaitSeconds = 25;
const firstBackoffMs = 250;
/** Reports that nobody takes are missed after seconds, so that waiting longer than this helps nobody. */
const lastBackoffMs = 5000;
/** Who was refused for what time alone will not mend asks less often. */
const refusedBackoffMs = 30_000;
const refusals: readonly string[] = ['E_AGENT_UNKNOWN', 'E_AGENT_REVOKED', 'E_AGENT_SIGNATURE'];

/**
 * An agent's tie to one controller, independent of all others: takes a boot number, follows the plan
 * and sends reports. Whatever fails is tried again, later and later, never at the same moment as
 * others; of the reports only the latest is kept.
 */
export class ControlLink {
  readonly #options: ControlLinkOptions;
  readonly #abort = new AbortController();
  #latest: Uint8Array | undefined;
  #isSending = false;
  /** Reports are sent only once this controller gave a boot number. */
  #hasBoot = false;
  #rttMs: number | undefined;
  #failures = 0;
  /** What the log said last; the same again is not said. */
  #said = '';
  #hasSaidReplay = false;

  constructor(options: ControlLinkOptions) {
    this.#options = options;
    void this.#follow();
  }

  /** Sends a report, or keeps it instead of the one that waits. */
  report(bytes: Uint8Array): void {
    this.#latest = bytes;
    void this.#send();
  }

  close(): void {
    this.#abort.abort();
  }

  get #isClosed(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Boot number, then the plan again and again. */
  async #follow(): Promise<void> {
    const { client } = this.#options;
    let digest: string | undefined;
    while (!this.#isClosed) {
      try {
        if (!this.#hasBoot) await this.#takeBoot();
        const found = await client.plan(digest, planWaitSeconds, this.#abort.signal);
        this.#succeeded();
        if (found === undefined) continue;
        const plan = readPlan(found.text);
        digest = plan.digest;
        this.#options.onPlan(plan, found.revision);
      } catch (error) {
        if (this.#isClosed) return;
        // A controller that was started anew may have another plan under its old revision.
        await this.#wait(this.#failed(error));
      }
    }
  }

  async #takeBoot(): Promise<void> {
    const { client, boot, onBoot } = this.#options;
    onBoot(await client.boot(boot(), this.#abort.signal));
    this.#hasBoot = true;
  }

  async #send(): Promise<void> {
    if (this.#isSending || !this.#hasBoot) return;
    const { client, clock } = this.#options;
    this.#isSending = true;
    while (this.#latest !== undefined && !this.#isClosed && this.#hasBoot) {
      const bytes = this.#latest;
      this.#latest = undefined;
      const startedMs = clock.monotonicMs();
      try {
        await client.report(bytes, this.#rttMs, this.#abort.signal);
        this.#rttMs = clock.monotonicMs() - startedMs;
        this.#succeeded();
      } catch (error) {
        if (this.#isClosed) break;
        const waitMs = this.#failed(error);
        if (isCode(error, 'E_AGENT_BOOT') || isCode(error, 'E_REPORT_REPLAY')) {
          this.#hasBoot = false;
          await this.#takeBoot().catch((failure: unknown) => this.#failed(failure));
        }
        await this.#wait(waitMs);
      }
    }
    this.#isSending = false;
  }

  #succeeded(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    if (this.#said !== '') this.#options.log.info({}, `${this.#options.url} is reached again`);
    this.#said = '';
    this.#options.onRefused(false);
  }

  /** Notes a failure, tells it once, and returns how long to wait before the next attempt. */
  #failed(error: unknown): number {
    const { url, log, random, onRefused } = this.#options;
    const isRefused = error instanceof MeridianError && refusals.includes(error.code);
    onRefused(isRefused);
    // A plan that one side does not know yet, and a boot number after a restart, mend themselves.
    const isUsual = ['E_REPORT_PLAN', 'E_AGENT_BOOT'].some((code) => isCode(error, code));
    const said = errorText(error);
    // What kept a request from its answer says by itself where that was.
    const text = said.startsWith(new URL(url).origin) ? said : `${url}: ${said}`;
    if (isUsual) log.debug({ url }, text);
    else if (isCode(error, 'E_REPORT_REPLAY')) {
      // Two with one key take turns at being refused, each second.
      if (!this.#hasSaidReplay) log.warn({ url }, `${text}; checks go on, and it is tried again`);
      this.#hasSaidReplay = true;
    } else if (this.#said !== text) {
      this.#said = text;
      log.warn({ url }, `${text}; checks go on, and it is tried again`);
    }
    const grownMs = Math.min(lastBackoffMs, firstBackoffMs * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    return (isRefused ? refusedBackoffMs : grownMs) * (0.5 + random.fraction());
  }

  #wait(forMs: number): Promise<void> {
    const { signal } = this.#abort;
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.#options.clock.setTimer(forMs, done);
      if (signal.aborted) done();
      else signal.addEventListener('abort', done, { once: true });
    });
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof MeridianError && error.code === code;
}
