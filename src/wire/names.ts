import { domainToASCII } from 'node:url';
import { MeridianError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { readEscape } from './escapes.ts';
import { shown } from './failures.ts';
import { isRdataError, type RdataError } from './types.ts';

// A name in its three forms:
//
//   presentation  WWW.ex\.ample.Com.            what operators write and read
//   wire          3 WWW 9 ex.ample 3 Com 0      uncompressed octets, case kept (RFC 1035 §3.1)
//   key           www.ex\.ample.com.            presentation, lower case, one spelling per name

const DOT = 0x2e;
const BACKSLASH = 0x5c;

const PLAIN = 0;
const SPECIAL = 1;
const ODD = 2;

/** How each octet of a label is printed: as it is, behind a backslash, or as `\DDD`. */
const printing = new Uint8Array(256).fill(ODD).fill(PLAIN, 0x21, 0x7f);
for (const special of '."\\();@$') printing[special.charCodeAt(0)] = SPECIAL;

/** Characters that must be escaped inside a label, besides those outside ASCII. */
const mustEscape = new Uint8Array(128).fill(1, 0, 0x21).fill(1, 0x7f);
for (const special of '"();') mustEscape[special.charCodeAt(0)] = 1;

const upperCase = new Uint8Array(128).fill(1, 0x41, 0x5b);
const sameCase = Uint8Array.from({ length: 256 }, (_, octet) => octet);
const lowerCase = sameCase.map((octet) => (upperCase[octet] === 1 ? octet + 0x20 : octet));

/** The root name on the wire: one zero octet. */
export const rootName: Uint8Array = new Uint8Array(1);

const wireScratch = new Uint8Array(limits.nameBytes);
const textScratch = Buffer.alloc(limits.nameBytes * 4);

let lastOrigin = '.';
let lastOriginBytes: Uint8Array = rootName;

/**
 * Reads a presentation name (RFC 1035 §5.1) into uncompressed wire octets, case kept. A name without
 * a final dot is completed by `origin` (absolute, with or without its final dot); `@` is the origin.
 * Returns E_NAME_SYNTAX or E_NAME_TOO_LONG, never throws.
 */
export function parseName(text: string, origin?: string): Uint8Array | RdataError {
  if (text === '.') return rootName.slice();
  if (text === '')
    return malformed(text, 'is empty; write a name, @ for the origin or . for the root');
  const suffix = origin === undefined ? undefined : wireOrigin(origin);
  if (isRdataError(suffix)) return suffix;
  if (text === '@') return suffix === undefined ? noOrigin(text) : suffix.slice();
  const out = wireScratch;
  let labelAt = 0;
  let at = 1;
  for (let index = 0; index < text.length; index++) {
    let octet = text.charCodeAt(index);
    if (octet === DOT) {
      if (at - labelAt === 1) return malformed(text, 'has an empty label; remove one dot');
      out[labelAt] = at - labelAt - 1;
      labelAt = at++;
      if (labelAt >= limits.nameBytes) return nameTooLong(text);
      continue;
    }
    if (octet === BACKSLASH) {
      const escaped = readEscape(text, index);
      if (escaped < 0) {
        return malformed(
          text,
          'has a malformed escape; write \\X, or \\DDD with DDD from 000 to 255',
        );
      }
      octet = escaped >> 3;
      index += (escaped & 7) - 1;
    } else if (mustEscape[octet] !== 0) {
      return unusableCharacter(text, octet);
    }
    if (at - labelAt > limits.labelBytes) return labelTooLong(text);
    if (at >= limits.nameBytes) return nameTooLong(text);
    out[at++] = octet;
  }
  if (at - labelAt === 1) {
    out[labelAt] = 0;
    return out.slice(0, at);
  }
  out[labelAt] = at - labelAt - 1;
  if (suffix === undefined) return noOrigin(text);
  if (at + suffix.length > limits.nameBytes) return nameTooLong(text, origin);
  const name = new Uint8Array(at + suffix.length);
  for (let index = 0; index < at; index++) name[index] = out[index]!;
  name.set(suffix, at);
  return name;
}

/**
 * Octets of the uncompressed wire name at `at`, its root included; -1 when it is malformed, over 255
 * octets, or does not end before `end`.
 */
export function nameBytes(bytes: Uint8Array, at = 0, end = bytes.length): number {
  const last = Math.min(end, at + limits.nameBytes);
  let next = at;
  while (next < last) {
    const length = bytes[next]!;
    if (length === 0) return next + 1 - at;
    if (length > limits.labelBytes) return -1;
    next += length + 1;
  }
  return -1;
}

/**
 * Prints the uncompressed wire name at `at`: absolute, with its final dot, case kept, escaped.
 * Throws a RangeError when the name is malformed (`nameBytes` tells).
 */
export function formatName(bytes: Uint8Array, at = 0): string {
  return printName(bytes, at, sameCase);
}

/** The key of the uncompressed wire name at `at`; throws a RangeError when the name is malformed. */
export function wireNameKey(bytes: Uint8Array, at = 0): string {
  return printName(bytes, at, lowerCase);
}

/**
 * The key of a presentation name: absolute, ASCII lower case, escapes normalised, so that equal names
 * have equal keys (RFC 4343). A missing final dot is added.
 * Throws a MeridianError with E_NAME_SYNTAX or E_NAME_TOO_LONG.
 */
export function nameKey(text: string): string {
  let labelChars = 0;
  let folds = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT && labelChars > 0) {
      labelChars = 0;
    } else if (printing[code] === PLAIN && labelChars < limits.labelBytes) {
      labelChars++;
      folds |= upperCase[code]!;
    } else {
      return unusualNameKey(text);
    }
  }
  const chars = labelChars > 0 ? text.length + 1 : text.length;
  if (chars >= limits.nameBytes || text === '') return unusualNameKey(text);
  const lower = folds === 0 ? text : text.toLowerCase();
  return labelChars > 0 ? `${lower}.` : lower;
}

