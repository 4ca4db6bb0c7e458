import { limits } from '../base/limits.ts';
import { parseName } from '../wire/names.ts';
import { rrTypes } from '../wire/types.ts';
import type { Origin } from './owner-name.ts';
import { emptyTextHash, hashOctet, spreadHash, TTL_OF_SOA, textScratch } from './packed-nodes.ts';
import {
  BLANK,
  CAPITAL,
  DOT,
  kinds,
  LETTER,
  NEWLINE,
  PlainRdata,
  plainRdata,
  SEMICOLON,
  skipBlanks,
} from './plain-rdata.ts';
import type { LinePlace } from './scan-entries.ts';
import type { ZoneBuilder } from './zone-builder.ts';

/*
 * Nearly all lines of large files look alike:
 *
 *   www 300 IN A 192.0.2.1 ; comment
 *   ^   ^      ^ ^
 *   |   |      | addresses, one name without escapes, or quoted texts without escapes
 *   |   |      one of a few types
 *   |   a number
 *   lower-case letters, digits, - and _; or white space
 *
 * Those are read here, octet by octet and without a string for each part: a tenth of the time that
 * the scanner and the record parsers take (bench/loading.ts). Whatever looks different in any
 * way, and whatever is wrong, is left to them, which also say so.
 */

/** What holds from one record to the next, whichever way they are read. */
export interface ReadingState {
  /** Of $TTL, and the last one stated, for what follows (RFC 2308 §4); undefined before. */
  defaultTtl: number | undefined;
  lastTtl: number | undefined;
  /** Records so far. */
  records: number;
  /** The name of the last record when it was read here, for lines that begin blank; else -1. */
  plainName: number;
}

/** Types by their letters in capitals, at most four, the first in the lowest 8 bits. */
const typesByLetters = new Map(
  (['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'SRV', 'TXT'] as const).map((name) => [
    [...name].reduce((sum, letter, place) => sum + letter.charCodeAt(0) * 256 ** place, 0),
    rrTypes[name],
  ]),
);

/** Reads such lines of one text into a builder. */
export class PlainLines {
  #line = 1;
  readonly #text: string;
  readonly #rdata: PlainRdata;
  readonly #builder: ZoneBuilder;
  readonly #state: ReadingState;
  readonly #file: string;
  /** Set where all records are said to stand at one line. */
  readonly #lineSaid: number | undefined;
  /** What ends an absolute name of the zone, the dot before it included. */
  readonly #zoneTail: string;
  /** What completes relative owners, the dot before it included; '' where that is the zone's origin. */
  #ownerRest = '';
  /** False under an origin that makes no plain names. */
  #isUsable = false;
  #zoneNameBytes = 0;
  /** Octets and hash of the owner's text in `textScratch`. */
  #ownerBytes = 0;
  #ownerHash = 0;
  #ttl = 0;

  constructor(
    text: string,
    builder: ZoneBuilder,
    state: ReadingState,
    place: { readonly file: string; readonly line: number | undefined },
  ) {
    this.#text = text;
    this.#rdata = new PlainRdata(text);
    this.#builder = builder;
    this.#state = state;
    this.#file = place.file;
    this.#lineSaid = place.line;
    this.#zoneTail = builder.origin === '.' ? '.' : `.${builder.origin}`;
  }

