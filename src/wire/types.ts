import type { ErrorCode } from '../base/errors.ts';

/** RR type numbers (IANA "Resource Record (RR) TYPEs"), by the names that master files use. */
export const rrTypes = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  MB: 7,
  MG: 8,
  MR: 9,
  PTR: 12,
  HINFO: 13,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  RT: 21,
  SIG: 24,
  PX: 26,
  AAAA: 28,
  LOC: 29,
  NXT: 30,
  SRV: 33,
  NAPTR: 35,
  KX: 36,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  URI: 256,
  CAA: 257,
} as const;

/**
 * The pseudo-type that hands a name's A and AAAA to a service. Its number is outside the 16 bits of
 * the wire, so that no query can ask for it; its rdata is the service's name in UTF-8.
 */
export const STEER = 0x1_0000;

/** DNS classes in use (RFC 1035 §3.2.4). */
export const rrClasses = { IN: 1, CH: 3, NONE: 254, ANY: 255 } as const;

/** RCODEs (RFC 1035 §4.1.1, RFC 2136 §2.2, RFC 6891 §6.1.3, RFC 7873 §8). */
export const rcodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  BADVERS: 16,
  BADCOOKIE: 23,
} as const;

/** EDNS option codes (IANA "DNS EDNS0 Option Codes"). */
export const ednsOptions = {
  NSID: 3,
  CLIENT_SUBNET: 8,
  COOKIE: 10,
  TCP_KEEPALIVE: 11,
  PADDING: 12,
  EXTENDED_ERROR: 15,
} as const;

/**
 * One field of a record as a master file has it.
 * `text` still holds its escapes; quotes are already taken off.
 */
export interface Field {
  readonly text: string;
  readonly quoted: boolean;
}

/** What went wrong with a record's fields; the caller knows where. */
export interface RdataError {
  readonly code: ErrorCode;
  /** A sentence with the offending value and the remedy. */
  readonly message: string;
}

/** Tells an error from what was asked for, where a function returns either. */
export function isRdataError(value: unknown): value is RdataError {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return false;
  return 'code' in value && 'message' in value && !(value instanceof Error);
}
