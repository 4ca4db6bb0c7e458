import { rrClasses, rrTypes, STEER } from './types.ts';

/** Types that Meridian knows by name only; their rdata is carried as it is (RFC 3597). */
const carriedTypes = {
  MD: 3,
  MF: 4,
  NULL: 10,
  WKS: 11,
  X25: 19,
  ISDN: 20,
  NSAP: 22,
  'NSAP-PTR': 23,
  KEY: 25,
  GPOS: 27,
  EID: 31,
  NIMLOC: 32,
  ATMA: 34,
  CERT: 37,
  A6: 38,
  SINK: 40,
  APL: 42,
  IPSECKEY: 45,
  DHCID: 49,
  HIP: 55,
  CSYNC: 62,
  ZONEMD: 63,
  NID: 104,
  L32: 105,
  L64: 106,
  LP: 107,
  EUI48: 108,
  EUI64: 109,
  TKEY: 249,
  MAILB: 253,
  MAILA: 254,
  AVC: 258,
  DOA: 259,
  AMTRELAY: 260,
  RESINFO: 261,
  TA: 32768,
  DLV: 32769,
} as const;

const numbersByName = new Map<string, number>([
  ...Object.entries(carriedTypes),
  ...Object.entries(rrTypes),
  ['STEER', STEER],
]);
const namesByNumber = new Map([...numbersByName].map(([name, number]) => [number, name]));

const classesByName = new Map<string, number>(Object.entries(rrClasses));
const classNamesByNumber = new Map([...classesByName].map(([name, number]) => [number, name]));

/**
 * The number of a type written `MX`, `mx` or `TYPE123` (RFC 3597 §5); undefined when there is none.
 * `STEER` gives the pseudo-type's 65536, which no TYPEnnn reaches.
 */
export function typeNumber(text: string): number | undefined {
  return numbersByName.get(text) ?? numberNamed(text, 'TYPE', numbersByName);
}

/** The name of a type, `TYPE123` where it has none. */
export function typeName(number: number): string {
  return namesByNumber.get(number) ?? `TYPE${number}`;
}

/** The number of a class written `IN`, `in` or `CLASS32`; undefined when there is none. */
export function classNumber(text: string): number | undefined {
  return classesByName.get(text) ?? numberNamed(text, 'CLASS', classesByName);
}

/** The name of a class, `CLASS32` where it has none. */
export function className(number: number): string {
  return classNamesByNumber.get(number) ?? `CLASS${number}`;
}

function numberNamed(
  text: string,
  prefix: string,
  names: ReadonlyMap<string, number>,
): number | undefined {
  // No name is longer than CLASS65535; whatever is longer need not be folded.
  if (text.length > 10) return undefined;
  const upper = text.toUpperCase();
  // Folding may turn letters outside ASCII into ASCII ones (ı to I).
  if (upper !== text && !/^[\w-]+$/.test(text)) return undefined;
  const known = names.get(upper);
  if (known !== undefined) return known;
  if (!upper.startsWith(prefix)) return undefined;
  const digits = upper.slice(prefix.length);
  if (!/^\d{1,5}$/.test(digits)) return undefined;
  const number = Number(digits);
  return number <= 0xffff ? number : undefined;
}
