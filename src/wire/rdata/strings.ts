import { decimalEscape, readEscape } from '../escapes.ts';
import { rangeFailure, shown, syntaxFailure } from '../failures.ts';
import type { RdataError } from '../types.ts';
import type { RdataPart } from './codec.ts';
import type { OctetWriter } from './octet-writer.ts';

/** The longest character-string, in octets (RFC 1035 §3.3). */
const characterStringBytes = 255;

/**
 * Writes the octets of a text with escapes (RFC 1035 §5.1) and returns how many; characters outside
 * ASCII become their UTF-8 octets.
 */
export function writeText(text: string, out: OctetWriter): number | RdataError {
  const from = out.length;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x5c) {
      const escaped = readEscape(text, index);
      if (escaped < 0) {
        return syntaxFailure(
          `${shown(text)} has a malformed escape; write \\X, or \\DDD with DDD from 000 to 255`,
        );
      }
      out.u8(escaped >> 3);
      index += (escaped & 7) - 1;
    } else if (code < 0x80) {
      out.u8(code);
    } else {
      const point = text.codePointAt(index) ?? 0;
      out.append(Buffer.from(String.fromCodePoint(point)));
      if (point > 0xffff) index++;
    }
  }
  return out.length - from;
}

/** Prints octets as quoted text: `"` and `\` escaped, octets outside printable ASCII as `\DDD`. */
export function quotedText(bytes: Uint8Array, at: number, end: number): string {
  let text = Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('latin1');
  if (/[^ !#-[\]-~]/.test(text)) {
    text = text.replace(/[^ !#-[\]-~]/g, (character) => {
      const escaped = character === '"' || character === '\\';
      return escaped ? `\\${character}` : decimalEscape(character.charCodeAt(0));
    });
  }
  return `"${text}"`;
}

function writeCharacterString(
  text: string,
  out: OctetWriter,
  what: string,
): RdataError | undefined {
  const lengthAt = out.length;
  out.u8(0);
  const bytes = writeText(text, out);
  if (typeof bytes !== 'number') return { code: bytes.code, message: `${what} ${bytes.message}` };
  if (bytes > characterStringBytes) {
    return rangeFailure(
      `${what} ${shown(text)} is ${bytes} octets; a string holds at most ${characterStringBytes}, split it into several`,
    );
  }
  out.setU8(lengthAt, bytes);
  return undefined;
}

function characterStringOctets(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return -1;
  const octets = 1 + (bytes[at] ?? 0);
  return at + octets <= end ? octets : -1;
}

/** One character-string: a length octet and up to 255 octets. */
export function characterString(label: string): RdataPart {
  return {
    label,
    read(fields, index, out, { type }) {
      const text = fields[index]?.text ?? '';
      return writeCharacterString(text, out, `${type} ${label}`) ?? 1;
    },
    measure: characterStringOctets,
    print: (bytes, at, end) => quotedText(bytes, at + 1, end),
  };
}

/** One or more character-strings to the end of the record. */
export function characterStrings(label: string): RdataPart {
  return {
    label,
    read(fields, index, out, { type }) {
      for (let next = index; next < fields.length; next++) {
        const failure = writeCharacterString(fields[next]?.text ?? '', out, `${type} ${label}`);
        if (failure !== undefined) return failure;
        // A long record of many strings would otherwise be read to its end for nothing.
        if (out.overflowed) break;
      }
      return fields.length - index;
    },
    measure(bytes, at, end) {
      let next = at;
      do {
        const octets = characterStringOctets(bytes, next, end);
        if (octets < 0) return -1;
        next += octets;
      } while (next < end);
      return end - at;
    },
    print(bytes, at, end) {
      const strings: string[] = [];
      for (let next = at; next < end; ) {
        const stringEnd = next + 1 + (bytes[next] ?? 0);
        strings.push(quotedText(bytes, next + 1, stringEnd));
        next = stringEnd;
      }
      return strings.join(' ');
    },
  };
}

/** Quoted octets to the end of the record, without a length of their own; `minOctets` or more. */
export function textRest(label: string, minOctets: 0 | 1): RdataPart {
  return {
    label,
    read(fields, index, out, { type }) {
      const octets = writeText(fields[index]?.text ?? '', out);
      if (typeof octets !== 'number') {
        return { code: octets.code, message: `${type} ${label} ${octets.message}` };
      }
      if (octets < minOctets) return syntaxFailure(`${type} ${label} is empty; write it`);
      return 1;
    },
    measure: (_bytes, at, end) => (end - at >= minOctets ? end - at : -1),
    print: quotedText,
  };
}
