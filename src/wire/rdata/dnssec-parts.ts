import { rangeFailure, shown, syntaxFailure } from '../failures.ts';
import { typeName, typeNumber } from '../type-names.ts';
import type { RdataPart } from './codec.ts';
import { parseHex } from './encoded.ts';
import { parseUnsigned, readUnsigned } from './numbers.ts';

const maxU32 = 0xffff_ffff;

/** A type by its name, 16 bits. */
export function typeField(label: string): RdataPart {
  return {
    label,
    read(fields, index, out, { type }) {
      const text = fields[index]?.text ?? '';
      const number = wireType(text);
      if (number === undefined) return unknownType(type, label, text);
      out.u16(number);
      return 1;
    },
    measure: (_bytes, at, end) => (at + 2 <= end ? 2 : -1),
    print: (bytes, at) => typeName(readUnsigned(bytes, at, 2)),
  };
}

/** A moment as YYYYMMDDHHmmSS in UTC or as seconds since 1970, 32 bits (RFC 4034 §3.2). */
export function signatureTime(label: string): RdataPart {
  return {
    label,
    read(fields, index, out, { type }) {
      const text = fields[index]?.text ?? '';
      const seconds = text.length === 14 ? parseMoment(text) : parseUnsigned(text, maxU32);
      if (seconds < 0) {
        return rangeFailure(
          `${type} ${label} ${shown(text)} is no moment from 1970 to 2106; write it as YYYYMMDDHHmmSS`,
        );
      }
      out.u32(seconds);
      return 1;
    },
    measure: (_bytes, at, end) => (at + 4 <= end ? 4 : -1),
    print: (bytes, at) => formatMoment(readUnsigned(bytes, at, 4)),
  };
}

function parseMoment(text: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return -1;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const seconds = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  if (seconds < 0 || seconds > maxU32) return -1;
  // Date.UTC takes the 31st of February for a day of March.
  return formatMoment(seconds) === text ? seconds : -1;
}

function formatMoment(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/[-:T]|\.000Z/g, '');
}

/** A length octet and so many octets in hex; `-` for none (RFC 5155 §3.3). */
export function lengthHex(label: string): RdataPart {
  return {
    label,
    read(fields, index, out, { type }) {
      const text = fields[index]?.text ?? '';
      const octets = text === '-' ? new Uint8Array(0) : parseHex(fields.slice(index, index + 1), 0);
      if (!(octets instanceof Uint8Array)) {
        return { code: octets.code, message: `${type} ${label} ${octets.message}` };
      }
      if (octets.length > 255) {
        return rangeFailure(`${type} ${label} is ${octets.length} octets; write 255 at most`);
      }
      if (octets.length === 0 && text !== '-') {
        return syntaxFailure(`${type} ${label} is empty; write - for none`);
      }
      out.u8(octets.length);
      out.append(octets);
      return 1;
    },
    measure: (bytes, at, end) => measureCounted(bytes, at, end, 0),
    print(bytes, at, end) {
      if (end === at + 1) return '-';
      return Buffer.from(bytes.subarray(at + 1, end))
        .toString('hex')
        .toUpperCase();
    },
  };
}

const base32Digits = '0123456789ABCDEFGHIJKLMNOPQRSTUV';

/** A length octet and 1 to 255 octets in Base32hex without padding (RFC 5155 §3.3). */
export function lengthBase32(label: string): RdataPart {
  return {
    label,
    read(fields, index, out, { type }) {
      const text = (fields[index]?.text ?? '').toUpperCase();
      const octets = parseBase32(text);
      if (octets === undefined || octets.length === 0 || octets.length > 255) {
        return syntaxFailure(
          `${type} ${label} ${shown(text)} is not Base32hex of 1 to 255 octets; write digits 0-9 A-V`,
        );
      }
      out.u8(octets.length);
      out.append(octets);
      return 1;
    },
    measure: (bytes, at, end) => measureCounted(bytes, at, end, 1),
    print: (bytes, at, end) => formatBase32(bytes.subarray(at + 1, end)),
  };
}

function measureCounted(bytes: Uint8Array, at: number, end: number, min: number): number {
  const count = at < end ? (bytes[at] ?? 0) : -1;
  return count >= min && at + 1 + count <= end ? count + 1 : -1;
}

function parseBase32(text: string): Uint8Array | undefined {
  const octets: number[] = [];
  let bits = 0;
  let held = 0;
  for (const character of text) {
    const digit = base32Digits.indexOf(character);
    if (digit < 0) return undefined;
    held = ((held << 5) | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      octets.push((held >>> bits) & 0xff);
    }
  }
  // What is left over must be padding bits of the last digit, all zero, and less than a digit.
  return bits < 5 && (held & ((1 << bits) - 1)) === 0 ? Uint8Array.from(octets) : undefined;
}

function formatBase32(octets: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const octet of octets) {
    held = ((held << 8) | octet) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += base32Digits[(held >>> bits) & 31];
    }
  }
  return bits === 0 ? text : text + base32Digits[(held << (5 - bits)) & 31];
}

/** A set of types in windows of 256 to the end of the record (RFC 4034 §4.1.2); may be empty. */
export const typeBitmap: RdataPart = {
  label: 'types',
  optional: true,
  read(fields, index, out, { type }) {
    const numbers = new Set<number>();
    for (const { text } of fields.slice(index)) {
      const number = wireType(text);
      if (number === undefined) return unknownType(type, 'types', text);
      numbers.add(number);
    }
    const windows = new Map<number, Uint8Array>();
    for (const number of [...numbers].sort((a, b) => a - b)) {
      const window = windows.get(number >>> 8) ?? new Uint8Array(32);
      windows.set(number >>> 8, window);
      window[(number & 255) >>> 3]! |= 0x80 >>> (number & 7);
    }
    for (const [number, window] of windows) {
      let used = 32;
      while (window[used - 1] === 0) used--;
      out.u8(number);
      out.u8(used);
      out.append(window.subarray(0, used));
    }
    return fields.length - index;
  },
  measure(bytes, at, end) {
    let last = -1;
    for (let next = at; next < end; ) {
      const number = bytes[next] ?? 0;
      const used = next + 1 < end ? (bytes[next + 1] ?? 0) : 0;
      const windowEnd = next + 2 + used;
      if (number <= last || used === 0 || used > 32 || windowEnd > end) return -1;
      if (bytes[windowEnd - 1] === 0) return -1;
      last = number;
      next = windowEnd;
    }
    return end - at;
  },
  print(bytes, at, end) {
    const names: string[] = [];
    for (let next = at; next < end; next += 2 + (bytes[next + 1] ?? 0)) {
      const used = bytes[next + 1] ?? 0;
      for (let bit = 0; bit < used * 8; bit++) {
        const set = (bytes[next + 2 + (bit >>> 3)] ?? 0) & (0x80 >>> (bit & 7));
        if (set !== 0) names.push(typeName((bytes[next] ?? 0) * 256 + bit));
      }
    }
    return names.join(' ');
  },
};

/** The number of a type that the wire can carry: not STEER. */
function wireType(text: string): number | undefined {
  const number = typeNumber(text);
  return number !== undefined && number <= 0xffff ? number : undefined;
}

function unknownType(type: string, label: string, text: string) {
  return {
    code: 'E_TYPE_UNKNOWN',
    message: `${type} ${label} ${shown(text)} is no type; write its name or TYPEnnn`,
  } as const;
}
