import { blockChanges } from '../store/chain.ts';
import { emptyHash, hashOctet, spreadHash } from '../store/object-hash.ts';
import type { NewObjects } from '../store/store.ts';
import { rdataCodec } from '../wire/rdata/registry.ts';
import { typeName } from '../wire/type-names.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import { NO_TTL } from '../zone/packed-nodes.ts';
import { type RecordArena, rdataHeadBytes } from '../zone/record-arena.ts';
import type { NameKey } from '../zone/zone.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const DOT = 0x2e;
const ZERO = 0x30;
const BACKSLASH = 0x5c;

/** Lines that may become longer are written by JSON.stringify. */
const mostLineBytes = 8192;

/** Octets of an owner or a value before they are written: each may need four, and the rest has room. */
const mostTextBytes = 1024;

/** A quote and a backslash of a value, inside the text of a body inside the text of a line. */
const writtenQuote = octets(String.raw`\\\"`);
const writtenBackslash = octets(String.raw`\\\\`);
/** A quote of the body. */
const bodyQuote = octets(String.raw`\"`);
const bodyStart = octets(String.raw`",null,"{\"ttl\":`);
const valuesStart = octets(String.raw`,\"values\":[`);
const lineEnd = octets(']}"]\n');

/** Gathers the lines of new objects into blocks; packed rrsets without making texts of them. */
export class ObjectLines {
  #bytes = new Uint8Array(blockChanges * 256);
  #at = 0;
  #count = 0;
  readonly #hashes = new Int32Array(blockChanges);
  readonly #types = new Map<number, Uint8Array>();
  /** What begins the lines of a zone, and its hash; what follows the texts of its names. */
  #start: Uint8Array = new Uint8Array();
  #startHash = emptyHash;
  #tail: Uint8Array = new Uint8Array();
  #apex: Uint8Array = new Uint8Array();

  get isFull(): boolean {
    return this.#count === blockChanges;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** The block of the lines so far; the next line overwrites it. */
  take(): NewObjects {
    const lines = this.#bytes.subarray(0, this.#at);
    const hashes = this.#hashes.slice(0, this.#count);
    this.#at = 0;
    this.#count = 0;
    return { lines, count: hashes.length, hashes };
  }

  /** Adds the line of any new object. */
  add(kind: 'zone' | 'rrset', id: string, body: string): void {
    const head = JSON.stringify([kind, id]).slice(0, -1);
    const text = octets(`${head},null,${JSON.stringify(body)}]\n`);
    this.#reserve(text.length);
    this.#append(text);
    this.#end(hashOf(text, 0, head.length, emptyHash));
  }

  /** Sets what the ids of the packed rrsets that follow have in common. */
  beginZone(origin: NameKey): void {
    const inside = (key: string) => octets(JSON.stringify(key).slice(1, -1));
    this.#start = octets(JSON.stringify(['rrset', `${origin}/`]).slice(0, -2));
    this.#startHash = hashOf(this.#start, 0, this.#start.length, emptyHash);
    this.#tail = inside(origin === '.' ? '.' : `.${origin}`);
    this.#apex = inside(origin);
  }

  /** Adds the line of an rrset; false, and nothing is added, when it is not of the usual kind. */
  addPacked(arena: RecordArena, name: number, rrset: number): boolean {
    const type = arena.typeOf(rrset);
    const ttl = arena.ttlOf(rrset);
    if (ttl === NO_TTL || type === STEER || arena.textBytes(name) > mostTextBytes) return false;
    this.#reserve(mostLineBytes);
    const start = this.#at;
    this.#writeId(arena, name, type);
    const idEnd = this.#at;
    this.#append(bodyStart);
    this.#number(ttl);
    this.#append(valuesStart);
    const first = arena.firstRdata(rrset);
    for (let at = first; at >= 0; at = arena.nextRdata(at)) {
      if (at !== first) this.#bytes[this.#at++] = COMMA;
      this.#append(bodyQuote);
      const hasRoom = this.#at - start + mostTextBytes * 4 + 16 < mostLineBytes;
      if (!hasRoom || !this.#writeValue(arena, type, at)) {
        this.#at = start;
        return false;
      }
      this.#append(bodyQuote);
    }
    this.#append(lineEnd);
    // The quote that ends the id stands in what follows it.
    const idAt = start + this.#start.length;
    this.#end(hashOf(this.#bytes, idAt, idEnd + 1, this.#startHash));
    return true;
  }

  #writeId(arena: RecordArena, name: number, type: number): void {
    this.#append(this.#start);
    const from = arena.textAt(name);
    const to = from + arena.textBytes(name);
    for (let at = from; at < to; at++) {
      const octet = arena.bytes[at]!;
      // In keys there is nothing to be written in another way but these.
      if (octet === QUOTE || octet === BACKSLASH) this.#bytes[this.#at++] = BACKSLASH;
      this.#bytes[this.#at++] = octet;
    }
    this.#append(from === to ? this.#apex : this.#tail);
    let end = this.#types.get(type);
    if (end === undefined) {
      end = octets(`/${typeName(type)}`);
      this.#types.set(type, end);
    }
    this.#append(end);
  }

