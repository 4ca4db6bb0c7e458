import { shown, syntaxFailure } from '../failures.ts';
import type { Field, RdataError } from '../types.ts';
import type { RdataPart } from './codec.ts';

/** Reads the hex digits of all fields from `index` on, in any case; white space may cut them anywhere. */
export function parseHex(fields: readonly Field[], index: number): Uint8Array | RdataError {
  const text = joined(fields, index);
  if (!/^[0-9a-fA-F]*$/.test(text)) {
    return syntaxFailure(`${shown(text)} is not hex; write digits 0-9 and a-f`);
  }
  if (text.length % 2 !== 0) {
    return syntaxFailure(`${shown(text)} has an odd number of hex digits; write two per octet`);
  }
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** Reads the Base64 (RFC 4648 §4) of all fields from `index` on. */
export function parseBase64(fields: readonly Field[], index: number): Uint8Array | RdataError {
  const text = joined(fields, index);
  const bytes = Buffer.from(text, 'base64');
  // Node skips what it cannot read; only text that comes back the same was Base64.
  if (bytes.toString('base64') !== text) {
    return syntaxFailure(`${shown(text)} is not Base64; write A-Z a-z 0-9 + / padded with =`);
  }
  return new Uint8Array(bytes);
}

/** Hex digits to the end of the record, at least one octet. */
export function hexRest(label: string): RdataPart {
  return rest(label, parseHex, (bytes) => bytes.toString('hex').toUpperCase());
}

/** Base64 to the end of the record, at least one octet. */
export function base64Rest(label: string): RdataPart {
  return rest(label, parseBase64, (bytes) => bytes.toString('base64'));
}

function rest(
  label: string,
  parse: (fields: readonly Field[], index: number) => Uint8Array | RdataError,
  print: (bytes: Buffer) => string,
): RdataPart {
  return {
    label,
    read(fields, index, out, { type }) {
      const bytes = parse(fields, index);
      if (!(bytes instanceof Uint8Array)) {
        return { code: bytes.code, message: `${type} ${label} ${bytes.message}` };
      }
      if (bytes.length === 0) return syntaxFailure(`${type} ${label} is empty; write it`);
      out.append(bytes);
      return fields.length - index;
    },
    measure: (_bytes, at, end) => (end > at ? end - at : -1),
    print: (bytes, at, end) => print(Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at)),
  };
}

function joined(fields: readonly Field[], index: number): string {
  if (index === fields.length - 1) return fields[index]?.text ?? '';
  return fields
    .slice(index)
    .map((field) => field.text)
    .join('');
}
