import { randomBytes } from 'node:crypto';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { CoarseClock } from './coarse-clock.ts';
import { holdsPeer } from './peer-prefix.ts';
import type { RateLimitSettings } from './settings.ts';
import { halfSipHash13 } from './siphash.ts';

/** What `RateLimit.judge` says of a request. */
export const verdicts = {
  /** To be answered. */
  pass: 0,
  /** To be answered with nothing but a hint to come back over a stream. */
  slip: 1,
  drop: 2,
} as const;

const headWords = 16;
const entryWords = 4;
const waysPerSet = 4;
const setWords = entryWords * waysPerSet;

/** Offsets in an entry. */
const entryAt = { prefix: 0, fullMicros: 2, family: 3 } as const;

/** With more exempt prefixes than this, only clients who would be limited are compared with them. */
const exemptLookedAtFirst = 4;

/**
 * Seconds' worth of answers that a client who was silent gets at once, as in Knot DNS (mod-rrl: 125
 * at once at 50 a second): resolvers ask in bursts.
 */
const burstSeconds = 2.5;

/**
 * Makes the table that all threads count in, with a random key of its own. `entries` is a power of 2,
 * 4 or more.
 */
export function createRateLimitTable(entries: number = limits.rateLimitEntries): SharedArrayBuffer {
  const table = new SharedArrayBuffer((headWords + entries * entryWords) * 4);
  new Uint8Array(table, 0, 8).set(randomBytes(8));
  return table;
}

/**
 * Response rate limiting: how many answers over UDP each client network may get, so that nobody can
 * turn this server on a victim by writing the victim's address on requests.
 *
 * Counted is per client (/32 of IPv4, /64 of IPv6) whatever it asks, as Knot DNS does since 3.4, and not
 * per client and answer as BIND does: names and answers are the attacker's to vary (a wildcard, random
 * labels, client subnets), the victim's address is not.
 *
 *   table │ key 2 words, 14 unused │ set │ set │ …
 *   set   │ entry │ entry │ entry │ entry │                  64 octets, one cache line
 *   entry │ prefix 2 words │ when its bucket is full, µs │ family 4 or 6, 0 where it is nobody's │
 *
 * A bucket is the generic cell rate algorithm (ITU-T I.371, Annex A): one moment instead of a level and
 * a time. Each answer moves it on by `#costMicros`; a bucket whose moment lies too far ahead is empty.
 *
 * A prefix's set follows from a keyed hash, so nobody can choose who shares a set. Entries hold the
 * whole prefix, so that nobody pays for another. In a full set the newcomer takes the place of the fullest
 * bucket, which has the least to forget: forged sources that send a few requests push out each
 * other, not a client that is being limited; and who is pushed out gets a full bucket. Forgetting only
 * ever lets more through.
 *
 * The threads read and write the table without locks. Where two meet, an answer too many goes out, or an
 * entry is mixed of two and limits nobody (or a stranger, for `burstSeconds`).
 */
export class RateLimit {
  readonly #settings: RateLimitSettings;
  readonly #time: CoarseClock;
  readonly #random: Random;
  readonly #table: Int32Array;
  readonly #setMask: number;
  readonly #key0: number;
  readonly #key1: number;
  readonly #costMicros: number;
  /** How far ahead a bucket's moment may lie for one more answer. */
  readonly #patienceMicros: number;
  /** Comparing with a few prefixes costs a quarter of what counting costs (bench/protection.ts). */
  readonly #looksFirst: boolean;

  constructor(settings: RateLimitSettings, time: CoarseClock, random: Random) {
    this.#settings = settings;
    this.#time = time;
    this.#random = random;
    this.#table = new Int32Array(settings.table);
    this.#setMask = (this.#table.length - headWords) / setWords - 1;
    this.#key0 = this.#table[0]!;
    this.#key1 = this.#table[1]!;
    this.#costMicros = Math.round(1_000_000 / settings.perSecond);
    this.#patienceMicros = Math.max(0, burstSeconds * 1_000_000 - this.#costMicros);
    this.#looksFirst = settings.exempt.length <= exemptLookedAtFirst;
  }

  /** Counts an answer to `peer` (family, then four words) and returns one of `verdicts`. */
  judge(peer: Int32Array): number {
    if (this.#looksFirst && holdsPeer(this.#settings.exempt, peer)) return verdicts.pass;
    const table = this.#table;
    const family = peer[0]!;
    const word0 = peer[1]!;
    const word1 = family === 6 ? peer[2]! : 0;
    const hash = halfSipHash13(this.#key0, this.#key1, word0, word1);
    const setAt = headWords + (hash & this.#setMask) * setWords;
    for (let at = setAt; at < setAt + setWords; at += entryWords) {
      if (table[at] !== word0 || table[at + 1] !== word1) continue;
      if (table[at + entryAt.family] !== family) continue;
      const ahead = this.#aheadOf(at);
      if (ahead > this.#patienceMicros) return this.#suppress(peer);
      table[at + entryAt.fullMicros] = (this.#time.micros + ahead + this.#costMicros) | 0;
      return verdicts.pass;
    }
    const at = this.#fullestOf(setAt);
    table[at] = word0;
    table[at + 1] = word1;
    table[at + entryAt.fullMicros] = (this.#time.micros + this.#costMicros) | 0;
    table[at + entryAt.family] = family;
    return verdicts.pass;
  }

  /** How far ahead of now the moment of an entry lies, in microseconds. */
  #aheadOf(at: number): number {
    const ahead = (this.#table[at + entryAt.fullMicros]! - this.#time.micros) | 0;
    // A moment beyond what counting leads to is one of long ago: the clock has wrapped since.
    return ahead < 0 || ahead > burstSeconds * 1_000_000 ? 0 : ahead;
  }

  /** Where in a set a newcomer goes: to an entry that is nobody's, else to the fullest bucket. */
  #fullestOf(setAt: number): number {
    let fullestAt = setAt;
    let leastAhead = 0x7fff_ffff;
    for (let at = setAt; at < setAt + setWords; at += entryWords) {
      const ahead = this.#table[at + entryAt.family] === 0 ? -1 : this.#aheadOf(at);
      if (ahead < leastAhead) {
        leastAhead = ahead;
        fullestAt = at;
      }
    }
    return fullestAt;
  }

  /**
   * One in `slip` gets a hint, drawn and not counted, since a client that asks in step with a flood would
   * get none of them. Where many are exempt, they are looked for only here, where it matters.
   */
  #suppress(peer: Int32Array): number {
    const { slip, exempt } = this.#settings;
    if (!this.#looksFirst && holdsPeer(exempt, peer)) return verdicts.pass;
    return slip > 0 && this.#random.uint32() % slip === 0 ? verdicts.slip : verdicts.drop;
  }
}
