import { errorText, MeridianError } from '../base/errors.ts';
import { formatPrefix, parsePrefix } from '../base/ip.ts';
import { rrsetId } from '../control/object-ids.ts';
import { isAtOrBelow, nameKey } from '../wire/names.ts';
import { typeName, typeNumber } from '../wire/type-names.ts';
import type { NameKey } from '../zone/zone.ts';

/** An RRset as a path names it. */
export interface RRsetAddress {
  readonly owner: NameKey;
  readonly type: number;
  /** `A`, `STEER`, `TYPE65280`. */
  readonly typeName: string;
  /** The object's id: `example.com./www.example.com./A`. */
  readonly id: string;
}

/** The zone that a path names, with or without its final dot; throws `E_QUERY`. */
export function readZoneName(text: string): NameKey {
  return readName(text);
}

/**
 * The owner name that a path names: absolute with a final dot; `@` for the apex; else relative to the
 * zone, unless it already ends in the zone's name (`www.example.com` in `example.com`).
 * Throws `E_QUERY` for what is no name or lies outside the zone.
 */
export function readOwner(text: string, origin: NameKey): NameKey {
  if (text === '@') return origin;
  const absolute = readName(text);
  if (isAtOrBelow(absolute, origin)) return absolute;
  if (!isAbsolute(text)) return readName(`${text}.${origin === '.' ? '' : origin}`);
  throw badPath(`${show(text)} is not in zone ${origin}; name the zone that holds it`);
}

/** The type that a path names, in any case; throws `E_QUERY`. */
export function readType(text: string): { type: number; typeName: string } {
  const type = typeNumber(text.toUpperCase());
  if (type === undefined) {
    throw badPath(`${show(text)} is no record type; write A, STEER, TYPE65280 …`);
  }
  return { type, typeName: typeName(type) };
}

/** The RRset that a path names. */
export function readRRsetAddress(origin: NameKey, owner: string, type: string): RRsetAddress {
  const key = readOwner(owner, origin);
  const known = readType(type);
  return { owner: key, ...known, id: rrsetId(origin, key, known.type) };
}

/** The canonical text of the prefix that a path names; a bare address is its full length. */
export function readPrefix(text: string): string {
  const prefix = parsePrefix(text);
  if (prefix !== undefined) return formatPrefix(prefix);
  throw badPath(
    `${show(text)} is no prefix without bits beyond its length; write 203.0.113.0%2F24`,
  );
}

/** A value made fit to be one segment of a path. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}

function readName(text: string): NameKey {
  try {
    return nameKey(text);
  } catch (error) {
    throw badPath(errorText(error));
  }
}

/** True when the final dot is one, and not an escaped character of the last label. */
function isAbsolute(text: string): boolean {
  return /(^|[^\\])(\\\\)*\.$/.test(text);
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

function badPath(message: string): MeridianError {
  return new MeridianError({ code: 'E_QUERY', message });
}
