/*
 * A client map: from address to client class, compiled for the query path. One segment of an image
 * (SharedArrayBuffer), read as 32-bit words:
 *
 *   word 0   magic
 *        1   b4, words of blocks4         2   shift4: index entry = top word >>> shift4
 *        3   n6, count of IPv6 ranges     4   shift6
 *        5   count of classes
 *        6   index4    e4 words: what holds for the slice, or where its block is
 *            blocks4   b4 words
 *            index6    e6 + 1 words: the range that holds the first address of each slice
 *            starts6   n6 × 4 words       classes6  n6 words, signed: see below
 *
 *   e = 2^(32 - shift) slices by the top bits (16 in maps of any size, fewer in small ones)
 *
 *   8.8.8.8 ─ top 16 bits ─> index4[0x0808] ┬ ≥ 0 ─> class × 256 + scope
 *                                           └ < 0 ─> ~ offset of a block ─ binary search ─> class, scope
 *
 *   block    k │ start of range 1 │ … │ start of range k − 1 │ k classes of 16 bits │     2 ranges or more
 *
 * Four of five slices of a country database lie within one range. There every address has the same
 * scope too: what is beyond the range differs within the slice's bits. Where a slice has several ranges,
 * only the starts within it count, since they share more bits with the client than those outside; a
 * block takes one or two cache lines.
 *
 * Three IPv6 prefixes carry an IPv4 address: ::/96 (RFC 4291 §2.5.5.1), ::ffff:0:0/96 (§2.5.5.2) and
 * 2002::/16 (RFC 3056). Their class is that of the IPv4 address, so that IPv4 ranges are not stored
 * four times: classes6 holds minus the bit at which it begins (-96 or -16).
 */
import { findRange6, scope4, scope6 } from './range-search.ts';
import type { Ranges } from './ranges.ts';

const magic = 0x4d434d32;
const headerWords = 6;
const maxIndexBits = 16;
const minIndexBits = 4;

/** A client map, ready for look-ups; any number of threads may open the same segment. */
export interface ClientMapView {
  readonly classCount: number;
  readonly shift4: number;
  readonly index4: Int32Array;
  readonly blocks4: Uint32Array;
  /** The same memory as `blocks4`. */
  readonly halves4: Uint16Array;
  readonly count6: number;
  readonly shift6: number;
  readonly index6: Uint32Array;
  readonly starts6: Uint32Array;
  readonly classes6: Int32Array;
}

/** Opens a segment that {@link encodeClientMap} made; throws when it is something else. */
export function openClientMap(segment: SharedArrayBuffer): ClientMapView {
  const header = new Uint32Array(segment, 0, headerWords);
  if (header[0] !== magic) throw new Error('not a client map segment');
  const blocks4Words = header[1]!;
  const shift4 = header[2]!;
  const count6 = header[3]!;
  const shift6 = header[4]!;
  let at = headerWords;
  const take = (words: number) => {
    const offset = at * 4;
    at += words;
    return offset;
  };
  const index4Words = 2 ** (32 - shift4);
  const index6Words = 2 ** (32 - shift6) + 1;
  const index4 = new Int32Array(segment, take(index4Words), index4Words);
  const blocks4At = take(blocks4Words);
  return {
    classCount: header[5]!,
    shift4,
    index4,
    blocks4: new Uint32Array(segment, blocks4At, blocks4Words),
    halves4: new Uint16Array(segment, blocks4At, blocks4Words * 2),
    count6,
    shift6,
    index6: new Uint32Array(segment, take(index6Words), index6Words),
    starts6: new Uint32Array(segment, take(count6 * 4), count6 * 4),
    classes6: new Int32Array(segment, take(count6), count6),
  };
}

/**
 * The class of a client and the scope of an answer to it (RFC 7871 §7.2.1), as
 * `classIndex * 256 + scopePrefixLength`. Words may be signed or unsigned; IPv4 uses `w0` alone.
 * Every address within the scope is of the same class, and a shorter scope would not do (among
 * addresses that carry an IPv4 address it may be longer than needed). Allocates nothing.
 */
export function lookupClient(
  view: ClientMapView,
  family: 4 | 6,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): number {
  if (family === 4) return lookup4(view, w0 >>> 0);
  const a = w0 >>> 0;
  const b = w1 >>> 0;
  const c = w2 >>> 0;
  const d = w3 >>> 0;
  const slice = a >>> view.shift6;
  const { index6, starts6 } = view;
  const range = findRange6(starts6, index6[slice]!, index6[slice + 1]!, a, b, c, d);
  const scope = scope6(starts6, view.count6, range, a, b, c, d);
  const found = view.classes6[range]!;
  if (found >= 0) return found * 256 + scope;
  const inner = lookup4(view, found === -16 ? ((a << 16) | (b >>> 16)) >>> 0 : d);
  const innerScope = (inner & 255) - found;
  return (inner & ~255) + Math.max(innerScope, scope);
}