  /** Sets what completes relative names. */
  setOrigin(origin: Origin): void {
    const wire = parseName(origin.text);
    const zone = this.#builder.origin;
    this.#isUsable = origin.inside && origin.text === origin.key && wire instanceof Uint8Array;
    if (!this.#isUsable || !(wire instanceof Uint8Array)) return;
    this.#rdata.originWire = wire;
    const below = origin.key === zone ? '' : origin.key.slice(0, -this.#zoneTail.length);
    this.#ownerRest = below === '' ? '' : `.${below}`;
    // Texts are at least as long as names on the wire, so that this is a cautious measure.
    this.#zoneNameBytes = zone.length + 1;
  }

  /** Reads from a place on up to the first line that is not plain, or the end of the text. */
  read(place: LinePlace): void {
    if (!this.#isUsable) return;
    const end = this.#text.length;
    let { at } = place;
    this.#line = place.line;
    while (at < end && this.#state.records < limits.recordsPerZone) {
      const next = this.#readLine(at);
      if (next < 0) break;
      at = next;
      this.#line++;
    }
    place.at = at;
    place.line = this.#line;
  }

  /** Reads a line; returns where the next begins, or -1 (nothing has happened). */
  #readLine(from: number): number {
    const text = this.#text;
    const isBlank = kinds[text.charCodeAt(from)] === BLANK;
    const ownerEnd = isBlank ? from : this.#readOwner(from);
    if (ownerEnd < 0) return this.#endOfLine(from);
    const typeAt = this.#readTtlAndClass(skipBlanks(text, ownerEnd));
    if (typeAt < 0) return isBlank ? this.#endOfLine(from) : -1;
    const blankAt = this.#endOfWord(typeAt);
    const type = this.#typeAt(typeAt, blankAt);
    if (type === undefined) return isBlank ? this.#endOfLine(from) : -1;
    const state = this.#state;
    if (isBlank && state.plainName < 0) return -1;
    const next = this.#endOfLine(this.#rdata.read(type, skipBlanks(text, blankAt)));
    if (next < 0) return -1;
    const { nodes } = this.#builder;
    const name = isBlank ? state.plainName : nodes.nameOfText(this.#ownerBytes, this.#ownerHash);
    this.#keep(name, type);
    return next;
  }

  #keep(name: number, type: number): void {
    const state = this.#state;
    const { nodes } = this.#builder;
    state.plainName = name;
    state.records++;
    let ttl = state.defaultTtl ?? state.lastTtl ?? TTL_OF_SOA;
    if (this.#ttl >= 0) {
      ttl = this.#ttl;
      state.lastTtl = ttl;
    }
    const line = this.#lineSaid ?? this.#line;
    if (nodes.rrsetOf(name, type) < 0) {
      const rrset = this.#builder.addRRset(name, type, ttl, this.#file, line);
      nodes.addRdata(rrset, plainRdata, this.#rdata.octets);
      return;
    }
    const key = nodes.keyOf(name);
    const copy = plainRdata.slice(0, this.#rdata.octets);
    this.#builder.add({ owner: key, key, type, ttl, rdata: copy, file: this.#file, line });
  }

  /** Reads an owner into `textScratch`; where it ends, or -1. */
  #readOwner(from: number): number {
    const text = this.#text;
    if (text.charCodeAt(from) === 0x40) return this.#endOwner(from + 1, 0, emptyTextHash, false);
    let hash = emptyTextHash;
    let at = from;
    let labelAt = from;
    // Read as far as a name can be; what is longer is not ended by a blank.
    for (const most = from + limits.nameBytes; at < most; at++) {
      const code = text.charCodeAt(at);
      const kind = kinds[code];
      if (kind === DOT) {
        if (at === labelAt || at - labelAt > limits.labelBytes) return -1;
        labelAt = at + 1;
      } else if (kind !== LETTER) break;
      textScratch[at - from] = code;
      hash = hashOctet(hash, code);
    }
    if (kinds[text.charCodeAt(at)] !== BLANK || at - labelAt > limits.labelBytes) return -1;
    if (labelAt === at) return this.#endAbsoluteOwner(from, at);
    return this.#endOwner(at, at - from, hash, true);
  }

  /** Completes a relative owner of which so many octets are there. */
  #endOwner(at: number, octets: number, hash: number, hasLabels: boolean): number {
    if (kinds[this.#text.charCodeAt(at)] !== BLANK) return -1;
    const rest = this.#ownerRest;
    let size = octets;
    let full = hash;
    for (let index = hasLabels ? 0 : 1; index < rest.length; index++) {
      textScratch[size] = rest.charCodeAt(index);
      full = hashOctet(full, textScratch[size++]!);
    }
    if (size + this.#zoneNameBytes > limits.nameBytes) return -1;
    this.#ownerBytes = size;
    this.#ownerHash = spreadHash(full);
    return at;
  }

  /** Takes the zone's own end off an absolute owner. */
  #endAbsoluteOwner(from: number, at: number): number {
    const tail = this.#zoneTail;
    const octets = at - from - tail.length;
    const isBelow = octets > 0 && this.#text.startsWith(tail, from + octets);
    const isApex = octets === -1 && tail.length > 1 && this.#text.startsWith(tail.slice(1), from);
    if (!isBelow && !isApex) return -1;
    this.#ownerBytes = isApex ? 0 : octets;
    let hash = emptyTextHash;
    for (let index = 0; index < octets; index++) hash = hashOctet(hash, textScratch[index]!);
    this.#ownerHash = spreadHash(hash);
    return octets + this.#zoneNameBytes > limits.nameBytes ? -1 : at;
  }

  /** Reads a TTL and a class, in either order, each once; where the type begins, or -1. */
  #readTtlAndClass(from: number): number {
    const text = this.#text;
    let at = from;
    let hasClass = false;
    this.#ttl = -1;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code >= 0x30 && code <= 0x39) {
        if (this.#ttl >= 0) return -1;
        at = this.#readTtl(at);
        if (at < 0) return -1;
      } else if (!hasClass && isClassIn(text, at)) {
        hasClass = true;
        at += 2;
      } else {
        return kinds[code] === CAPITAL || kinds[code] === LETTER ? at : -1;
      }
      at = skipBlanks(text, at);
    }
  }

  #readTtl(from: number): number {
    const at = this.#rdata.readNumber(from, limits.ttlSeconds);
    if (at >= 0) this.#ttl = this.#rdata.number;
    return at;
  }

  #typeAt(from: number, to: number): number | undefined {
    let letters = 0;
    if (to - from > 5 || kinds[this.#text.charCodeAt(to)] !== BLANK) return undefined;
    for (let at = to - 1; at >= from; at--) {
      const code = this.#text.charCodeAt(at);
      letters = letters * 256 + (code >= 0x61 && code <= 0x7a ? code - 0x20 : code);
    }
    return typesByLetters.get(letters);
  }

  #endOfWord(from: number): number {
    let at = from;
    while (kinds[this.#text.charCodeAt(at)]! > BLANK) at++;
    return at;
  }

  /** Where the next line begins when nothing but a comment is left on this one; else -1. */
  #endOfLine(from: number): number {
    if (from < 0) return -1;
    const text = this.#text;
    const at = skipBlanks(text, from);
    const code = text.charCodeAt(at);
    if (code === NEWLINE) return at + 1;
    if (at >= text.length) return text.length;
    // A word needs white space behind it: what follows it at once is for the scanner to judge.
    if (code !== SEMICOLON) return -1;
    const newline = text.indexOf('\n', at);
    return newline < 0 ? text.length : newline + 1;
  }
}

function isClassIn(text: string, at: number): boolean {
  const capitals = text.charCodeAt(at) === 0x49 && text.charCodeAt(at + 1) === 0x4e;
  const small = text.charCodeAt(at) === 0x69 && text.charCodeAt(at + 1) === 0x6e;
  return (capitals || small) && kinds[text.charCodeAt(at + 2)] === BLANK;
}
