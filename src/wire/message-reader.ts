import { limits } from '../base/limits.ts';
import type { Question, ResourceRecord } from './message.ts';
import type { RdataPart } from './rdata/codec.ts';
import { rdataCodec } from './rdata/registry.ts';

/** Octets of a message's header (RFC 1035 §4.1.1). */
export const headerBytes = 12;
/** Name, type, class, TTL and length of the shortest record. */
const leastRecordBytes = 11;

/** Reads a message from front to back; after a failure it gives zeros and `failed` stays true. */
export class MessageReader {
  readonly #bytes: Uint8Array;
  at = 0;
  failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  u16(): number {
    const at = this.#take(2, this.#bytes.length);
    return at < 0 ? 0 : (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  questions(count: number): Question[] {
    const questions: Question[] = [];
    for (let index = 0; index < count && !this.failed; index++) {
      const name = this.name(this.#bytes.length);
      questions.push({ name, type: this.u16(), class: this.u16() });
    }
    return questions;
  }

  records(count: number): ResourceRecord[] {
    const records: ResourceRecord[] = [];
    if (count * leastRecordBytes > this.#bytes.length) this.failed = true;
    for (let index = 0; index < count && !this.failed; index++) {
      const name = this.name(this.#bytes.length);
      const type = this.u16();
      const recordClass = this.u16();
      const ttl = this.u16() * 0x1_0000 + this.u16();
      const end = this.u16() + this.at;
      if (end > this.#bytes.length) this.failed = true;
      if (!this.failed) {
        records.push({ name, type, class: recordClass, ttl, rdata: this.#rdata(type, end) });
      }
    }
    return records;
  }

  /** Reads a name that may be compressed (RFC 1035 §4.1.4); the octets it takes lie before `end`. */
  name(end: number): Uint8Array {
    const name = new Uint8Array(limits.nameBytes);
    let length = 0;
    let at = this.at;
    // Until the first pointer, reading moves `this.at`; each pointer must lead further back.
    let barrier = this.at;
    let pointers = 0;
    for (;;) {
      const octet = at < end ? this.#bytes[at]! : 0xff;
      if (octet >= 0xc0) {
        if (at + 1 >= end) break;
        const target = ((octet & 0x3f) << 8) | this.#bytes[at + 1]!;
        if (target >= barrier || target < headerBytes) break;
        if (pointers === limits.pointersPerName) break;
        if (pointers++ === 0) this.at = at + 2;
        at = barrier = target;
      } else if (octet > limits.labelBytes || at + octet >= end) {
        break;
      } else if (length + octet + 1 > limits.nameBytes) {
        break;
      } else {
        name.set(this.#bytes.subarray(at, at + octet + 1), length);
        length += octet + 1;
        at += octet + 1;
        if (octet === 0) {
          if (pointers === 0) this.at = at;
          return name.slice(0, length);
        }
      }
    }
    this.failed = true;
    return name.slice(0, 1).fill(0);
  }

  #rdata(type: number, end: number): Uint8Array {
    const parts = rdataCodec(type).parts;
    const compressed = parts.some(({ name }) => name !== undefined && name !== 'plain');
    // Rdata is empty where updates delete (RFC 2136 §2.4, §2.5).
    if (!compressed || this.at === end) {
      const from = this.at;
      this.at = end;
      return this.#bytes.slice(from, end);
    }
    return this.#decompressed(parts, end);
  }

  #decompressed(parts: readonly RdataPart[], end: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    for (const part of parts) {
      if (this.failed) break;
      if (part.name !== undefined) {
        pieces.push(this.name(end));
        continue;
      }
      const at = this.#take(part.measure(this.#bytes, this.at, end), end);
      if (at >= 0) pieces.push(this.#bytes.subarray(at, this.at));
    }
    if (this.at !== end) this.failed = true;
    return new Uint8Array(Buffer.concat(pieces));
  }

  /** Moves over so many octets and returns where they begin; -1 when they are not there. */
  #take(octets: number, end: number): number {
    const at = this.at;
    if (this.failed || octets < 0 || at + octets > end) {
      this.failed = true;
      return -1;
    }
    this.at = at + octets;
    return at;
  }
}
