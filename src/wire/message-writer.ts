import type { ResourceRecord } from './message.ts';
import { headerBytes } from './message-reader.ts';
import { rootName } from './names.ts';
import { rdataNames } from './rdata/registry.ts';

/** Where a pointer can still reach (RFC 1035 §4.1.4). */
const pointerReach = 0x4000;

/** Writes a message from front to back, keeping `tailBytes` free until the tail is opened. */
export class MessageWriter {
  readonly #bytes: Uint8Array;
  readonly #suffixes = new Map<string, number>();
  readonly #suffixLog: string[] = [];
  #room: number;
  #length = headerBytes;
  overflowed = false;

  constructor(maxBytes: number, tailBytes: number) {
    this.#bytes = new Uint8Array(Math.max(maxBytes, headerBytes + tailBytes));
    this.#room = this.#bytes.length - tailBytes;
  }

  u16(value: number): void {
    if (this.#reserve(2)) this.#setU16(this.#length - 2, value);
  }

  record(record: ResourceRecord): void {
    this.name(record.name);
    this.u16(record.type);
    this.u16(record.class);
    this.u16(record.ttl >>> 16);
    this.u16(record.ttl);
    const lengthAt = this.#length;
    this.u16(0);
    let copied = 0;
    for (const { at, bytes, compressible } of rdataNames(record.type, record.rdata)) {
      if (!compressible) continue;
      this.#append(record.rdata.subarray(copied, at));
      this.name(record.rdata.subarray(at, at + bytes));
      copied = at + bytes;
    }
    this.#append(record.rdata.subarray(copied));
    if (!this.overflowed) this.#setU16(lengthAt, this.#length - lengthAt - 2);
  }

  name(name: Uint8Array): void {
    const text = Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1');
    for (let at = 0; name[at] !== 0; at += name[at]! + 1) {
      const suffix = text.slice(at);
      const known = this.#suffixes.get(suffix);
      if (known !== undefined) {
        this.u16(0xc000 | known);
        return;
      }
      if (this.#length < pointerReach) {
        this.#suffixes.set(suffix, this.#length);
        this.#suffixLog.push(suffix);
      }
      this.#append(name.subarray(at, at + name[at]! + 1));
      if (this.overflowed) return;
    }
    this.#append(rootName);
  }

  /** Remembers where writing stands, for `rewind`. */
  mark(): { length: number; suffixes: number } {
    return { length: this.#length, suffixes: this.#suffixLog.length };
  }

  /** Takes back everything written since the mark. */
  rewind(mark: { length: number; suffixes: number }): void {
    this.#length = mark.length;
    for (const suffix of this.#suffixLog.splice(mark.suffixes)) this.#suffixes.delete(suffix);
    this.overflowed = false;
  }

  /** Gives free the octets that were kept for the tail. */
  openTail(): void {
    this.#room = this.#bytes.length;
  }

  finish(id: number, flagsWord: number, counts: readonly number[]): Uint8Array {
    this.#setU16(0, id);
    this.#setU16(2, flagsWord);
    for (const [index, count] of counts.entries()) this.#setU16(4 + index * 2, count);
    return this.#bytes.slice(0, this.#length);
  }

  #append(octets: Uint8Array): void {
    if (this.#reserve(octets.length)) this.#bytes.set(octets, this.#length - octets.length);
  }

  #reserve(octets: number): boolean {
    if (this.overflowed || this.#length + octets > this.#room) {
      this.overflowed = true;
      return false;
    }
    this.#length += octets;
    return true;
  }

  #setU16(at: number, value: number): void {
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
  }
}
