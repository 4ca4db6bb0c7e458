import { limits } from '../base/limits.ts';
import type { RdataError } from '../wire/types.ts';
import { quoted } from './problem-list.ts';

const unitSeconds: Readonly<Record<string, number>> = {
  w: 604_800,
  d: 86_400,
  h: 3600,
  m: 60,
  s: 1,
};
/** RFC 2181 §8. */
const maxTtl = 0x7fff_ffff;

/**
 * Reads a TTL: seconds, or numbers with units as in `1h30m` (w, d, h, m, s in either case).
 * Returns seconds, or what is wrong: `E_ZONE_TTL` for the syntax and beyond RFC 2181 §8,
 * `E_ZONE_TTL_RANGE` beyond `limits.ttlSeconds`.
 */
export function parseTtl(text: string): number | RdataError {
  const seconds = readSeconds(text);
  if (seconds === undefined) {
    return {
      code: 'E_ZONE_TTL',
      message: `TTL ${quoted(text)} is malformed; write seconds or units as in 1h30m`,
    };
  }
  if (seconds > maxTtl) {
    return {
      code: 'E_ZONE_TTL',
      message: `TTL ${quoted(text)} is over 2147483647 seconds; RFC 2181 §8 allows no more`,
    };
  }
  if (seconds > limits.ttlSeconds) {
    return {
      code: 'E_ZONE_TTL_RANGE',
      message: `TTL ${quoted(text)} is over the limit of ${limits.ttlSeconds} seconds (7 days); lower it`,
    };
  }
  return seconds;
}

function readSeconds(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^(\d+[wdhms])+$/i.test(text)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([wdhms])/gi)) {
    seconds += Number(count) * (unitSeconds[(unit ?? '').toLowerCase()] ?? 0);
  }
  return seconds;
}
