/*
 * A client map: from address to client class, compiled for the query path. One segment of an image
 * (SharedArrayBuffer), read as 32-bit words:
 *
 *   word 0   magic
 *        1   n4, count of IPv4 ranges     2   shift4: index entry = top word >>> shift4
 *        3   n6, count of IPv6 ranges     4   shift6
 *        5   count of classes
 *        6   index4    e4 + 1 words: the range that holds the first address of each slice
 *            starts4   n4 words           classes4  n4 words
 *            index6    e6 + 1 words
 *            starts6   n6 × 4 words       classes6  n6 words, signed: see below
 *
 *   e = 2^(32 - shift) slices by the top bits (16 in maps of any size, fewer in small ones)
 *
 *   8.8.8.8 ─ top 16 bits ─> index4[0x0808 .. 0x0809] ─ binary search ─> range ─> class, scope
 *
 * Three IPv6 prefixes carry an IPv4 address: ::/96 (RFC 4291 §2.5.5.1), ::ffff:0:0/96 (§2.5.5.2) and
 * 2002::/16 (RFC 3056). Their class is that of the IPv4 address, so that IPv4 ranges are not stored
 * four times: classes6 holds minus the bit at which it begins (-96 or -16).
 */
import { findRange4, findRange6, scope4, scope6 } from './range-search.ts';
import type { Ranges } from './ranges.ts';

const magic = 0x4d434d31;
const headerWords = 6;
const maxIndexBits = 16;
const minIndexBits = 4;

/** A client map, ready for look-ups; any number of threads may open the same segment. */
export interface ClientMapView {
  readonly classCount: number;
  readonly count4: number;
  readonly shift4: number;
  readonly index4: Uint32Array;
  readonly starts4: Uint32Array;
  readonly classes4: Int32Array;
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
  const count4 = header[1]!;
  const shift4 = header[2]!;
  const count6 = header[3]!;
  const shift6 = header[4]!;
  let at = headerWords;
  const take = (words: number) => {
    const offset = at * 4;
    at += words;
    return offset;
  };
  const index4Words = 2 ** (32 - shift4) + 1;
  const index6Words = 2 ** (32 - shift6) + 1;
  return {
    classCount: header[5]!,
    count4,
    shift4,
    index4: new Uint32Array(segment, take(index4Words), index4Words),
    starts4: new Uint32Array(segment, take(count4), count4),
    classes4: new Int32Array(segment, take(count4), count4),
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
  const slice = w >>> view.shift4;
  const { index4, starts4 } = view;
  const range = findRange4(starts4, index4[slice]!, index4[slice + 1]!, w);
  return view.classes4[range]! * 256 + scope4(starts4, view.count4, range, w);
}

/**
 * Writes a client map. Values of `ranges4` are class indexes; so are those of `ranges6`, where a
 * value with the top bit set is a negative number as in the drawing above.
 */
export function encodeClientMap(
  ranges4: Ranges,
  ranges6: Ranges,
  classCount: number,
): SharedArrayBuffer {
  const shift4 = indexShift(ranges4.count);
  const shift6 = indexShift(ranges6.count);
  const index4 = buildIndex(ranges4, shift4);
  const index6 = buildIndex(ranges6, shift6);
  const parts = [
    Uint32Array.of(magic, ranges4.count, shift4, ranges6.count, shift6, classCount),
    index4,
    ranges4.starts,
    ranges4.values,
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

/** For each slice the range that holds its first address; one entry more for the last slice's end. */
function buildIndex(ranges: Ranges, shift: number): Uint32Array {
  const stride = ranges.family === 4 ? 1 : 4;
  const slices = 2 ** (32 - shift);
  const index = new Uint32Array(slices + 1);
  let range = 0;
  for (let slice = 0; slice < slices; slice++) {
    const first = (slice << shift) >>> 0;
    while (range + 1 < ranges.count && startsAtOrBelow(ranges, (range + 1) * stride, first))
      range++;
    index[slice] = range;
  }
  index[slices] = ranges.count - 1;
  return index;
}

/** True when the start at word `at` is not above the address `first`:: (its other words 0). */
function startsAtOrBelow(ranges: Ranges, at: number, first: number): boolean {
  const { starts, family } = ranges;
  if (starts[at]! !== first) return starts[at]! < first;
  return family === 4 || (starts[at + 1] === 0 && starts[at + 2] === 0 && starts[at + 3] === 0);
}
