/**
 * SipHash on 32-bit halves: V8 has no 64-bit integers that do not allocate. A 64-bit word is two
 * Int32 words, low half first, which is the byte order that SipHash reads its input in.
 *
 *   v0 = a, v1 = b, v2 = c, v3 = d (low half x0, high half x1)
 */

/**
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, §2) of the first
 * `bytes` octets of `words`, 0 to 255; `words` is 0 from there to the end of the next 8 octets at
 * least. The key is the 4 words of `key` from `keyAt` on. Writes the two halves into `out`.
 *
 * The carry of each addition is computed from bits: a comparison becomes a branch that is taken at
 * random, which costs half as much again (bench/rate-limit.ts).
 */
export function sipHash24(
  key: Int32Array,
  keyAt: number,
  words: Int32Array,
  bytes: number,
  out: Int32Array,
): void {
  const k0 = key[keyAt]!;
  const k1 = key[keyAt + 1]!;
  const k2 = key[keyAt + 2]!;
  const k3 = key[keyAt + 3]!;
  let a0 = k0 ^ 0x70736575;
  let a1 = k1 ^ 0x736f6d65;
  let b0 = k2 ^ 0x6e646f6d;
  let b1 = k3 ^ 0x646f7261;
  let c0 = k0 ^ 0x6e657261;
  let c1 = k1 ^ 0x6c796765;
  let d0 = k2 ^ 0x79746573;
  let d1 = k3 ^ 0x74656462;
  // Where the last block begins, which has the length on top.
  const last = (bytes >> 3) * 2;
  for (let at = 0; at <= last + 2; at += 2) {
    let m0 = 0;
    let m1 = 0;
    let rounds = 2;
    if (at <= last) {
      m0 = words[at]!;
      m1 = words[at + 1]!;
      if (at === last) m1 |= bytes << 24;
    } else {
      c0 ^= 0xff;
      rounds = 4;
    }
    d0 ^= m0;
    d1 ^= m1;
    for (let round = 0; round < rounds; round += 1) {
      let sum = (a0 + b0) | 0;
      a1 = (a1 + b1 + (((a0 & b0) | ((a0 | b0) & ~sum)) >>> 31)) | 0;
      a0 = sum;
      sum = (c0 + d0) | 0;
      c1 = (c1 + d1 + (((c0 & d0) | ((c0 | d0) & ~sum)) >>> 31)) | 0;
      c0 = sum;
      let low = (b0 << 13) | (b1 >>> 19);
      b1 = ((b1 << 13) | (b0 >>> 19)) ^ a1;
      b0 = low ^ a0;
      low = (d0 << 16) | (d1 >>> 16);
      d1 = ((d1 << 16) | (d0 >>> 16)) ^ c1;
      d0 = low ^ c0;
      // Here a turns by 32 bits: its halves change places.
      sum = (c0 + b0) | 0;
      c1 = (c1 + b1 + (((c0 & b0) | ((c0 | b0) & ~sum)) >>> 31)) | 0;
      c0 = sum;
      sum = (a1 + d0) | 0;
      a1 = (a0 + d1 + (((a1 & d0) | ((a1 | d0) & ~sum)) >>> 31)) | 0;
      a0 = sum;
      low = (b0 << 17) | (b1 >>> 15);
      b1 = ((b1 << 17) | (b0 >>> 15)) ^ c1;
      b0 = low ^ c0;
      low = (d0 << 21) | (d1 >>> 11);
      d1 = ((d1 << 21) | (d0 >>> 11)) ^ a1;
      d0 = low ^ a0;
      // And so does c.
      low = c0;
      c0 = c1;
      c1 = low;
    }
    a0 ^= m0;
    a1 ^= m1;
  }
  out[0] = a0 ^ b0 ^ c0 ^ d0;
  out[1] = a1 ^ b1 ^ c1 ^ d1;
}

/**
 * HalfSipHash-1-3 of two words under a key of two, as the Linux kernel uses for its hash tables
 * (Documentation/security/siphash.rst): enough that nobody can choose what collides, not more.
 * Returns a signed 32-bit integer.
 */
export function halfSipHash13(key0: number, key1: number, word0: number, word1: number): number {
  let a = key0;
  let b = key1;
  let c = key0 ^ 0x6c796765;
  let d = key1 ^ 0x74656462;
  for (let round = 0; round < 6; round += 1) {
    // Two words and the length (8 octets), one round each; then three rounds that finish.
    const word = round === 0 ? word0 : round === 1 ? word1 : round === 2 ? 8 << 24 : 0;
    if (round === 3) c ^= 0xff;
    d ^= word;
    a = (a + b) | 0;
    b = ((b << 5) | (b >>> 27)) ^ a;
    a = (a << 16) | (a >>> 16);
    c = (c + d) | 0;
    d = ((d << 8) | (d >>> 24)) ^ c;
    a = (a + d) | 0;
    d = ((d << 7) | (d >>> 25)) ^ a;
    c = (c + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ c;
    c = (c << 16) | (c >>> 16);
    a ^= word;
  }
  return b ^ d;
}
