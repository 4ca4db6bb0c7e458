import type { Family, IpAddress, Prefix } from '../base/ip.ts';
import { findRange4, findRange6, scope4, scope6 } from './range-search.ts';

/**
 * A value for every address of a family: sorted, disjoint ranges that cover the whole space, with
 * neighbours of different value.
 *
 *   starts  0.0.0.0   1.0.0.0   1.0.1.0   …      1 word each for IPv4, 4 for IPv6
 *   values     0         17        4      …      value i holds from start i to before start i + 1
 */
export interface Ranges {
  readonly family: Family;
  readonly count: number;
  /** Uint32Array of `count` × 1 or 4 words; the first start is the lowest address. */
  readonly starts: Uint32Array;
  /** Uint32Array of `count`. */
  readonly values: Uint32Array;
}

/** Collects ranges in ascending order; a range with the value of the one before joins it. */
export class RangesBuilder {
  readonly #family: Family;
  readonly #words: number;
  #starts: Uint32Array;
  #values: Uint32Array;
  #count = 0;

  constructor(family: Family, capacity = 1024) {
    this.#family = family;
    this.#words = family === 4 ? 1 : 4;
    this.#starts = new Uint32Array(capacity * this.#words);
    this.#values = new Uint32Array(capacity);
  }

  /** The next range begins at this address; IPv4 uses `w0` alone. */
  push(w0: number, w1: number, w2: number, w3: number, value: number): void {
    const count = this.#count;
    if (count > 0 && this.#values[count - 1] === value) return;
    if (count === this.#values.length) this.#grow();
    const at = count * this.#words;
    this.#starts[at] = w0;
    if (this.#words === 4) {
      this.#starts[at + 1] = w1;
      this.#starts[at + 2] = w2;
      this.#starts[at + 3] = w3;
    }
    this.#values[count] = value;
    this.#count = count + 1;
  }

  /** The ranges collected so far, in arrays of their exact size. */
  build(): Ranges {
    if (this.#count === 0) this.push(0, 0, 0, 0, 0);
    return {
      family: this.#family,
      count: this.#count,
      starts: this.#starts.slice(0, this.#count * this.#words),
      values: this.#values.slice(0, this.#count),
    };
  }

  #grow(): void {
    const starts = new Uint32Array(this.#starts.length * 2);
    starts.set(this.#starts);
    this.#starts = starts;
    const values = new Uint32Array(this.#values.length * 2);
    values.set(this.#values);
    this.#values = values;
  }
}

/** One value for the whole space. */
export function constantRanges(family: Family, value = 0): Ranges {
  const builder = new RangesBuilder(family, 1);
  builder.push(0, 0, 0, 0, value);
  return builder.build();
}

/** The same ranges with each value replaced; neighbours that become equal join. */
export function mapRanges(ranges: Ranges, replace: (value: number) => number): Ranges {
  const builder = new RangesBuilder(ranges.family, ranges.count);
  for (let index = 0; index < ranges.count; index++) {
    pushFrom(builder, ranges, index, replace(ranges.values[index]!));
  }
  return builder.build();
}

/** Lays two sequences over each other; `combine` gives the value where both hold. */
export function mergeRanges(
  a: Ranges,
  b: Ranges,
  combine: (valueA: number, valueB: number) => number,
): Ranges {
  const builder = new RangesBuilder(a.family, a.count + b.count);
  let i = 0;
  let j = 0;
  builder.push(0, 0, 0, 0, combine(a.values[0]!, b.values[0]!));
  while (i + 1 < a.count || j + 1 < b.count) {
    let order: number;
    if (i + 1 === a.count) order = 1;
    else if (j + 1 === b.count) order = -1;
    else order = compareStarts(a, i + 1, b, j + 1);
    if (order <= 0) i++;
    if (order >= 0) j++;
    const value = combine(a.values[i]!, b.values[j]!);
    if (order <= 0) pushFrom(builder, a, i, value);
    else pushFrom(builder, b, j, value);
  }
  return builder.build();
}

/**
 * Ranges from prefixes, which may hold one another. `value(outer, index)` names what holds inside
 * `prefixes[index]`, where `outer` is the value around it (0 outside of all).
 */
export function rangesOfPrefixes(
  family: Family,
  prefixes: readonly Prefix[],
  value: (outer: number, index: number) => number,
): Ranges {
  const bits = family === 4 ? 32 : 128;
  const sorted = prefixes
    .map((prefix, index) => ({ index, length: prefix.length, start: toBigInt(prefix.address) }))
    .filter(({ index }) => prefixes[index]?.address.family === family)
    .sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : a.length - b.length));
  const builder = new BoundaryList();
  const open: { end: bigint; outer: number }[] = [];
  let current = 0;
  const closeUntil = (address: bigint) => {
    for (;;) {
      const innermost = open.at(-1);
      if (innermost === undefined || innermost.end > address) return;
      open.pop();
      current = innermost.outer;
      builder.set(innermost.end, current);
    }
  };
  builder.set(0n, 0);
  for (const { start, length, index } of sorted) {
    closeUntil(start);
    open.push({ end: start + (1n << BigInt(bits - length)), outer: current });
    current = value(current, index);
    builder.set(start, current);
  }
  closeUntil(1n << BigInt(bits));
  return builder.build(family, bits);
}

/** The value that holds at an address, and the widest prefix around it inside its range. */
export function lookUpRange(
  ranges: Ranges,
  words: IpAddress['words'],
): { value: number; prefixLength: number } {
  const [w0, w1, w2, w3] = words;
  const { starts, count, family } = ranges;
  const index =
    family === 4
      ? findRange4(starts, 0, count - 1, w0)
      : findRange6(starts, 0, count - 1, w0, w1, w2, w3);
  const prefixLength =
    family === 4 ? scope4(starts, count, index, w0) : scope6(starts, count, index, w0, w1, w2, w3);
  return { value: ranges.values[index]!, prefixLength };
}

/** Boundaries in ascending order; setting the same address again replaces its value. */
class BoundaryList {
  readonly #starts: bigint[] = [];
  readonly #values: number[] = [];

  set(start: bigint, value: number): void {
    if (this.#starts.at(-1) === start) {
      this.#values[this.#values.length - 1] = value;
      return;
    }
    this.#starts.push(start);
    this.#values.push(value);
  }

  build(family: Family, bits: number): Ranges {
    const builder = new RangesBuilder(family, this.#starts.length + 1);
    const word = (value: bigint, shift: number) => Number((value >> BigInt(shift)) & 0xffff_ffffn);
    this.#starts.forEach((start, index) => {
      // The end of the space is not a start.
      if (start >> BigInt(bits) !== 0n) return;
      const value = this.#values[index] ?? 0;
      if (family === 4) builder.push(Number(start), 0, 0, 0, value);
      else builder.push(word(start, 96), word(start, 64), word(start, 32), word(start, 0), value);
    });
    return builder.build();
  }
}

function toBigInt(address: IpAddress): bigint {
  const [a, b, c, d] = address.words;
  if (address.family === 4) return BigInt(a);
  return (BigInt(a) << 96n) | (BigInt(b) << 64n) | (BigInt(c) << 32n) | BigInt(d);
}

function compareStarts(a: Ranges, i: number, b: Ranges, j: number): number {
  if (a.family === 4) return a.starts[i]! - b.starts[j]!;
  for (let word = 0; word < 4; word++) {
    const difference = a.starts[i * 4 + word]! - b.starts[j * 4 + word]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

function pushFrom(builder: RangesBuilder, from: Ranges, index: number, value: number): void {
  const { starts } = from;
  if (from.family === 4) builder.push(starts[index]!, 0, 0, 0, value);
  else {
    const at = index * 4;
    builder.push(starts[at]!, starts[at + 1]!, starts[at + 2]!, starts[at + 3]!, value);
  }
}
