import type { Clock } from '../base/clock.ts';
import { formatIp, maskIp, parseIp, unmapIp } from '../base/ip.ts';
import { limits } from '../base/limits.ts';

/** How long until one failure is forgiven. */
const forgiveMs = 2000;

interface Failures {
  /** A level that each failure raises by 1 and that sinks by 1 every `forgiveMs`. */
  level: number;
  atMs: number;
}

/**
 * Slows down guessing of tokens: an address that failed `limits.authFailuresInARow` times waits.
 * An IPv6 client is its /64. The table is bounded; the entry that failed longest ago gives way.
 */
export class FailedAttempts {
  readonly #clock: Clock;
  /** In the order of the last failure. */
  readonly #byAddress = new Map<string, Failures>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Seconds that this address must wait before its next attempt is looked at; 0 for none. */
  waitSeconds(address: string): number {
    const failures = this.#byAddress.get(addressKey(address));
    if (failures === undefined) return 0;
    const excess = this.#level(failures) - (limits.authFailuresInARow - 1);
    return excess <= 0 ? 0 : Math.max(1, Math.ceil((excess * forgiveMs) / 1000));
  }

  /** Notes one failed attempt. */
  failed(address: string): void {
    const key = addressKey(address);
    const failures = this.#byAddress.get(key);
    const level = failures === undefined ? 0 : this.#level(failures);
    this.#byAddress.delete(key);
    if (this.#byAddress.size >= limits.authFailureAddresses) {
      const oldest = this.#byAddress.keys().next();
      if (!oldest.done) this.#byAddress.delete(oldest.value);
    }
    this.#byAddress.set(key, { level: level + 1, atMs: this.#clock.monotonicMs() });
  }

  /** Addresses in the table. */
  get size(): number {
    return this.#byAddress.size;
  }

  #level(failures: Failures): number {
    const passedMs = this.#clock.monotonicMs() - failures.atMs;
    return Math.max(0, failures.level - passedMs / forgiveMs);
  }
}

function addressKey(text: string): string {
  const parsed = parseIp(text.split('%', 1)[0] ?? '');
  if (parsed === undefined) return 'unknown';
  const address = unmapIp(parsed);
  return formatIp(address.family === 4 ? address : maskIp(address, 64));
}