  /** Writes one record's data as in `RRsetJson`; false when it is too long or holds odd characters. */
  #writeValue(arena: RecordArena, type: number, at: number): boolean {
    const from = at + rdataHeadBytes;
    if (type === rrTypes.A && arena.rdataBytes(at) === 4) {
      for (let index = 0; index < 4; index++) {
        if (index > 0) this.#bytes[this.#at++] = DOT;
        this.#number(arena.bytes[from + index]!);
      }
      return true;
    }
    if (type === rrTypes.TXT && this.#writeText(arena.bytes, from, arena.rdataBytes(at)))
      return true;
    const value = rdataCodec(type).format(arena.rdata(at));
    if (value.length > mostTextBytes) return false;
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (code < 0x20 || code > 0x7e) return false;
      if (code === QUOTE) this.#append(writtenQuote);
      else if (code === BACKSLASH) this.#append(writtenBackslash);
      else this.#bytes[this.#at++] = code;
    }
    return true;
  }

  /** A single string of printable ASCII without quotes and backslashes; false for any other. */
  #writeText(bytes: Uint8Array, from: number, size: number): boolean {
    const start = this.#at;
    if (size < 1 || bytes[from] !== size - 1) return false;
    this.#append(writtenQuote);
    for (let at = from + 1; at < from + size; at++) {
      const octet = bytes[at]!;
      if (octet < 0x20 || octet > 0x7e || octet === QUOTE || octet === BACKSLASH) {
        this.#at = start;
        return false;
      }
      this.#bytes[this.#at++] = octet;
    }
    this.#append(writtenQuote);
    return true;
  }

  /** Writes a whole number in decimal. */
  #number(value: number): void {
    let divisor = 1;
    while (divisor * 10 <= value) divisor *= 10;
    for (let rest = value; divisor >= 1; divisor = Math.trunc(divisor / 10)) {
      const digit = Math.trunc(rest / divisor);
      this.#bytes[this.#at++] = ZERO + digit;
      rest -= digit * divisor;
    }
  }

  #append(text: Uint8Array): void {
    const bytes = this.#bytes;
    // Below some dozen octets a loop is faster than set().
    if (text.length > 48) bytes.set(text, this.#at);
    else for (let index = 0; index < text.length; index++) bytes[this.#at + index] = text[index]!;
    this.#at += text.length;
  }

  #reserve(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    bytes.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = bytes;
  }

  #end(hash: number): void {
    this.#hashes[this.#count++] = spreadHash(hash);
  }
}

/** The hash of octets behind those of another hash. */
function hashOf(bytes: Uint8Array, from: number, to: number, before: number): number {
  let hash = before;
  for (let at = from; at < to; at++) hash = hashOctet(hash, bytes[at]!);
  return hash;
}

function octets(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
