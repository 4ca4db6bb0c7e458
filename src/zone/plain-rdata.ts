import { limits } from '../base/limits.ts';
import { parseIpv6 } from '../base/parse-address.ts';
import { rrTypes } from '../wire/types.ts';

export const BLANK = 1;
export const LETTER = 2;
export const CAPITAL = 3;
export const DOT = 4;

/** White space, what names are made of as they stand, and 0 for all else. */
export const kinds = new Uint8Array(256);
for (const character of 'abcdefghijklmnopqrstuvwxyz0123456789-_*') {
  kinds[character.toUpperCase().charCodeAt(0)] = CAPITAL;
  kinds[character.charCodeAt(0)] = LETTER;
}
for (const character of ' \t\r') kinds[character.charCodeAt(0)] = BLANK;
kinds[0x2e] = DOT;

export const NEWLINE = 0x0a;
const QUOTE = 0x22;
export const SEMICOLON = 0x3b;

/** Numbers before the name in rdata. */
const numbersBefore: Readonly<Record<number, number>> = { [rrTypes.MX]: 1, [rrTypes.SRV]: 3 };

/** The rdata read last, and room for what no rdata may have. */
export const plainRdata: Uint8Array = new Uint8Array(limits.messageBytes + limits.nameBytes);

/** Reads the rdata of plain lines (read-plain-lines.ts) of one text, octet by octet. */
export class PlainRdata {
  readonly #text: string;
  /** What completes relative names, on the wire. */
  originWire: Uint8Array = new Uint8Array();
  /** Octets of the rdata read last. */
  octets = 0;
  /** The number read last. */
  number = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads rdata into `plainRdata`; where it ends, or -1. */
  read(type: number, from: number): number {
    this.octets = 0;
    switch (type) {
      case rrTypes.A:
        return this.#readIpv4(from);
      case rrTypes.AAAA:
        return this.#readIpv6(from);
      case rrTypes.TXT:
        return this.#readTexts(from);
      default: {
        let at = from;
        for (let count = numbersBefore[type] ?? 0; count > 0; count--) {
          at = this.readNumber(at, 0xffff);
          if (at < 0) return -1;
          plainRdata[this.octets++] = this.number >> 8;
          plainRdata[this.octets++] = this.number;
          at = skipBlanks(this.#text, at);
        }
        return this.#readName(at);
      }
    }
  }

  /** As `parseIpv4`: leading zeros are not taken. */
  #readIpv4(from: number): number {
    const text = this.#text;
    let at = from;
    for (let place = 0; ; ) {
      let digit = text.charCodeAt(at) - 0x30;
      if (!(digit >= 0 && digit <= 9)) return -1;
      let octet = digit;
      for (at++; ; at++) {
        digit = text.charCodeAt(at) - 0x30;
        if (!(digit >= 0 && digit <= 9)) break;
        if (octet === 0) return -1;
        octet = octet * 10 + digit;
        if (octet > 255) return -1;
      }
      plainRdata[place++] = octet;
      if (place === 4) break;
      if (digit !== -2) return -1;
      at++;
    }
    this.octets = 4;
    return at;
  }

  #readIpv6(from: number): number {
    const text = this.#text;
    let at = from;
    while (at < text.length && at - from < 64) {
      const code = text.charCodeAt(at);
      if (kinds[code] === BLANK || code === NEWLINE) break;
      at++;
    }
    const octets = parseIpv6(text.slice(from, at));
    if (octets === undefined) return -1;
    plainRdata.set(octets);
    this.octets = 16;
    return at;
  }

  /** One or more quoted texts of printable ASCII without escapes. */
  #readTexts(from: number): number {
    const text = this.#text;
    let at = from;
    do {
      const start = this.octets;
      if (text.charCodeAt(at) !== QUOTE || start > limits.messageBytes - 256) return -1;
      let code = text.charCodeAt(++at);
      let count = 0;
      for (; code >= 0x20 && code <= 0x7e && code !== QUOTE; code = text.charCodeAt(++at)) {
        if (code === 0x5c || ++count > 255) return -1;
        plainRdata[start + count] = code;
      }
      if (code !== QUOTE) return -1;
      plainRdata[start] = count;
      this.octets = start + 1 + count;
      at = skipBlanks(this.#text, at + 1);
    } while (text.charCodeAt(at) === QUOTE && kinds[text.charCodeAt(at - 1)] === BLANK);
    return at;
  }

  /** A name without escapes, its case kept. */
  #readName(from: number): number {
    const text = this.#text;
    const start = this.octets;
    let labelAt = start;
    let size = start + 1;
    let at = from;
    for (; ; at++) {
      const code = text.charCodeAt(at);
      const kind = kinds[code];
      if (kind === LETTER || kind === CAPITAL) {
        plainRdata[size++] = code;
        if (size - start > limits.nameBytes) return -1;
      } else if (kind === DOT) {
        const octets = size - labelAt - 1;
        if (octets === 0 || octets > limits.labelBytes) return -1;
        plainRdata[labelAt] = octets;
        labelAt = size++;
      } else break;
    }
    const octets = size - labelAt - 1;
    if (at === from || octets > limits.labelBytes) return -1;
    plainRdata[labelAt] = octets;
    if (octets > 0) {
      plainRdata.set(this.originWire, size);
      size += this.originWire.length;
    }
    if (size - start > limits.nameBytes) return -1;
    this.octets = size;
    return at;
  }

  /**
   * Reads a decimal number behind which a blank stands; where it ends, or -1.
   * What it was is `number`.
   */
  readNumber(from: number, most: number): number {
    const text = this.#text;
    let value = 0;
    let at = from;
    for (; ; at++) {
      const digit = text.charCodeAt(at) - 0x30;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
      if (value > most) return -1;
    }
    this.number = value;
    return at > from && kinds[text.charCodeAt(at)] === BLANK ? at : -1;
  }
}

/** The first place from one on where no white space stands. */
export function skipBlanks(text: string, from: number): number {
  let at = from;
  while (kinds[text.charCodeAt(at)] === BLANK) at++;
  return at;
}