/** A copy of a wire name, or of any run of labels, in lower case (ASCII only, RFC 4343 §3). */
export function lowerCaseWireName(bytes: Uint8Array): Uint8Array {
  const lower = new Uint8Array(bytes.length);
  // Length octets are below 64 and so never mistaken for letters.
  for (let index = 0; index < bytes.length; index++) lower[index] = lowerCase[bytes[index]!]!;
  return lower;
}

/** The key of the name one label up; undefined for the root. */
export function parentKey(key: string): string | undefined {
  if (key === '.') return undefined;
  const parent = key.slice(labelEnd(key, 0) + 1);
  return parent === '' ? '.' : parent;
}

/** True when the name is the ancestor itself or anywhere below it. Both are keys. */
export function isAtOrBelow(key: string, ancestorKey: string): boolean {
  if (ancestorKey === '.' || key === ancestorKey) return true;
  if (!key.endsWith(ancestorKey)) return false;
  const border = key.length - ancestorKey.length - 1;
  if (key.charCodeAt(border) !== DOT) return false;
  // A dot after an odd number of backslashes belongs to a label.
  let backslashes = 0;
  while (key.charCodeAt(border - 1 - backslashes) === BACKSLASH) backslashes++;
  return backslashes % 2 === 0;
}

/** The labels of a key as presentation text, leftmost first; none for the root. */
export function labelsOf(key: string): string[] {
  const labels: string[] = [];
  if (key === '.') return labels;
  for (let at = 0; at < key.length; ) {
    const end = labelEnd(key, at);
    labels.push(key.slice(at, end));
    at = end + 1;
  }
  return labels;
}

/**
 * Orders two well-formed wire names canonically (RFC 4034 §6.1): by labels from the right, as lower
 * case octets, a missing octet or label first. Negative, 0 or positive.
 */
export function compareNames(a: Uint8Array, b: Uint8Array): number {
  const startsA = labelStarts(a);
  const startsB = labelStarts(b);
  let left = startsA.length;
  let right = startsB.length;
  while (left > 0 && right > 0) {
    const order = compareLabels(a, startsA[--left]!, b, startsB[--right]!);
    if (order !== 0) return order;
  }
  return left - right;
}

