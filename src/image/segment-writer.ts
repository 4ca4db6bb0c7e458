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

  constructor(
    expectedWords = 1024,
    kind: typeof ArrayBuffer | typeof SharedArrayBuffer = ArrayBuffer,
  ) {
    this.#buffer = new kind(expectedWords * 4);
    this.words = new Int32Array(this.#buffer);
    this.bytes = new Uint8Array(this.#buffer);
  }

  /** Takes words that hold zeros; returns the offset of the first. */
  allocate(words: number): number {
    const at = this.length;
    this.length += words;
    if (this.length > this.words.length) this.#grow(Math.max(this.length, this.words.length * 2));
    return at;
  }

  /** Makes room for so many words more, so that taking them moves nothing. */
  reserve(words: number): void {
    if (this.length + words > this.words.length) this.#grow(this.length + words);
  }

  /** The memory itself where threads share it; valid until the next `allocate`. */
  get shared(): SharedArrayBuffer | undefined {
    return this.#buffer instanceof SharedArrayBuffer ? this.#buffer : undefined;
  }

  /** What was written, to be copied into memory that threads share; nothing more may be written. */
  unshared(): UnwrittenSegment {
    const written = this.words.subarray(0, this.length);
    return { bytes: written.byteLength, writeTo: (words, at) => words.set(written, at) };
  }

  /** A copy of what was written, in memory that threads share. */
  finish(): SharedArrayBuffer {
    const segment = new SharedArrayBuffer(this.length * 4);
    new Int32Array(segment).set(this.words.subarray(0, this.length));
    return segment;
  }

  #grow(words: number): void {
    const { words: written } = this;
    this.#buffer =
      this.#buffer instanceof SharedArrayBuffer
        ? new SharedArrayBuffer(words * 4)
        : new ArrayBuffer(words * 4);
    this.words = new Int32Array(this.#buffer);
    this.bytes = new Uint8Array(this.#buffer);
    this.words.set(written);
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
