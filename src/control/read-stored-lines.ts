import { limits } from '../base/limits.ts';
import { rdataCodec } from '../wire/rdata/registry.ts';
import { typeNumber } from '../wire/type-names.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import { isMetaType } from '../zone/meta-types.ts';
import { emptyTextHash, hashOctet, spreadHash, textScratch } from '../zone/packed-nodes.ts';
import type { NameKey } from '../zone/zone.ts';
import type { ZoneBuilder } from '../zone/zone-builder.ts';

const DOT = 0x2e;
const BACKSLASH = 0x5c;

const bodyStart = String.raw`",null,"{\"ttl\":`;
const valuesStart = String.raw`,\"values\":[\"`;
const lineEnd = String.raw`\"]}"]`;
/** A quote of a value. */
const textQuote = String.raw`\\\"`;

/** Rdata of addresses and texts. */
const scratch = new Uint8Array(256);

/** Types by their names, those that were asked for first. */
const mostTypes = 1000;
const types = new Map<string, number>();

/** Longest type name that is looked for: TYPE65535. */
const mostTypeLetters = 10;

/**
 * Reads lines of new rrsets (object-lines.ts) into the builder of their zone, character by character:
 *
 *   ["rrset","a.test./www.a.test./A",null,"{\"ttl\":300,\"values\":[\"192.0.2.1\"]}"]
 *
 * Lines of other objects, of several values or with anything odd in them are left to others.
 */
export class StoredLines {
  readonly #builder: ZoneBuilder;
  /** What the lines of this zone begin with. */
  readonly #start: string;
  readonly #tail: string;
  /** The parts of the line read last. */
  #rdata: Uint8Array = scratch;
  #rdataBytes = 0;
  #ownerBytes = 0;
  #ownerHash = 0;
  #ttl = 0;

  constructor(zone: NameKey, builder: ZoneBuilder) {
    this.#builder = builder;
    this.#start = JSON.stringify(['rrset', `${zone}/`]).slice(0, -2);
    this.#tail = zone === '.' ? '.' : `.${zone}`;
  }

  /** Takes the line from `from` to `end` in; false when it is not of the usual kind. */
  read(text: string, from: number, end: number): boolean {
    if (!isAt(text, from, this.#start)) return false;
    const ownerAt = from + this.#start.length;
    const ownerEnd = text.indexOf('/', ownerAt);
    if (!this.#readOwner(text, ownerAt, ownerEnd)) return false;
    const typeEnd = text.indexOf('"', ownerEnd);
    if (typeEnd - ownerEnd > mostTypeLetters || !isAt(text, typeEnd, bodyStart)) return false;
    const type = typeOf(text.slice(ownerEnd + 1, typeEnd));
    const at = this.#readTtl(text, typeEnd + bodyStart.length);
    if (type < 0 || !isAt(text, at, valuesStart)) return false;
    const valueEnd = end - lineEnd.length;
    if (!isAt(text, valueEnd, lineEnd)) return false;
    return this.#readValue(text, at + valuesStart.length, valueEnd, type) && this.#keep(type);
  }

  #keep(type: number): boolean {
    const builder = this.#builder;
    const { nodes } = builder;
    const name = nodes.nameOfText(this.#ownerBytes, this.#ownerHash);
    if (nodes.rrsetOf(name, type) >= 0) return false;
    const rrset = builder.addRRset(name, type, this.#ttl, '', 0);
    nodes.addRdata(rrset, this.#rdata, this.#rdataBytes);
    return true;
  }

  /** Reads an owner into `textScratch`, the zone's origin taken off. */
  #readOwner(text: string, from: number, end: number): boolean {
    const isApex = end - from === this.#tail.length - 1 && isAt(text, from, this.#tail.slice(1));
    const octets = isApex ? 0 : end - from - this.#tail.length;
    if (octets < 0 || octets > limits.nameBytes || (octets === 0 && !isApex)) return false;
    if (!isApex && !isAt(text, from + octets, this.#tail)) return false;
    let hash = emptyTextHash;
    for (let index = 0; index < octets; index++) {
      const code = text.charCodeAt(from + index);
      if (code === BACKSLASH) return false;
      textScratch[index] = code;
      hash = hashOctet(hash, code);
    }
    this.#ownerBytes = octets;
    this.#ownerHash = spreadHash(hash);
    return true;
  }

  /** Where the digits of a TTL end. */
  #readTtl(text: string, from: number): number {
    let at = from;
    this.#ttl = 0;
    for (; ; at++) {
      const digit = text.charCodeAt(at) - 0x30;
      if (!(digit >= 0 && digit <= 9)) break;
      this.#ttl = Math.min(this.#ttl * 10 + digit, limits.ttlSeconds + 1);
    }
    return at > from && this.#ttl <= limits.ttlSeconds ? at : -1;
  }

  /** Reads a value into `#rdata`. */
  #readValue(text: string, from: number, end: number, type: number): boolean {
    if (type === rrTypes.A) return this.#readAddress(text, from, end);
    if (type === rrTypes.TXT) return this.#readText(text, from, end);
    const value = text.slice(from, end);
    // Fields of these characters are what they look like.
    if (!/^[\w.:+*/=-]+(?: [\w.:+*/=-]+)*$/.test(value)) return false;
    const fields = value.split(' ').map((word) => ({ text: word, quoted: false }));
    const rdata = rdataCodec(type).parse(fields, this.#builder.origin);
    if (!(rdata instanceof Uint8Array)) return false;
    this.#rdata = rdata;
    this.#rdataBytes = rdata.length;
    return true;
  }

  #readAddress(text: string, from: number, end: number): boolean {
    this.#rdata = scratch;
    this.#rdataBytes = 4;
    let at = from;
    for (let place = 0; place < 4; place++) {
      let octet = 0;
      const start = at;
      for (; ; at++) {
        const digit = text.charCodeAt(at) - 0x30;
        if (!(digit >= 0 && digit <= 9)) break;
        octet = octet * 10 + digit;
      }
      if (at === start || at - start > 3 || octet > 255) return false;
      scratch[place] = octet;
      if (place < 3 && text.charCodeAt(at++) !== DOT) return false;
    }
    return at === end;
  }

  /** A single text without escapes. */
  #readText(text: string, from: number, end: number): boolean {
    const start = from + textQuote.length;
    const octets = end - textQuote.length - start;
    if (octets < 0 || octets > 255) return false;
    if (!isAt(text, from, textQuote) || !isAt(text, start + octets, textQuote)) return false;
    this.#rdata = scratch;
    this.#rdataBytes = octets + 1;
    scratch[0] = octets;
    for (let index = 0; index < octets; index++) {
      const code = text.charCodeAt(start + index);
      if (code < 0x20 || code > 0x7e || code === BACKSLASH) return false;
      scratch[index + 1] = code;
    }
    return true;
  }
}

/** The type of a name; -1 when there is none such in a zone, or it is written in another form. */
function typeOf(letters: string): number {
  let type = types.get(letters);
  if (type === undefined) {
    type = typeNumber(letters) ?? -1;
    if (type === STEER || isMetaType(type)) type = -1;
    if (types.size < mostTypes) types.set(letters, type);
  }
  return type;
}

/** As `startsWith`, which for short texts takes longer than to compare them. */
function isAt(text: string, at: number, part: string): boolean {
  for (let index = 0; index < part.length; index++) {
    if (text.charCodeAt(at + index) !== part.charCodeAt(index)) return false;
  }
  return true;
}
