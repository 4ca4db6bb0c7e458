import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';

/** How long a request is held the first time; each further death makes it four times as long. */
const firstTermMs = 30_000;
const maxTermMs = 3_600_000;

/** Octets at the front that tell two copies of a query apart: the id. */
const idBytes = 2;

interface Held {
  readonly request: Uint8Array;
  deaths: number;
  isHeld: boolean;
  release: () => void;
}

/**
 * Requests that a thread died of, so that the thread in its place does not die of the next copy. Only
 * the very same request is held, but for its id and letter case, and only for a while: what a thread
 * was at when it died need not be what it died of.
 */
export class Quarantine {
  readonly #clock: Clock;
  readonly #changed: (requests: readonly Uint8Array[]) => void;
  /** By request in hexadecimal; those that died first are first. */
  readonly #all = new Map<string, Held>();

  constructor(clock: Clock, changed: (requests: readonly Uint8Array[]) => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  /** What is held now, at most limits.quarantinedRequests. */
  get requests(): readonly Uint8Array[] {
    return [...this.#all.values()].filter(({ isHeld }) => isHeld).map(({ request }) => request);
  }

  /** Notes that a thread died while it answered the request; returns for how long it is held, in ms. */
  add(request: Uint8Array): number {
    const key = Buffer.from(request.subarray(idBytes).map(foldOctet)).toString('hex');
    const held = this.#all.get(key) ?? { request, deaths: 0, isHeld: false, release: () => {} };
    held.release();
    const termMs = Math.min(maxTermMs, firstTermMs * 4 ** held.deaths);
    held.deaths += 1;
    held.isHeld = true;
    held.release = this.#clock.setTimer(termMs, () => {
      held.isHeld = false;
      this.#changed(this.requests);
    });
    this.#all.delete(key);
    this.#all.set(key, held);
    for (const [oldest, { release }] of this.#all) {
      if (this.#all.size <= limits.quarantinedRequests) break;
      release();
      this.#all.delete(oldest);
    }
    this.#changed(this.requests);
    return termMs;
  }

  /** Lets go of all timers. */
  close(): void {
    for (const { release } of this.#all.values()) release();
  }
}

/** True when the `length` octets at `at` are one of the requests, whatever their id and letter case. */
export function isQuarantined(
  requests: readonly Uint8Array[],
  bytes: Uint8Array,
  at: number,
  length: number,
): boolean {
  return requests.some((request) => {
    if (request.length !== length) return false;
    for (let offset = idBytes; offset < length; offset += 1) {
      if (foldOctet(request[offset]!) !== foldOctet(bytes[at + offset]!)) return false;
    }
    return true;
  });
}

function foldOctet(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
}
