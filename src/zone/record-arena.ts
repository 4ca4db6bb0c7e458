import { sameRdata } from './same-rdata.ts';

/**
 * The names and RRsets of zones in a few growing arrays. A million records take 70 MB so; as objects,
 * strings and small typed arrays they took 500 MB, and collecting the garbage of making them half of
 * the reading time.
 *
 *   names    ┌ text at │ text octets │ first RRset │ next name of its zone ┐ …
 *   rrsets   ┌ type │ TTL │ first rdata │ next RRset of its name │ file │ line ┐ …
 *   bytes    text …   ┌ next rdata of its RRset (32 bits) │ octets (16 bits) │ rdata ┐ …
 *
 * A name's text is its key without the origin behind it; -1 ends a list. Zones may share an arena:
 * small ones would otherwise cost more than their records.
 */
export class RecordArena {
  /** Texts and rdata. */
  bytes: Uint8Array = new Uint8Array(1024);
  names: Int32Array = new Int32Array(16 * nameWords);
  rrsets: Int32Array = new Int32Array(16 * rrsetWords);
  byteCount = 0;
  nameCount = 0;
  rrsetCount = 0;
  /** Files that records were read from. */
  readonly files: string[] = [];
  #buffer: Buffer = Buffer.alloc(0);

  /** Adds a name whose text is the first octets of `text`; returns its number. */
  addName(text: Uint8Array, textBytes: number): number {
    this.#reserve(textBytes);
    const name = this.nameCount++;
    const at = name * nameWords;
    if (at + nameWords > this.names.length) this.names = grown(this.names);
    this.names[at + nameWord.textAt] = this.byteCount;
    this.names[at + nameWord.textBytes] = textBytes;
    this.names[at + nameWord.firstRRset] = -1;
    this.names[at + nameWord.next] = -1;
    for (let index = 0; index < textBytes; index++) {
      this.bytes[this.byteCount + index] = text[index]!;
    }
    this.byteCount += textBytes;
    return name;
  }

  /** Adds an RRset behind the others of its name; returns its number. */
  addRRset(name: number, type: number, ttl: number, file: number, line: number): number {
    const rrset = this.rrsetCount++;
    const at = rrset * rrsetWords;
    if (at + rrsetWords > this.rrsets.length) this.rrsets = grown(this.rrsets);
    const { names, rrsets } = this;
    rrsets[at + rrsetWord.type] = type;
    rrsets[at + rrsetWord.ttl] = ttl;
    rrsets[at + rrsetWord.firstRdata] = -1;
    rrsets[at + rrsetWord.next] = -1;
    rrsets[at + rrsetWord.file] = file;
    rrsets[at + rrsetWord.line] = line;
    const first = names[name * nameWords + nameWord.firstRRset]!;
    if (first < 0) {
      names[name * nameWords + nameWord.firstRRset] = rrset;
    } else {
      let last = first;
      for (let next = first; next >= 0; next = rrsets[next * rrsetWords + rrsetWord.next]!) {
        last = next;
      }
      rrsets[last * rrsetWords + rrsetWord.next] = rrset;
    }
    return rrset;
  }

  /** Adds the first octets of `rdata`, at most 65,535, behind the others of an RRset. */
  addRdata(rrset: number, rdata: Uint8Array, octets: number): void {
    this.#reserve(rdataHeadBytes + octets);
    const { bytes, byteCount: at } = this;
    this.byteCount = at + rdataHeadBytes + octets;
    writeUint32(bytes, at, noRdata);
    bytes[at + 4] = octets >> 8;
    bytes[at + 5] = octets;
    // Below some dozen octets a loop is faster than set().
    if (octets > 32) bytes.set(rdata.subarray(0, octets), at + rdataHeadBytes);
    else for (let index = 0; index < octets; index++) bytes[at + 6 + index] = rdata[index]!;
    const first = this.rrsets[rrset * rrsetWords + rrsetWord.firstRdata]!;
    if (first < 0) {
      this.rrsets[rrset * rrsetWords + rrsetWord.firstRdata] = at;
      return;
    }
    let last = first;
    for (let next = first; next >= 0; next = this.nextRdata(next)) last = next;
    writeUint32(bytes, last, at);
  }

