import type { CoarseClock } from './coarse-clock.ts';
import type { CookieSettings } from './settings.ts';
import { sipHash24 } from './siphash.ts';

/** Octets of a client cookie, and of the cookies that are sent: client and server cookie. */
const clientBytes = 8;
export const cookieBytes = 24;

/** RFC 9018 §4.3: how long a server cookie holds, how far clocks may differ, and when to renew it. */
const validSeconds = 3600;
const aheadSeconds = 300;
const renewSeconds = 1800;

/** How long a secret of our own signs (RFC 7873 §7.1 recommends 26 hours and allows 36 days). */
const secretSeconds = 26 * 3600;

const keyWords = 4;
const messageWords = 8;

/**
 * Cookies that were believed lately, so that they need not be hashed again: resolvers send the same one
 * with every query for half an hour. A power of 2; 192 KiB a thread.
 *
 *   entry │ hash 2 words │ message 8 │ octets of the message, 20 or 32 │ key │
 */
const knownCookies = 4096;
const entryWords = 12;
const knownAt = { message: 2, messageBytes: 10, key: 11 } as const;

/** The octets 01 00 00 00, version 1 and the reserved ones, as a little-endian word. */
const version1 = 1;

/**
 * DNS cookies (RFC 7873) of the interoperable kind (RFC 9018 §4):
 *
 *   option │ client cookie 8 │ version 1 │ reserved 3 │ timestamp 4 │ hash 8 │
 *   hash   = SipHash-2-4 of: client cookie │ version │ reserved │ timestamp │ client's address 4 or 16
 *
 * One per thread. `verify` reads the cookie of a request, `write` makes the one of its answer.
 */
export class Cookies {
  readonly #settings: CookieSettings;
  readonly #time: CoarseClock;
  /** The secret that signs, then the other one that is believed. */
  readonly #keys = new Int32Array(2 * keyWords);
  #keyCount = 0;
  /** Time when the keys must be looked at again, where they roll over. */
  #keysUntil = 0;
  /** What is hashed; the last two words are 0. */
  readonly #message = new Int32Array(10);
  #messageBytes = 0;
  readonly #hash = new Int32Array(2);
  readonly #known = new Int32Array(knownCookies * entryWords);
  /** True while the cookie that was verified can be sent back as it is. */
  #isFresh = false;

  constructor(settings: CookieSettings, time: CoarseClock) {
    this.#settings = settings;
    this.#time = time;
    settings.secrets.slice(0, 2).forEach((secret, index) => {
      for (let word = 0; word < keyWords; word += 1) {
        this.#keys[index * keyWords + word] = littleEndianWord(secret, word * 4);
      }
      this.#keyCount = index + 1;
    });
    if (settings.rollsOver) this.#rollOver();
  }

  /**
   * Reads the cookie option of `bytes` octets (8, or 16 to 40) at `at`, sent by `peer` (family, then
   * four words). True when its server cookie is ours, was made for this client, and is of now.
   */
  verify(view: DataView, at: number, bytes: number, peer: Int32Array): boolean {
    const message = this.#message;
    const now = this.#time.epochSeconds;
    if (this.#settings.rollsOver && ((now - this.#keysUntil) | 0) >= 0) this.#rollOver();
    this.#isFresh = false;
    message[0] = view.getInt32(at, true);
    message[1] = view.getInt32(at + 4, true);
    const isV6 = peer[0] === 6;
    message[4] = swapBytes(peer[1]!);
    message[5] = isV6 ? swapBytes(peer[2]!) : 0;
    message[6] = isV6 ? swapBytes(peer[3]!) : 0;
    message[7] = isV6 ? swapBytes(peer[4]!) : 0;
    this.#messageBytes = isV6 ? 32 : 20;
    if (bytes !== cookieBytes || view.getUint8(at + clientBytes) !== version1) return false;
    const ageSeconds = (now - view.getInt32(at + 12)) | 0;
    if (ageSeconds > validSeconds || ageSeconds < -aheadSeconds) return false;
    message[2] = view.getInt32(at + 8, true);
    message[3] = view.getInt32(at + 12, true);
    const key = this.#findKey(view.getInt32(at + 16, true), view.getInt32(at + 20, true));
    this.#isFresh = key === 0 && message[2] === version1 && ageSeconds <= renewSeconds;
    return key >= 0;
  }

  /** Which key makes this hash of the message, -1 for none; leaves the hash in `#hash` if one does. */
  #findKey(hash0: number, hash1: number): number {
    const message = this.#message;
    const hash = this.#hash;
    const known = this.#known;
    const entry = (hash0 & (knownCookies - 1)) * entryWords;
    let differs = (known[entry]! ^ hash0) | (known[entry + 1]! ^ hash1);
    for (let word = 0; word < messageWords; word += 1) {
      differs |= known[entry + knownAt.message + word]! ^ message[word]!;
    }
    if ((differs | (known[entry + knownAt.messageBytes]! ^ this.#messageBytes)) === 0) {
      hash[0] = hash0;
      hash[1] = hash1;
      return known[entry + knownAt.key]!;
    }
    for (let key = 0; key < this.#keyCount; key += 1) {
      sipHash24(this.#keys, key * keyWords, message, this.#messageBytes, hash);
      if (((hash[0]! ^ hash0) | (hash[1]! ^ hash1)) !== 0) continue;
      known[entry] = hash0;
      known[entry + 1] = hash1;
      for (let word = 0; word < messageWords; word += 1) {
        known[entry + knownAt.message + word] = message[word]!;
      }
      known[entry + knownAt.messageBytes] = this.#messageBytes;
      known[entry + knownAt.key] = key;
      return key;
    }
    return -1;
  }

  /** Writes the cookie that answers the one last verified: `cookieBytes` octets at `at`. */
  write(view: DataView, at: number): void {
    const message = this.#message;
    if (!this.#isFresh) {
      message[2] = version1;
      message[3] = swapBytes(this.#time.epochSeconds);
      sipHash24(this.#keys, 0, message, this.#messageBytes, this.#hash);
    }
    for (let word = 0; word < 4; word += 1) view.setInt32(at + word * 4, message[word]!, true);
    view.setInt32(at + 16, this.#hash[0]!, true);
    view.setInt32(at + 20, this.#hash[1]!, true);
  }

  /**
   * Makes this period's secret and, as long as its cookies hold, the one before, from the secret that
   * was given: threads agree on them without a word, and one that leaks tells nothing of others.
   */
  #rollOver(): void {
    this.#known.fill(0);
    const now = this.#time.epochSeconds;
    const master = Int32Array.from([0, 4, 8, 12], (at) =>
      littleEndianWord(this.#settings.secrets[0]!, at),
    );
    const period = Math.floor((now >>> 0) / secretSeconds);
    const began = period * secretSeconds;
    for (let key = 0; key < 2; key += 1) {
      for (let half = 0; half < 2; half += 1) {
        sipHash24(master, 0, Int32Array.of(period - key, half, 0, 0), 8, this.#hash);
        this.#keys.set(this.#hash, key * keyWords + half * 2);
      }
    }
    const overlaps = (now >>> 0) - began <= validSeconds;
    this.#keyCount = overlaps ? 2 : 1;
    this.#keysUntil = (overlaps ? began + validSeconds + 1 : began + secretSeconds) | 0;
  }
}

function littleEndianWord(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function swapBytes(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
