import { formatIp, fromBytes } from '../../base/ip.ts';
import { parseIpv4, parseIpv6 } from '../../base/parse-address.ts';
import { rangeFailure, shown, syntaxFailure } from '../failures.ts';
import { isRdataError, type RdataError } from '../types.ts';
import { parseBase64 } from './encoded.ts';
import { parseUnsigned, readUnsigned } from './numbers.ts';
import { OctetWriter } from './octet-writer.ts';
import { quotedText, writeText } from './strings.ts';

/** How the values of one SvcParamKey are read, checked and printed (RFC 9460 §7). */
export interface SvcParamKind {
  /** Reads what follows the equals sign, escapes included; '' when there is no value. */
  parse(text: string): Uint8Array | RdataError;
  /** What is wrong with these octets; undefined when they are well formed. */
  problem(value: Uint8Array): string | undefined;
  /** Prints a well-formed value; '' when it has none. */
  print(value: Uint8Array): string;
}

/** Service parameter keys by name (IANA "Service Parameter Keys (SvcParamKeys)"). */
export const svcParamKeys = {
  mandatory: 0,
  alpn: 1,
  'no-default-alpn': 2,
  port: 3,
  ipv4hint: 4,
  ech: 5,
  ipv6hint: 6,
  dohpath: 7,
  ohttp: 8,
} as const;

const numbersByName = new Map<string, number>(Object.entries(svcParamKeys));
const namesByNumber = new Map([...numbersByName].map(([name, number]) => [number, name]));

/** The largest key; the one after it is set aside as invalid (RFC 9460 §14.3.2). */
const maxKey = 65_534;

/** The number of a key written by name or as `key667`; undefined when it is neither. */
export function svcParamKey(name: string): number | undefined {
  const known = numbersByName.get(name);
  if (known !== undefined) return known;
  if (!/^key(0|[1-9]\d{0,4})$/.test(name)) return undefined;
  const number = Number(name.slice(3));
  return number <= maxKey ? number : undefined;
}

/** The name of a key, `key667` where it has none. */
export function svcParamKeyName(key: number): string {
  return namesByNumber.get(key) ?? `key${key}`;
}

/** How values of a key are handled; of unknown keys, any octets will do. */
export function svcParamKind(key: number): SvcParamKind {
  return kinds.get(key) ?? opaque;
}

const scratch = new OctetWriter();

/** Decodes escapes (RFC 9460 Appendix A, char-string). */
function decoded(text: string): Uint8Array | RdataError {
  scratch.reset();
  const octets = writeText(text, scratch);
  if (isRdataError(octets)) return octets;
  return scratch.overflowed ? rangeFailure(`${shown(text)} is too long`) : scratch.finish();
}

/** Prints octets so that `decoded` gives them back, in quotes where they need them. */
function encoded(value: Uint8Array): string {
  const quoted = quotedText(value, 0, value.length);
  return /^"[^\s"();\\]*"$/.test(quoted) ? quoted.slice(1, -1) : quoted;
}

const opaque: SvcParamKind = { parse: decoded, problem: () => undefined, print: encoded };

const flag: SvcParamKind = {
  parse: (text) => {
    if (text === '') return new Uint8Array(0);
    return syntaxFailure(`takes no value but has ${shown(text)}; remove it`);
  },
  problem: (value) => (value.length === 0 ? undefined : 'has a value but takes none'),
  print: () => '',
};

/** A list of values of equal size, none of which needs an escape. */
function list(
  what: string,
  octets: number,
  parseItem: (text: string) => Uint8Array | undefined,
  printItem: (value: Uint8Array) => string,
): SvcParamKind {
  return {
    parse(text) {
      const items: Uint8Array[] = [];
      for (const itemText of text.split(',')) {
        const item = parseItem(itemText);
        if (item === undefined) {
          return syntaxFailure(
            `value ${shown(itemText)} is not ${what}; write one or more, with commas`,
          );
        }
        items.push(item);
      }
      return new Uint8Array(Buffer.concat(items));
    },
    problem(value) {
      if (value.length > 0 && value.length % octets === 0) return undefined;
      return `has ${value.length} octets, which is no list of ${what} (${octets} octets each)`;
    },
    print(value) {
      const items: string[] = [];
      for (let at = 0; at < value.length; at += octets) {
        items.push(printItem(value.subarray(at, at + octets)));
      }
      return items.join(',');
    },
  };
}

