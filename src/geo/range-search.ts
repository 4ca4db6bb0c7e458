/*
 * Searching sorted range starts, and the widest prefix inside a range. A sequence of ranges covers
 * the whole address space: range i reaches from start i to just before start i + 1, the last one to
 * the highest address, and start 0 is the lowest address.
 *
 *   IPv4: starts[i]                      IPv6: starts[4i] … starts[4i + 3], most significant first
 *
 * Every word is an unsigned 32-bit number. Nothing here allocates.
 */

/** Index of the last start that is not above `w`, between `low` and `high` (both included). */
export function findRange4(starts: Uint32Array, low: number, high: number, w: number): number {
  let first = low;
  let last = high;
  while (first < last) {
    const middle = (first + last + 1) >>> 1;
    if (starts[middle]! <= w) first = middle;
    else last = middle - 1;
  }
  return first;
}

/** As {@link findRange4}, for an address of four words. */
export function findRange6(
  starts: Uint32Array,
  low: number,
  high: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): number {
  let first = low;
  let last = high;
  while (first < last) {
    const middle = (first + last + 1) >>> 1;
    const at = middle * 4;
    let difference = starts[at]! - w0;
    if (difference === 0) difference = starts[at + 1]! - w1;
    if (difference === 0) difference = starts[at + 2]! - w2;
    if (difference === 0) difference = starts[at + 3]! - w3;
    if (difference <= 0) first = middle;
    else last = middle - 1;
  }
  return first;
}

/**
 * Length of the widest prefix around `w` inside range `index`, 0 to 32 (RFC 7871 §7.2.1). A prefix
 * leaves the range as soon as it holds the address before its start or the one after its end, so it
 * must be one bit longer than what the client shares with either of them.
 */
export function scope4(starts: Uint32Array, count: number, index: number, w: number): number {
  let scope = 0;
  if (index > 0) scope = Math.clz32(w ^ (starts[index]! - 1)) + 1;
  if (index + 1 < count) {
    const above = Math.clz32(w ^ starts[index + 1]!) + 1;
    if (above > scope) scope = above;
  }
  return scope;
}

/** As {@link scope4}, 0 to 128. */
export function scope6(
  starts: Uint32Array,
  count: number,
  index: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): number {
  let scope = 0;
  const at = index * 4;
  if (index > 0) {
    // The start minus one: each word borrows from the one above while it is 0.
    const s3 = starts[at + 3]!;
    const s2 = starts[at + 2]!;
    const s1 = starts[at + 1]!;
    const borrow2 = s3 === 0;
    const borrow1 = borrow2 && s2 === 0;
    const borrow0 = borrow1 && s1 === 0;
    scope =
      1 +
      sharedBits(
        w0 ^ (borrow0 ? starts[at]! - 1 : starts[at]!),
        w1 ^ (borrow1 ? s1 - 1 : s1),
        w2 ^ (borrow2 ? s2 - 1 : s2),
        w3 ^ (s3 - 1),
      );
  }
  if (index + 1 < count) {
    const above =
      1 +
      sharedBits(
        w0 ^ starts[at + 4]!,
        w1 ^ starts[at + 5]!,
        w2 ^ starts[at + 6]!,
        w3 ^ starts[at + 7]!,
      );
    if (above > scope) scope = above;
  }
  return scope;
}

/** Leading bits in which two addresses agree, from the exclusive or of their words. */
function sharedBits(x0: number, x1: number, x2: number, x3: number): number {
  if (x0 !== 0) return Math.clz32(x0);
  if (x1 !== 0) return 32 + Math.clz32(x1);
  if (x2 !== 0) return 64 + Math.clz32(x2);
  return 96 + Math.clz32(x3);
}
