import { limits } from '../../base/limits.ts';
import { rangeFailure, shown, syntaxFailure } from '../failures.ts';
import type { Field, RdataError } from '../types.ts';
import { formatGeneric, isGeneric, parseGeneric } from './generic.ts';
import { OctetWriter } from './octet-writer.ts';

/** How the rdata of one type is read, printed and checked. */
export interface RdataCodec {
  /**
   * Reads a record's fields into uncompressed wire rdata; relative names are completed by `origin`.
   * Every type also takes the generic form `\# length hex` (RFC 3597 §5), whose octets are validated.
   */
  parse(fields: readonly Field[], origin: string): Uint8Array | RdataError;
  /** Prints rdata so that `parse` gives the same octets; malformed rdata in generic form. */
  format(rdata: Uint8Array): string;
  /** What is wrong with these octets as rdata of this type; undefined when they are well formed. */
  validate(rdata: Uint8Array): RdataError | undefined;
  /** What the rdata consists of, in order; the last part reaches to its end. */
  readonly parts: readonly RdataPart[];
}

/** What may happen to a domain name inside rdata (RFC 3597 §4). */
export type NameUse =
  /** Of RFC 1035: senders may compress it. */
  | 'compressible'
  /** Old senders compressed it, so receivers decompress it; nobody compresses it any more. */
  | 'decompressible'
  /** Never compressed. */
  | 'plain';

/** What a part may want to know about its record. */
export interface RecordContext {
  /** The type's name, for messages. */
  readonly type: string;
  /** Absolute name that completes relative ones. */
  readonly origin: string;
}

/** One part of an rdata: an integer, a name, a string, the rest. */
export interface RdataPart {
  /** What usage lines and messages call it: `preference`. */
  readonly label: string;
  /** Reads the fields from `index` on; returns how many it took. At least one is there. */
  read(
    fields: readonly Field[],
    index: number,
    out: OctetWriter,
    context: RecordContext,
  ): number | RdataError;
  /** Octets that the part takes at `at`; -1 when it is malformed or does not end before `end`. */
  measure(bytes: Uint8Array, at: number, end: number): number;
  /** Prints the octets from `at` to `end`, which `measure` has accepted. */
  print(bytes: Uint8Array, at: number, end: number): string;
  /** Set when the part is a domain name. */
  readonly name?: NameUse;
  /** True when the part may be left out of a record. */
  readonly optional?: boolean;
}

const writer = new OctetWriter();

/**
 * Makes the codec of a type whose rdata is a row of parts. `check` looks at what no single part can
 * see; it is given rdata of the right structure.
 */
export function sequence(
  type: string,
  parts: readonly RdataPart[],
  check: (rdata: Uint8Array) => RdataError | undefined = () => undefined,
): RdataCodec {
  const validate = (rdata: Uint8Array) => structureProblem(type, parts, rdata) ?? check(rdata);
  return {
    parts,
    validate,
    parse(fields, origin) {
      if (isGeneric(fields)) return parseGeneric(type, fields, validate);
      const failure = readParts(parts, fields, { type, origin });
      if (failure !== undefined) return failure;
      const rdata = writer.finish();
      return check(rdata) ?? rdata;
    },
    format(rdata) {
      if (validate(rdata) !== undefined) return formatGeneric(rdata);
      let text = '';
      let at = 0;
      for (const part of parts) {
        const end = at + part.measure(rdata, at, rdata.length);
        const printed = part.print(rdata, at, end);
        if (text !== '' && printed !== '') text += ' ';
        text += printed;
        at = end;
      }
      return text;
    },
  };
}

function readParts(
  parts: readonly RdataPart[],
  fields: readonly Field[],
  context: RecordContext,
): RdataError | undefined {
  writer.reset();
  let index = 0;
  for (const part of parts) {
    if (index >= fields.length) {
      if (part.optional === true) break;
      return syntaxFailure(
        `${context.type} misses its ${part.label}; write ${usage(context.type, parts)}`,
      );
    }
    const taken = part.read(fields, index, writer, context);
    if (typeof taken !== 'number') return taken;
    index += taken;
  }
  const extra = fields[index];
  if (extra !== undefined) {
    return syntaxFailure(
      `${context.type} has ${shown(extra.text)} too many; write ${usage(context.type, parts)}`,
    );
  }
  return writer.overflowed ? tooLong(context.type) : undefined;
}

function structureProblem(
  type: string,
  parts: readonly RdataPart[],
  rdata: Uint8Array,
): RdataError | undefined {
  if (rdata.length > limits.messageBytes) return tooLong(type);
  let at = 0;
  for (const part of parts) {
    const bytes = part.measure(rdata, at, rdata.length);
    if (bytes < 0) {
      return syntaxFailure(
        `${type} rdata of ${rdata.length} octets is malformed at its ${part.label} (octet ${at}); correct it`,
      );
    }
    at += bytes;
  }
  if (at === rdata.length) return undefined;
  return syntaxFailure(
    `${type} rdata has ${rdata.length - at} octets too many after its ${at}; remove them`,
  );
}

function tooLong(type: string): RdataError {
  return rangeFailure(`${type} rdata is over ${limits.messageBytes} octets; shorten it`);
}

function usage(type: string, parts: readonly RdataPart[]): string {
  return [type, ...parts.map((part) => `<${part.label}>`)].join(' ');
}

/**
 * The domain names inside well-formed rdata, by where they stand; those that could be reached before
 * a fault when it is malformed.
 */
export function namesIn(
  parts: readonly RdataPart[],
  rdata: Uint8Array,
): { at: number; bytes: number; use: NameUse }[] {
  const names: { at: number; bytes: number; use: NameUse }[] = [];
  let at = 0;
  for (const part of parts) {
    const bytes = part.measure(rdata, at, rdata.length);
    if (bytes < 0) break;
    if (part.name !== undefined) names.push({ at, bytes, use: part.name });
    at += bytes;
  }
  return names;
}

/** Makes the codec of a type that is only carried: text in generic form, nothing checked. */
export function carried(type: string, parts: readonly RdataPart[] = []): RdataCodec {
  return {
    parts,
    validate: (rdata) => (rdata.length > limits.messageBytes ? tooLong(type) : undefined),
    parse(fields) {
      if (isGeneric(fields)) return parseGeneric(type, fields, this.validate);
      return syntaxFailure(`${type} has no text form here; write \\# <length> <hex> (RFC 3597 §5)`);
    },
    format: formatGeneric,
  };
}