/** Orders two keys as `compareNames` orders their names. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const left = parseName(a, '.');
  const right = parseName(b, '.');
  if (isRdataError(left) || isRdataError(right)) throw new RangeError('not a name key');
  return compareNames(left, right);
}

/** Where the label that begins at `at` ends: at its unescaped dot. */
function labelEnd(key: string, at: number): number {
  let end = at;
  while (end < key.length && key.charCodeAt(end) !== DOT) {
    end += key.charCodeAt(end) === BACKSLASH ? 2 : 1;
  }
  return end;
}

function labelStarts(name: Uint8Array): number[] {
  const starts: number[] = [];
  for (let at = 0; name[at]! !== 0 && at < name.length; at += name[at]! + 1) starts.push(at);
  return starts;
}

function compareLabels(a: Uint8Array, atA: number, b: Uint8Array, atB: number): number {
  const bytesA = a[atA]!;
  const bytesB = b[atB]!;
  const shared = Math.min(bytesA, bytesB);
  for (let index = 1; index <= shared; index++) {
    const order = lowerCase[a[atA + index]!]! - lowerCase[b[atB + index]!]!;
    if (order !== 0) return order;
  }
  return bytesA - bytesB;
}

function printName(bytes: Uint8Array, at: number, fold: Uint8Array): string {
  const size = nameBytes(bytes, at);
  if (size < 0) throw new RangeError('a wire name is malformed');
  if (size === 1) return '.';
  const out = textScratch;
  let written = 0;
  for (let labelAt = at; bytes[labelAt] !== 0; labelAt += bytes[labelAt]! + 1) {
    const labelEnd = labelAt + bytes[labelAt]!;
    for (let index = labelAt + 1; index <= labelEnd; index++) {
      const octet = bytes[index]!;
      const kind = printing[octet];
      if (kind !== PLAIN) out[written++] = BACKSLASH;
      if (kind === ODD) {
        out[written++] = 0x30 + Math.trunc(octet / 100);
        out[written++] = 0x30 + (Math.trunc(octet / 10) % 10);
        out[written++] = 0x30 + (octet % 10);
      } else {
        out[written++] = fold[octet]!;
      }
    }
    out[written++] = DOT;
  }
  return out.toString('latin1', 0, written);
}

/** The wire form of an origin; a whole file shares one, so the last is remembered. */
function wireOrigin(origin: string): Uint8Array | RdataError {
  if (origin === lastOrigin) return lastOriginBytes;
  const bytes = parseName(origin, '.');
  if (isRdataError(bytes)) return bytes;
  lastOrigin = origin;
  lastOriginBytes = bytes;
  return bytes;
}

function unusualNameKey(text: string): string {
  const bytes = text === '@' ? noOrigin(text) : parseName(text, '.');
  if (isRdataError(bytes)) throw new MeridianError(bytes);
  return wireNameKey(bytes);
}

function malformed(text: string, what: string): RdataError {
  return { code: 'E_NAME_SYNTAX', message: `name ${shown(text)} ${what}` };
}

function noOrigin(text: string): RdataError {
  return malformed(text, 'is relative where no origin is known; write it in full with a final dot');
}

function unusableCharacter(text: string, code: number): RdataError {
  if (code > 0x7f) {
    const ascii = domainToASCII(text);
    const remedy = ascii === '' ? 'its A-label (xn--…)' : shown(ascii);
    return malformed(text, `holds a character outside ASCII; write ${remedy}`);
  }
  const character = JSON.stringify(String.fromCharCode(code));
  const escaped = `\\${String(code).padStart(3, '0')}`;
  return malformed(text, `holds ${character}; remove it, or write ${escaped} if it belongs there`);
}

function labelTooLong(text: string): RdataError {
  const message = `name ${shown(text)} has a label over ${limits.labelBytes} octets; shorten it`;
  return { code: 'E_NAME_TOO_LONG', message };
}

function nameTooLong(text: string, origin?: string): RdataError {
  const where = origin === undefined ? '' : ` below ${shown(origin)}`;
  const message = `name ${shown(text)}${where} is over ${limits.nameBytes} octets; shorten it`;
  return { code: 'E_NAME_TOO_LONG', message };
}
