import { rangeFailure, shown, syntaxFailure } from '../failures.ts';
import type { RdataPart } from './codec.ts';

/** Reads a decimal number from 0 to `max`; -1 when it holds anything but digits, -2 when it is over. */
export function parseUnsigned(text: string, max: number): number {
  let value = 0;
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  if (text === '') return -1;
  return value <= max ? value : -2;
}

/** Reads seconds as a number or with units, `1h30m` (RFC 2308 and BIND's habit); -1 or -2 as above. */
export function parsePeriod(text: string, maxSeconds: number): number {
  const plain = parseUnsigned(text, maxSeconds);
  if (plain !== -1) return plain;
  if (!/^(\d+[smhdw])+$/i.test(text)) return -1;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/gi)) {
    seconds += Number(count) * (unitSeconds[(unit ?? 's').toLowerCase()] ?? 1);
  }
  return seconds <= maxSeconds ? seconds : -2;
}

const unitSeconds: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

/** An 8-bit number; `names` are what may stand for it (RFC 4034 Appendix A.1). */
export function u8(label: string, names?: ReadonlyMap<string, number>): RdataPart {
  return unsigned(label, 1, names);
}

/** A 16-bit number. */
export function u16(label: string): RdataPart {
  return unsigned(label, 2);
}

/** A 32-bit number. */
export function u32(label: string): RdataPart {
  return unsigned(label, 4);
}

/** A 32-bit number of seconds, also with units. */
export function period(label: string): RdataPart {
  return unsigned(label, 4, undefined, parsePeriod);
}

/** The number of `bytes` octets at `at`, high octet first. */
export function readUnsigned(octets: Uint8Array, at: number, bytes: number): number {
  let value = 0;
  for (let index = 0; index < bytes; index++) value = value * 256 + (octets[at + index] ?? 0);
  return value;
}

function unsigned(
  label: string,
  bytes: 1 | 2 | 4,
  names?: ReadonlyMap<string, number>,
  parse = parseUnsigned,
): RdataPart {
  const max = 2 ** (bytes * 8) - 1;
  return {
    label,
    read(fields, index, out, { type }) {
      const text = fields[index]?.text ?? '';
      const value = names?.get(text.toUpperCase()) ?? parse(text, max);
      if (value === -1) {
        const form = parse === parseUnsigned ? 'number' : 'number of seconds or a period as 1h30m';
        const orName = names === undefined ? '' : ' or its mnemonic';
        return syntaxFailure(
          `${type} ${label} ${shown(text)} is not a number; write a ${form} from 0 to ${max}${orName}`,
        );
      }
      if (value === -2) {
        return rangeFailure(`${type} ${label} ${shown(text)} is out of range; write 0 to ${max}`);
      }
      if (bytes === 1) out.u8(value);
      else if (bytes === 2) out.u16(value);
      else out.u32(value);
      return 1;
    },
    measure: (_octets, at, end) => (at + bytes <= end ? bytes : -1),
    print: (octets, at) => String(readUnsigned(octets, at, bytes)),
  };
}