function lookup4(view: ClientMapView, w: number): number {
  const entry = view.index4[w >>> view.shift4]!;
  return entry >= 0 ? entry : lookupBlock(view, ~entry, w);
}

function lookupBlock({ blocks4, halves4 }: ClientMapView, at: number, w: number): number {
  const count = blocks4[at]!;
  let first = 0;
  let last = count - 1;
  while (first < last) {
    const middle = (first + last + 1) >>> 1;
    if (blocks4[at + middle]! <= w) first = middle;
    else last = middle - 1;
  }
  // As scope4() in range-search.ts.
  let scope = 0;
  if (first > 0) scope = Math.clz32(w ^ (blocks4[at + first]! - 1)) + 1;
  if (first + 1 < count) {
    const above = Math.clz32(w ^ blocks4[at + first + 1]!) + 1;
    if (above > scope) scope = above;
  }
  return halves4[(at + count) * 2 + first]! * 256 + scope;
}

/**
 * Writes a client map. Values of `ranges4` are class indexes, below 65,536; so are those of `ranges6`,
 * where a value with the top bit set is a negative number as in the drawing above.
 */
export function encodeClientMap(
  ranges4: Ranges,
  ranges6: Ranges,
  classCount: number,
): SharedArrayBuffer {
  const shift4 = indexShift(ranges4.count);
  const shift6 = indexShift(ranges6.count);
  const { index4, blocks4 } = buildBlocks(ranges4, shift4);
  const index6 = buildIndex(ranges6, shift6);
  const parts = [
    Uint32Array.of(magic, blocks4.length, shift4, ranges6.count, shift6, classCount),
    index4,
    blocks4,
    index6,
    ranges6.starts,
    ranges6.values,
  ];
  const words = parts.reduce((sum, part) => sum + part.length, 0);
  const segment = new SharedArrayBuffer(words * 4);
  const target = new Uint32Array(segment);
  let at = 0;
  for (const part of parts) {
    target.set(part, at);
    at += part.length;
  }
  return segment;
}

/** About two slices per range, so that small maps stay small. */
function indexShift(count: number): number {
  const bits = Math.ceil(Math.log2(count)) + 1;
  return 32 - Math.min(maxIndexBits, Math.max(minIndexBits, bits));
}

/** For each slice of the IPv4 addresses what holds for all of it, or a block of its ranges. */
function buildBlocks(
  { starts, values, count }: Ranges,
  shift: number,
): { index4: Int32Array; blocks4: Uint32Array } {
  const index4 = new Int32Array(2 ** (32 - shift));
  // A range is in no more than two blocks, those of its ends, and takes up to two words in each.
  const blocks4 = new Uint32Array(count * 4);
  const halves4 = new Uint16Array(blocks4.buffer);
  let words = 0;
  let range = 0;
  for (let slice = 0; slice < index4.length; slice++) {
    const first = (slice << shift) >>> 0;
    const last = first + 2 ** shift - 1;
    while (range + 1 < count && starts[range + 1]! <= first) range++;
    let end = range + 1;
    while (end < count && starts[end]! <= last) end++;
    const inSlice = end - range;
    if (inSlice === 1) {
      index4[slice] = values[range]! * 256 + scope4(starts, count, range, first);
      continue;
    }
    index4[slice] = ~words;
    blocks4[words] = inSlice;
    blocks4.set(starts.subarray(range + 1, end), words + 1);
    for (let i = 0; i < inSlice; i++) halves4[(words + inSlice) * 2 + i] = values[range + i]!;
    words += inSlice + ((inSlice + 1) >> 1);
  }
  return { index4, blocks4: blocks4.subarray(0, words) };
}

/** For each slice the IPv6 range that holds its first address; one entry more for the last slice's end. */
function buildIndex(ranges: Ranges, shift: number): Uint32Array {
  const slices = 2 ** (32 - shift);
  const index = new Uint32Array(slices + 1);
  let range = 0;
  for (let slice = 0; slice < slices; slice++) {
    const first = (slice << shift) >>> 0;
    while (range + 1 < ranges.count && startsAtOrBelow(ranges, (range + 1) * 4, first)) range++;
    index[slice] = range;
  }
  index[slices] = ranges.count - 1;
  return index;
}

/** True when the start at word `at` is not above the address `first`:: (its other words 0). */
function startsAtOrBelow({ starts }: Ranges, at: number, first: number): boolean {
  if (starts[at]! !== first) return starts[at]! < first;
  return starts[at + 1] === 0 && starts[at + 2] === 0 && starts[at + 3] === 0;
}
