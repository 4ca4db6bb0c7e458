import type { Clock } from '../base/clock.ts';
import { errorText, MeridianError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Region } from '../policy/traffic.ts';
import type { ApplyOptions, ObjectWrite } from './change.ts';
import { formatRegion, restoreRegion } from './parse-region.ts';
import { parseTime } from './parse-time.ts';

/** What restoring a region needs of the controller. */
export interface ExpiryParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly regions: () => ReadonlyMap<string, Region>;
  readonly etag: (region: string) => string | undefined;
  readonly apply: (writes: readonly ObjectWrite[], options: ApplyOptions) => Promise<unknown>;
}

/** Node's timers hold 31 bits of milliseconds; a later moment is approached in steps. */
const longestTimerMs = 86_400_000;
const retryMs = 10_000;

/**
 * Gives regions back what a temporary change took, at the moment that their `expiry` names: a drill
 * ends even if nobody is there to end it. Each one is a revision by the actor `expiry`. Moments that
 * passed while no controller ran are kept at the next start.
 */
export class ExpiryTimers {
  readonly #parts: ExpiryParts;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
  }

  /** Looks at the regions again and sets the timer for the next moment; call after each revision. */
  schedule(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#closed) return;
    const nowMs = this.#parts.clock.epochMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const region of this.#parts.regions().values()) {
      nextMs = Math.min(nextMs, expiryMs(region) ?? Number.POSITIVE_INFINITY);
    }
    if (nextMs === Number.POSITIVE_INFINITY) return;
    this.#wait(Math.min(Math.max(0, nextMs - nowMs), longestTimerMs));
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #wait(delayMs: number): void {
    this.#cancel = this.#parts.clock.setTimer(delayMs, () => {
      this.#cancel = undefined;
      void this.#restoreDue();
    });
  }

  async #restoreDue(): Promise<void> {
    const nowMs = this.#parts.clock.epochMs();
    let failed = false;
    for (const [name, region] of this.#parts.regions()) {
      const dueMs = expiryMs(region);
      if (dueMs === undefined || dueMs > nowMs || this.#closed) continue;
      failed = !(await this.#restore(name, region)) || failed;
    }
    if (failed && !this.#closed) {
      this.#cancel?.();
      this.#wait(retryMs);
    } else this.schedule();
  }

  /** False when it should be tried again. */
  async #restore(name: string, region: Region): Promise<boolean> {
    const { apply, etag, log } = this.#parts;
    const body = JSON.stringify(formatRegion(restoreRegion(region)));
    try {
      await apply([{ kind: 'region', id: name, body }], {
        actor: 'expiry',
        summary: `region ${name} goes back to dial ${region.expiry?.dial}, ${region.expiry?.state}`,
        // Somebody who changed the region in the meantime has decided otherwise.
        preconditions: [{ kind: 'region', id: name, etag: etag(name) ?? null }],
      });
      return true;
    } catch (error) {
      const code = error instanceof MeridianError ? error.code : undefined;
      if (code === 'E_PRECONDITION') return true;
      // In a cluster every controller keeps time, and the leader acts; another may have to take over.
      if (code === 'E_NOT_LEADER' || code === 'E_NO_BUS') return false;
      log.error({ region: name, error: errorText(error) }, 'a region could not be restored');
      return false;
    }
  }
}

function expiryMs(region: Region): number | undefined {
  return region.expiry === undefined ? undefined : parseTime(region.expiry.at);
}
