import type { UnwrittenSegment } from './arena.ts';

/** A segment while it is being written: words that grow as they are needed. */
export class SegmentWriter {
  #buffer: ArrayBuffer | SharedArrayBuffer;
  /** Valid until the next `allocate`. */
  words: Int32Array;
  /** The same memory as bytes; valid until the next `allocate`. */
  bytes: Uint8Array;
  /** Words in use. */
  length = 0;

  constructor(expectedWords = 1024) {
    this.#buffer = new ArrayBuffer(expectedWords * 4);
    this.words = new Int32Array(this.#buffer);
    this.bytes = new Uint8Array(this.#buffer);
  }

  /**
   * Goes on behind the first `usedWords` of a segment, in a copy with room for `moreWords`: where they
   * are enough, `finish` gives that very copy.
   */
  static after(segment: SharedArrayBuffer, usedWords: number, moreWords: number): SegmentWriter {
    const writer = new SegmentWriter(0);
    const copy = new SharedArrayBuffer((usedWords + moreWords) * 4);
    writer.#buffer = copy;
    writer.words = new Int32Array(copy);
    writer.bytes = new Uint8Array(copy);
    writer.words.set(new Int32Array(segment, 0, usedWords));
    writer.length = usedWords;
    return writer;
  }

  /** Takes words that hold zeros; returns the offset of the first. */
  allocate(words: number): number {
    const at = this.length;
    this.length += words;
    if (this.length > this.words.length) {
      const grown = new ArrayBuffer(Math.max(this.length, this.words.length * 2) * 4);
      new Uint8Array(grown).set(this.bytes);
      this.#buffer = grown;
      this.words = new Int32Array(grown);
      this.bytes = new Uint8Array(grown);
    }
    return at;
  }

  /** What was written, to be copied into memory that threads share; nothing more may be written. */
  unshared(): UnwrittenSegment {
    const written = this.words.subarray(0, this.length);
    return { bytes: written.byteLength, writeTo: (words, at) => words.set(written, at) };
  }

  /** What was written, in memory that threads share; there may be zeros behind it. */
  finish(): SharedArrayBuffer {
    if (this.#buffer instanceof SharedArrayBuffer) return this.#buffer;
    const segment = new SharedArrayBuffer(this.length * 4);
    new Int32Array(segment).set(this.words.subarray(0, this.length));
    return segment;
  }
}

/** Size of an open-addressing table for so many keys: a power of two, at most half full. */
export function tableSize(keys: number): number {
  let size = 4;
  while (size < keys * 2) size *= 2;
  return size;
}

/** Puts a key into a table of [hash, value] pairs; `value` is not 0. */
export function putIntoTable(
  words: Int32Array,
  tableStart: number,
  tableMask: number,
  hash: number,
  value: number,
): void {
  let entry = hash & tableMask;
  while (words[tableStart + entry * 2 + 1] !== 0) entry = (entry + 1) & tableMask;
  words[tableStart + entry * 2] = hash;
  words[tableStart + entry * 2 + 1] = value;
}