  /** The place of the rdata behind the one at a place; -1 behind the last. */
  nextRdata(at: number): number {
    const { bytes } = this;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  /** Octets of the rdata at a place; they begin `rdataHeadBytes` behind it. */
  rdataBytes(at: number): number {
    return (this.bytes[at + 4]! << 8) | this.bytes[at + 5]!;
  }

  /** The rdata at a place; a view, not to be written to. */
  rdata(at: number): Uint8Array {
    const from = at + rdataHeadBytes;
    return this.bytes.subarray(from, from + this.rdataBytes(at));
  }

  /** True when an RRset has this record already. */
  holds(rrset: number, rdata: Uint8Array): boolean {
    const type = this.rrsets[rrset * rrsetWords + rrsetWord.type]!;
    for (let at = this.firstRdata(rrset); at >= 0; at = this.nextRdata(at)) {
      if (this.#resembles(at, rdata) && sameRdata(type, this.rdata(at), rdata)) return true;
    }
    return false;
  }

  /** The number of records of an RRset. */
  recordsOf(rrset: number): number {
    let count = 0;
    for (let at = this.firstRdata(rrset); at >= 0; at = this.nextRdata(at)) count++;
    return count;
  }

  firstRdata(rrset: number): number {
    return this.rrsets[rrset * rrsetWords + rrsetWord.firstRdata]!;
  }

  firstRRset(name: number): number {
    return this.names[name * nameWords + nameWord.firstRRset]!;
  }

  nextRRset(rrset: number): number {
    return this.rrsets[rrset * rrsetWords + rrsetWord.next]!;
  }

  nextName(name: number): number {
    return this.names[name * nameWords + nameWord.next]!;
  }

  typeOf(rrset: number): number {
    return this.rrsets[rrset * rrsetWords + rrsetWord.type]!;
  }

  ttlOf(rrset: number): number {
    return this.rrsets[rrset * rrsetWords + rrsetWord.ttl]!;
  }

  textAt(name: number): number {
    return this.names[name * nameWords + nameWord.textAt]!;
  }

  textBytes(name: number): number {
    return this.names[name * nameWords + nameWord.textBytes]!;
  }

  /** The number of a file, by which RRsets say where they are from. */
  fileNumber(file: string): number {
    if (this.files.at(-1) !== file) this.files.push(file);
    return this.files.length - 1;
  }

  /** The text of a name. */
  text(name: number): string {
    // One Buffer for all: making one for each text would take longer than the text.
    if (this.#buffer.buffer !== this.bytes.buffer) this.#buffer = Buffer.from(this.bytes.buffer);
    const at = this.textAt(name);
    return this.#buffer.toString('latin1', at, at + this.textBytes(name));
  }

  /** Gives back what was allocated ahead. */
  trim(): void {
    this.bytes = this.bytes.slice(0, this.byteCount);
    this.names = this.names.slice(0, this.nameCount * nameWords);
    this.rrsets = this.rrsets.slice(0, this.rrsetCount * rrsetWords);
  }

  #reserve(octets: number): void {
    const needed = this.byteCount + octets;
    if (needed <= this.bytes.length) return;
    const bytes = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    bytes.set(this.bytes.subarray(0, this.byteCount));
    this.bytes = bytes;
  }

  /** True when the rdata at a place differs from this one at most in the case of letters. */
  #resembles(at: number, rdata: Uint8Array): boolean {
    if (this.rdataBytes(at) !== rdata.length) return false;
    const { bytes } = this;
    for (let index = 0; index < rdata.length; index++) {
      const differing = bytes[at + rdataHeadBytes + index]! ^ rdata[index]!;
      if (differing !== 0 && differing !== 0x20) return false;
    }
    return true;
  }
}

/** Words of a name. */
export const nameWord = { textAt: 0, textBytes: 1, firstRRset: 2, next: 3 } as const;
export const nameWords = 4;

/** Words of an RRset. */
export const rrsetWord = { type: 0, ttl: 1, firstRdata: 2, next: 3, file: 4, line: 5 } as const;
export const rrsetWords = 6;

/** Octets that stand before each rdata. */
export const rdataHeadBytes = 6;

/** As `nextRdata` reads it: -1. */
const noRdata = 0xffff_ffff;

/** So many octets are enough for one arena: the next zone begins another. */
const fullBytes = 32 * 1024 * 1024;

/** Gives zones that are read together an arena in common, and further ones as they fill. */
export class ArenaPool {
  #arena = new RecordArena();

  arena(): RecordArena {
    if (this.#arena.byteCount > fullBytes) {
      this.#arena.trim();
      this.#arena = new RecordArena();
    }
    return this.#arena;
  }

  /** Gives back what was allocated ahead, once all zones are read. */
  trim(): void {
    this.#arena.trim();
  }
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(array.length * 2);
  bigger.set(array);
  return bigger;
}
