import type { ErrorCode, Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { formatName, parseName } from '../wire/names.ts';
import { rdataCodec } from '../wire/rdata/registry.ts';
import { typeNumber } from '../wire/type-names.ts';
import { type Field, isRdataError, type RdataError, STEER } from '../wire/types.ts';
import { toOctetText } from './master-files.ts';
import { isMetaType } from './meta-types.ts';
import { quoted } from './problem-list.ts';
import { sameRdata } from './same-rdata.ts';
import { EntryScanner } from './scan-entries.ts';
import { parseSteer, steerService } from './steer.ts';
import type { NameKey, RRset } from './zone.ts';

/** The form in which the API and the store hold an RRset; `values` are rdata as master files write it. */
export interface RRsetJson {
  /** Seconds; may be absent for STEER only. */
  ttl?: number;
  /** Rdata in presentation form, names absolute or relative to the zone. */
  values?: string[];
  /** The service of a STEER, in the place of `values`. */
  steer?: string;
}

/**
 * Makes an RRset of its JSON form, or says everything that is wrong with it, by JSON path. `owner`
 * is absolute or relative to `zoneOrigin`, which also completes relative names in the values.
 * What the RRset may stand beside is `checkZone`'s matter.
 */
export function rrsetFromJson(
  zoneOrigin: NameKey,
  owner: string,
  typeText: string,
  body: Readonly<Record<keyof RRsetJson, unknown>> | object,
): RRset | Problem[] {
  const problems: Problem[] = [];
  const add = (code: ErrorCode, message: string, where?: string) => {
    problems.push(where === undefined ? { code, message } : { code, message, where });
  };
  const wire = parseName(owner, zoneOrigin);
  if (isRdataError(wire)) add(wire.code, `owner ${quoted(owner)}: ${wire.message}`);
  const type = typeNumber(typeText);
  if (type === undefined) {
    add('E_TYPE_UNKNOWN', `type ${quoted(typeText)} is not known; write TYPEnnn for one by number`);
  } else if (isMetaType(type)) {
    add('E_ZONE_TYPE', `${quoted(typeText)} is a type of queries; it cannot be in a zone`);
  }
  const read = readBody(zoneOrigin, type, body, add);
  if (problems.length > 0 || isRdataError(wire) || type === undefined) return problems;
  return { owner: formatName(wire), type, ...read };
}

/**
 * Makes an RRset of a body that `rrsetToJson` has made and of an owner that is a key already; undefined
 * when there is something wrong with it, which `rrsetFromJson` can tell.
 */
export function rrsetFromStored(
  zoneOrigin: NameKey,
  owner: NameKey,
  type: number,
  body: object,
): RRset | undefined {
  let isWrong = isMetaType(type);
  const read = readBody(zoneOrigin, type, body, () => {
    isWrong = true;
  });
  return isWrong ? undefined : { owner, type, ttl: read.ttl, rdatas: read.rdatas };
}

/** Reads what is not in the name of an RRset. What is given back counts when nothing was added. */
function readBody(
  zoneOrigin: NameKey,
  type: number | undefined,
  body: Readonly<Record<keyof RRsetJson, unknown>> | object,
  add: Add,
): { ttl: number | undefined; rdatas: Uint8Array[] } {
  for (const key of Object.keys(body)) {
    if (key !== 'ttl' && key !== 'values' && key !== 'steer') {
      add('E_ZONE_VALUE', `${quoted(key)} is not known; use ttl and values, or steer`, `/${key}`);
    }
  }
  const { ttl, values, steer } = body as { ttl?: unknown; values?: unknown; steer?: unknown };
  checkTtl(ttl, type, add);
  if (type === undefined || isMetaType(type)) return { ttl: undefined, rdatas: [] };
  const rdatas =
    type === STEER
      ? readSteer(values, steer, add)
      : readValues(type, values, steer, zoneOrigin, add);
  return { ttl: ttl as number | undefined, rdatas };
}

/** The JSON form of an RRset; `rrsetFromJson` gives an equal one back. */
export function rrsetToJson(rrset: RRset): RRsetJson {
  const ttl = rrset.ttl === undefined ? {} : { ttl: rrset.ttl };
  const [first] = rrset.rdatas;
  if (rrset.type === STEER && first !== undefined) return { ...ttl, steer: steerService(first) };
  const codec = rdataCodec(rrset.type);
  return { ...ttl, values: rrset.rdatas.map((rdata) => codec.format(rdata)) };
}

/**
 * Cuts one record's data into fields, as in a master file but on one line and without comments:
 * an unquoted `;` would silently swallow the rest of an API value.
 */
export function scanFields(text: string): Field[] | RdataError {
  let error: RdataError | undefined;
  const scanner = new EntryScanner(toOctetText(text), (_line, code, message) => {
    error ??= { code, message };
  });
  const fields: Field[] = [];
  if (scanner.next()) {
    for (let at = 0; at < scanner.count; at++) fields.push(scanner.field(at));
  }
  if (error !== undefined) return error;
  if (/[\r\n]/.test(text)) {
    return { code: 'E_ZONE_SYNTAX', message: 'a value is one line; write a line break as \\010' };
  }
  if (scanner.metComment) {
    return { code: 'E_ZONE_SYNTAX', message: '";" begins a comment; put the text in quotes' };
  }
  return fields;
}

type Add = (code: ErrorCode, message: string, where?: string) => void;

function checkTtl(ttl: unknown, type: number | undefined, add: Add): void {
  if (ttl === undefined) {
    if (type !== STEER) add('E_ZONE_TTL', 'the TTL is missing; give it in seconds', '/ttl');
  } else if (typeof ttl !== 'number' || !Number.isInteger(ttl) || ttl < 0) {
    add('E_ZONE_TTL', `TTL ${show(ttl)} is no number of seconds; give whole seconds`, '/ttl');
  } else if (ttl > limits.ttlSeconds) {
    const message = `TTL ${ttl} is over the limit of ${limits.ttlSeconds} seconds (7 days); lower it`;
    add('E_ZONE_TTL_RANGE', message, '/ttl');
  }
}

function readSteer(values: unknown, steer: unknown, add: Add): Uint8Array[] {
  if (values !== undefined) {
    add('E_ZONE_VALUE', 'STEER has no values; name its service in "steer"', '/values');
  }
  if (typeof steer !== 'string') {
    add('E_ZONE_VALUE', `steer is ${show(steer)}; name a service`, '/steer');
    return [];
  }
  const rdata = parseSteer([{ text: steer, quoted: false }]);
  if (rdata instanceof Uint8Array) return [rdata];
  add(rdata.code, rdata.message, '/steer');
  return [];
}

function readValues(
  type: number,
  values: unknown,
  steer: unknown,
  origin: NameKey,
  add: Add,
): Uint8Array[] {
  if (steer !== undefined) {
    add('E_ZONE_VALUE', 'only STEER hands a name to a service; use type STEER', '/steer');
  }
  if (!Array.isArray(values) || values.length === 0) {
    add('E_ZONE_VALUE', `values is ${show(values)}; give a list of one or more`, '/values');
    return [];
  }
  if (values.length > limits.rrsPerRrset) {
    const message = `${values.length} values are over the limit of ${limits.rrsPerRrset}; split them`;
    add('E_ZONE_RRSET_TOO_LARGE', message, '/values');
    return [];
  }
  const rdatas: Uint8Array[] = [];
  for (const [index, value] of values.entries()) {
    const where = `/values/${index}`;
    const rdata = readValue(type, value, origin);
    if (isRdataError(rdata)) {
      add(rdata.code, rdata.message, where);
      continue;
    }
    if (rdatas.some((other) => sameRdata(type, other, rdata))) {
      add('E_ZONE_DUPLICATE', `${show(value)} is there already; remove one`, where);
    }
    rdatas.push(rdata);
  }
  return rdatas;
}

function readValue(type: number, value: unknown, origin: NameKey): Uint8Array | RdataError {
  if (typeof value !== 'string') {
    return { code: 'E_ZONE_VALUE', message: `${show(value)} is no text; write rdata in a string` };
  }
  const fields = plainField(value) ?? scanFields(value);
  return isRdataError(fields) ? fields : rdataCodec(type).parse(fields, origin);
}

/** The one field of a value that is a word or a quoted text without anything to be escaped. */
function plainField(value: string): Field[] | undefined {
  if (/^[\w.:-]+$/.test(value)) return [{ text: value, quoted: false }];
  if (/^"[ !#-[\]-~]*"$/.test(value)) return [{ text: value.slice(1, -1), quoted: true }];
  return undefined;
}

function show(value: unknown): string {
  return quoted(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'missing'));
}
