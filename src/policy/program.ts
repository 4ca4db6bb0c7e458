/**
 * A service segment: one service's choices for every client class and both families, as programs
 * that a query executes without a string, an object or an allocation. 32-bit words, machine order;
 * `at` is always an index of words, except where a byte offset is said.
 *
 *   ┌ header ──────────────┐  serviceHeader.* below, 8 words
 *   ├ class table, A       │  classCount words: class index → root
 *   ├ class table, AAAA    │  classCount words (the same words when both tables are equal)
 *   ├ roots                │  [TTL seconds, 1 when the answer depends on the /24 or /56, node]
 *   ├ nodes                │  EMPTY    [op]
 *   │                      │  FIXED    [op, n, n × byte offset]
 *   │                      │  ROTATE   [op, n, answers, n × byte offset]
 *   │                      │  WEIGHTED [op, n, n × threshold (uint32), n × node]
 *   │                      │  STICKY   [op, n, n × key, n × weight (float32), n × node]
 *   └ addresses            ┘  [number of the member, 4 or 16 octets in network order] each; offsets
 *                             lead to the octets
 *
 * Equal nodes and equal roots stand once, so that thousands of classes share a few programs.
 * `image/service-segment.ts` writes it, `policy/pick.ts` executes it.
 */
export const serviceHeader = {
  magic: 0,
  mapSlot: 1,
  classCount: 2,
  /** Bit 0: some member has an IPv4 VIP; bit 1: an IPv6 VIP. */
  families: 3,
  tableA: 4,
  tableAaaa: 5,
  words: 8,
} as const;

/** First word of every service segment: `MSV1`. */
export const serviceMagic = 0x4d535631;

export const op = { empty: 0, fixed: 1, rotate: 2, weighted: 3, sticky: 4 } as const;

/** Word offsets inside a root. */
export const rootField = { ttlSeconds: 0, sticky: 1, node: 2, words: 3 } as const;

/**
 * Turns weights (> 0) into rising thresholds on a 32-bit random number: alternative `i` is drawn when
 * the number is below threshold `i` and not below the one before it. The last takes what remains.
 */
export function weightThresholds(weights: readonly number[]): Uint32Array {
  let total = 0;
  for (const weight of weights) total += weight;
  const thresholds = new Uint32Array(weights.length);
  let sum = 0;
  for (let index = 0; index < weights.length; index++) {
    sum += weights[index]!;
    thresholds[index] = Math.min(0xffff_ffff, Math.round((sum / total) * 0x1_0000_0000));
  }
  if (weights.length > 0) thresholds[weights.length - 1] = 0xffff_ffff;
  return thresholds;
}
