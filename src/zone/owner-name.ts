import { limits } from '../base/limits.ts';
import { formatName, isAtOrBelow, nameKey, parseName } from '../wire/names.ts';
import type { RdataError } from '../wire/types.ts';
import type { NameKey } from './zone.ts';

/** What relative names are completed with, taken apart once. */
export interface Origin {
  /** Absolute presentation form, in the case written. */
  readonly text: string;
  readonly key: NameKey;
  /** Octets on the wire, the root's included. */
  readonly bytes: number;
  /** True when it lies in the zone, so that every name relative to it does. */
  readonly inside: boolean;
}

export interface OwnerName {
  /** Absolute, escapes normalised, in the case written. */
  readonly owner: string;
  readonly key: NameKey;
  /** True at or below the zone's apex. */
  readonly inside: boolean;
}

/** Letters, digits, `-`, `_`, `*`: 1, capitals 2, `.` 4, all others 0. */
const plainCharacters = new Uint8Array(128);
for (const character of 'abcdefghijklmnopqrstuvwxyz0123456789-_*') {
  plainCharacters[character.charCodeAt(0)] = 1;
  plainCharacters[character.toUpperCase().charCodeAt(0)] ||= 2;
}
plainCharacters[0x2e] = 4;

/** Makes an origin from an absolute or relative name; relative ones are completed by `base`. */
export function parseOrigin(text: string, base: string, zone: NameKey): Origin | RdataError {
  const wire = parseName(text, base);
  if (!(wire instanceof Uint8Array)) return wire;
  const written = formatName(wire);
  const key = nameKey(written);
  return { text: written, key, bytes: wire.length, inside: isAtOrBelow(key, zone) };
}

/** Reads an owner name, completed by `origin` when it is relative; `@` is the origin itself. */
export function parseOwner(text: string, origin: Origin, zone: NameKey): OwnerName | RdataError {
  if (text === '@') return { owner: origin.text, key: origin.key, inside: origin.inside };
  const plain = plainForm(text, origin);
  if (plain === undefined) {
    const wire = parseName(text, origin.text);
    if (!(wire instanceof Uint8Array)) return wire;
    const owner = formatName(wire);
    const key = nameKey(owner);
    return { owner, key, inside: isAtOrBelow(key, zone) };
  }
  const relative = text.charCodeAt(text.length - 1) !== 0x2e;
  const tail = originTail(relative, origin.key);
  const key = (plain.capitals ? text.toLowerCase() : text) + tail;
  // The usual lower-case name is one string for both.
  const same = !plain.capitals && origin.text === origin.key;
  const owner = same ? key : text + originTail(relative, origin.text);
  return { owner, key, inside: relative ? origin.inside : isAtOrBelow(key, zone) };
}

function originTail(relative: boolean, origin: string): string {
  if (!relative) return '';
  return origin === '.' ? '.' : `.${origin}`;
}

/**
 * The short way for a name of letters, digits, `-`, `_` and `*` with proper lengths: nothing to
 * unescape, nothing to normalise. Undefined sends the name the long way.
 */
function plainForm(text: string, origin: Origin): { capitals: boolean } | undefined {
  let labelStart = 0;
  let seen = 0;
  const { length } = text;
  for (let at = 0; at < length; at++) {
    const kind = plainCharacters[text.charCodeAt(at)] ?? 0;
    if (kind === 0) return undefined;
    seen |= kind;
    if (kind === 4) {
      if (at === labelStart || at - labelStart > limits.labelBytes) return undefined;
      labelStart = at + 1;
    }
  }
  if (length === 0 || length - labelStart > limits.labelBytes) return undefined;
  const relative = labelStart < length;
  if (length + 1 + (relative ? origin.bytes : 0) > limits.nameBytes) return undefined;
  return (seen & 2) !== 0 ? withCapitals : lowerOnly;
}

const withCapitals = { capitals: true };
const lowerOnly = { capitals: false };

/** A name as the zone's own file would write it: `www`, `@` for the apex, absolute when outside. */
export function relativeName(owner: string, origin: NameKey): string {
  if (owner.length === origin.length && owner.toLowerCase() === origin) return '@';
  const at = origin === '.' ? owner.length - 1 : owner.length - origin.length - 1;
  if (at <= 0 || owner[at] !== '.') return owner;
  if (origin !== '.' && owner.slice(at + 1).toLowerCase() !== origin) return owner;
  // A dot behind an odd number of backslashes is part of a label.
  let escapes = 0;
  while (owner[at - 1 - escapes] === '\\') escapes++;
  return escapes % 2 === 1 ? owner : owner.slice(0, at);
}
