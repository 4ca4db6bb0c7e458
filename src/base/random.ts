/**
 * A small fast generator of 32-bit integers: xorshift128 (Marsaglia, "Xorshift RNGs", 2003, §3.1).
 * Good enough to spread answers, never for secrets. No allocation per number.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** The same seed gives the same sequence on every machine. */
  constructor(seed: number) {
    let state = seed >>> 0;
    const next = () => {
      state = (state + 0x9e3779b9) >>> 0;
      return mix32(state);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  /** An integer from 0 to 2^32 - 1. */
  uint32(): number {
    let t = this.#a ^ (this.#a << 11);
    t ^= t >>> 8;
    this.#a = this.#b;
    this.#b = this.#c;
    this.#c = this.#d;
    this.#d = this.#d ^ (this.#d >>> 19) ^ t;
    return this.#d >>> 0;
  }

  /** A number from 0 (included) to 1 (excluded). */
  fraction(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** An integer from 0 to `bound` - 1; `bound` is 1 to 2^32. */
  below(bound: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * bound);
  }
}

/** Spreads the bits of a 32-bit integer (murmur3's finaliser); returns an unsigned integer. */
export function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
