import { randomBytes } from 'node:crypto';
import type { Prefix } from '../base/ip.ts';
import { limits } from '../base/limits.ts';
import { createRateLimitTable } from './rate-limit.ts';
import type {
  CookieSettings,
  RateLimitOptions,
  RateLimitSettings,
  ServerSettings,
} from './settings.ts';

/** Octets of a cookie secret (RFC 9018 §4.4). */
export const cookieSecretBytes = 16;

/** Nobody can forge these from outside, and tools on the machine itself ask often. */
export const loopback: readonly Prefix[] = [
  { address: { family: 4, words: [0x7f00_0000, 0, 0, 0] }, length: 8 },
  { address: { family: 6, words: [0, 0, 0, 1] }, length: 128 },
];

/** DESIGN.md §13. */
export const defaultRateLimit: Required<RateLimitOptions> = {
  perSecond: 50,
  slip: 2,
  exempt: loopback,
};

/** The rate limit with its table, and the secrets of cookies; one for all threads of a process. */
export function protectionSettings(options: {
  readonly rateLimit?: RateLimitOptions;
  readonly cookieSecrets?: readonly Uint8Array[];
}): Pick<ServerSettings, 'rateLimit' | 'cookies'> {
  const { perSecond, slip, exempt } = { ...defaultRateLimit, ...options.rateLimit };
  const rateLimit: RateLimitSettings = {
    perSecond: Math.min(limits.rateLimitPerSecond, perSecond),
    slip: Math.min(limits.rateLimitSlip, slip),
    exempt: exempt.slice(0, limits.rateLimitExemptions),
    table: createRateLimitTable(),
  };
  const secrets = options.cookieSecrets ?? [];
  const cookies: CookieSettings =
    secrets.length === 0
      ? { secrets: [Uint8Array.from(randomBytes(cookieSecretBytes))], rollsOver: true }
      : { secrets: secrets.slice(0, limits.cookieSecrets), rollsOver: false };
  return perSecond > 0 ? { rateLimit, cookies } : { cookies };
}