function u16Octets(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

/** Keys that a client must understand, ascending (RFC 9460 §8). */
const keyList = list(
  'a key',
  2,
  (text) => {
    const key = svcParamKey(text);
    return key === undefined ? undefined : u16Octets(key);
  },
  (value) => svcParamKeyName(readUnsigned(value, 0, 2)),
);

const mandatory: SvcParamKind = {
  ...keyList,
  parse(text) {
    const value = keyList.parse(text);
    if (isRdataError(value)) return value;
    const keys: number[] = [];
    for (let at = 0; at < value.length; at += 2) keys.push(readUnsigned(value, at, 2));
    keys.sort((a, b) => a - b);
    return new Uint8Array(Buffer.concat(keys.map(u16Octets)));
  },
  problem(value) {
    const problem = keyList.problem(value);
    if (problem !== undefined) return problem;
    for (let at = 0, last = -1; at < value.length; at += 2) {
      const key = readUnsigned(value, at, 2);
      if (key === svcParamKeys.mandatory) return 'lists "mandatory" itself';
      if (key === last) return `lists ${svcParamKeyName(key)} twice`;
      if (key < last) return 'lists its keys out of order';
      last = key;
    }
    return undefined;
  },
};

const port: SvcParamKind = {
  parse(text) {
    const number = parseUnsigned(text, 0xffff);
    if (number >= 0) return u16Octets(number);
    return rangeFailure(`value ${shown(text)} is no port; write a number from 0 to 65535`);
  },
  problem: (value) => (value.length === 2 ? undefined : `has ${value.length} octets and not 2`),
  print: (value) => String(readUnsigned(value, 0, 2)),
};

const ech: SvcParamKind = {
  parse(text) {
    const value = parseBase64([{ text, quoted: false }], 0);
    if (isRdataError(value)) return value;
    return value.length > 0
      ? value
      : syntaxFailure('has no value; write the ECHConfigList in Base64');
  },
  problem: (value) => (value.length > 0 ? undefined : 'has no value'),
  print: (value) => Buffer.from(value).toString('base64'),
};

/** Protocol ids of 1 to 255 octets, each behind its length (RFC 9460 §7.1.1). */
const alpn: SvcParamKind = {
  parse(text) {
    const octets = decoded(text);
    if (isRdataError(octets)) return octets;
    const ids = splitList(octets);
    if (ids === undefined) return syntaxFailure(`value ${shown(text)} ends with a lone backslash`);
    for (const id of ids) {
      if (id.length > 0 && id.length < 256) continue;
      return rangeFailure(
        `value ${shown(text)} has a protocol id of ${id.length} octets; write 1 to 255, as in alpn=h2,h3`,
      );
    }
    return Uint8Array.from(ids.flatMap((id) => [id.length, ...id]));
  },
  problem(value) {
    if (value.length === 0) return 'has no value';
    for (let at = 0; at < value.length; at += 1 + (value[at] ?? 0)) {
      const idEnd = at + 1 + (value[at] ?? 0);
      if (value[at] === 0) return 'has an empty protocol id';
      if (idEnd > value.length) return 'has a protocol id that is cut short';
    }
    return undefined;
  },
  print(value) {
    const octets: number[] = [];
    for (let at = 0; at < value.length; at += 1 + (value[at] ?? 0)) {
      if (at > 0) octets.push(0x2c);
      for (const octet of value.subarray(at + 1, at + 1 + (value[at] ?? 0))) {
        if (octet === 0x2c || octet === 0x5c) octets.push(0x5c);
        octets.push(octet);
      }
    }
    return encoded(Uint8Array.from(octets));
  },
};

/** Splits at commas that no backslash escapes (RFC 9460 Appendix A.1). */
function splitList(octets: Uint8Array): number[][] | undefined {
  let item: number[] = [];
  const items = [item];
  for (let at = 0; at < octets.length; at++) {
    let octet = octets[at] ?? 0;
    if (octet === 0x2c) {
      item = [];
      items.push(item);
      continue;
    }
    if (octet === 0x5c) {
      if (++at === octets.length) return undefined;
      octet = octets[at] ?? 0;
    }
    item.push(octet);
  }
  return items;
}

/** A relative URI template with the variable "dns" (RFC 9461 §5). */
const dohpath: SvcParamKind = {
  parse: decoded,
  problem(value) {
    const text = Buffer.from(value).toString();
    if (/^\/.*\{[^}]*\bdns\b[^}]*\}/.test(text) && Buffer.from(text).equals(value))
      return undefined;
    return `${shown(text)} is no path with the variable dns, such as /dns-query{?dns}`;
  },
  print: encoded,
};

const kinds = new Map<number, SvcParamKind>([
  [svcParamKeys.mandatory, mandatory],
  [svcParamKeys.alpn, alpn],
  [svcParamKeys['no-default-alpn'], flag],
  [svcParamKeys.port, port],
  [
    svcParamKeys.ipv4hint,
    list(
      'an IPv4 address',
      4,
      (text) => {
        const word = parseIpv4(text);
        if (word < 0) return undefined;
        return Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word);
      },
      (value) => formatIp(fromBytes(value)),
    ),
  ],
  [svcParamKeys.ech, ech],
  [
    svcParamKeys.ipv6hint,
    list(
      'an IPv6 address',
      16,
      (text) => parseIpv6(text)?.slice(),
      (value) => formatIp(fromBytes(value)),
    ),
  ],
  [svcParamKeys.dohpath, dohpath],
  [svcParamKeys.ohttp, flag],
]);
