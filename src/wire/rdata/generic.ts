import { limits } from '../../base/limits.ts';
import { rangeFailure, shown, syntaxFailure } from '../failures.ts';
import { type Field, isRdataError, type RdataError } from '../types.ts';
import { parseHex } from './encoded.ts';
import { parseUnsigned } from './numbers.ts';

/** True when a record is written in the generic form `\# length hex` (RFC 3597 §5). */
export function isGeneric(fields: readonly Field[]): boolean {
  const first = fields[0];
  return first !== undefined && first.text === '\\#' && !first.quoted;
}

/** Reads the generic form and has `validate` look at the octets. */
export function parseGeneric(
  type: string,
  fields: readonly Field[],
  validate: (rdata: Uint8Array) => RdataError | undefined,
): Uint8Array | RdataError {
  const lengthText = fields[1]?.text;
  if (lengthText === undefined) {
    return syntaxFailure(`${type} misses its length after \\#; write \\# <length> <hex>`);
  }
  const length = parseUnsigned(lengthText, limits.messageBytes);
  if (length < 0) {
    return rangeFailure(
      `${type} length ${shown(lengthText)} is not a number from 0 to ${limits.messageBytes}; correct it`,
    );
  }
  const rdata = parseHex(fields, 2);
  if (isRdataError(rdata)) return rdata;
  if (rdata.length !== length) {
    return syntaxFailure(
      `${type} announces ${length} octets and gives ${rdata.length}; correct the length or the hex`,
    );
  }
  return validate(rdata) ?? rdata;
}

/** Prints octets in the generic form. */
export function formatGeneric(rdata: Uint8Array): string {
  if (rdata.length === 0) return '\\# 0';
  const hex = Buffer.from(rdata.buffer, rdata.byteOffset, rdata.length).toString('hex');
  return `\\# ${rdata.length} ${hex.toUpperCase()}`;
}
