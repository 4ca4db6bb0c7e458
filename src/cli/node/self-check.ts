import type { Clock } from '../../base/clock.ts';
import type { NameKey } from '../../zone/zone.ts';
import { type Endpoint, formatEndpoint } from '../flags.ts';

/** Whether a node answers queries, by its own word. */
export interface SelfCheckResult {
  readonly answers: boolean;
  readonly reasons: readonly string[];
}

export interface SelfCheckParts {
  readonly clock: Clock;
  /** Every UDP listener; each must answer. */
  readonly listeners: readonly Endpoint[];
  /** A zone that is served; undefined when there is none. */
  apex(): NameKey | undefined;
  /** Asks a listener; resolves with what was wrong, or with nothing. */
  ask(listener: Endpoint, apex: NameKey, timeoutMs: number): Promise<string | undefined>;
}

/** A check is not made again within this time, milliseconds. */
const freshMs = 1000;

/** How long one question waits; a second one follows, since one datagram may be lost. */
const timeoutMs = 750;

/**
 * Finds out whether this node answers: by a real query to each of its listeners, at most once a second,
 * when somebody wants to know. Nothing but answers counts: neither controllers nor the bus, nor how
 * old what is served may be.
 */
export class SelfCheck {
  readonly #parts: SelfCheckParts;
  #startedMs = Number.NEGATIVE_INFINITY;
  #result: Promise<SelfCheckResult> | undefined;

  constructor(parts: SelfCheckParts) {
    this.#parts = parts;
  }

  /** What the newest check found, or a new one where that is older than a second. */
  look(): Promise<SelfCheckResult> {
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.#result === undefined || nowMs - this.#startedMs >= freshMs) {
      this.#startedMs = nowMs;
      this.#result = this.#check();
    }
    return this.#result;
  }

  async #check(): Promise<SelfCheckResult> {
    const apex = this.#parts.apex();
    if (apex === undefined) return { answers: false, reasons: ['no zone is served'] };
    const reasons = await Promise.all(
      this.#parts.listeners.map((listener) => this.#checkListener(listener, apex)),
    );
    const wrong = reasons.filter((reason) => reason !== undefined);
    return { answers: wrong.length === 0, reasons: wrong };
  }

  async #checkListener(listener: Endpoint, apex: NameKey): Promise<string | undefined> {
    const first = await this.#parts.ask(listener, apex, timeoutMs);
    if (first === undefined) return undefined;
    const second = await this.#parts.ask(listener, apex, timeoutMs);
    return second === undefined ? undefined : `${formatEndpoint(listener)}: ${second}`;
  }
}
