import { fromBytes, maskIp, type Prefix, sameIp, toBytes } from '../base/ip.ts';
import { ednsOptions } from './types.ts';

/** One EDNS option, as far as its data is well formed; otherwise, and when unknown, `other`. */
export type EdnsOption =
  /** RFC 7871 §6; the scope is 0 in queries. */
  | {
      readonly kind: 'clientSubnet';
      readonly prefix: Prefix;
      readonly scopePrefixLength: number;
    }
  /** RFC 5001; empty in queries. */
  | { readonly kind: 'nsid'; readonly identity: Uint8Array }
  /** RFC 7873 §4; client 8 octets, server 8 to 32, absent in a first query. */
  | { readonly kind: 'cookie'; readonly client: Uint8Array; readonly server?: Uint8Array }
  /** RFC 7828 §3.1; in units of 100 ms, absent in queries. */
  | { readonly kind: 'tcpKeepalive'; readonly timeout100Ms?: number }
  /** RFC 7830 §3; so many zero octets. */
  | { readonly kind: 'padding'; readonly paddingBytes: number }
  /** RFC 8914 §2. */
  | { readonly kind: 'extendedError'; readonly infoCode: number; readonly text: string }
  | { readonly kind: 'other'; readonly code: number; readonly data: Uint8Array };

/** What an OPT record says, besides the upper bits of the RCODE (RFC 6891 §6.1). */
export interface Edns {
  /** The largest UDP payload that the sender takes, in octets; as sent, so it may be below 512. */
  readonly udpPayloadBytes: number;
  readonly version: number;
  /** The DO bit (RFC 3225). */
  readonly dnssecOk: boolean;
  /** The 15 flag bits that nobody has given a meaning to; 0 in all that Meridian sends. */
  readonly reservedFlags?: number;
  readonly options: readonly EdnsOption[];
}

/** Reads the rdata of an OPT record; undefined when an option runs over the end. */
export function decodeEdnsOptions(rdata: Uint8Array): EdnsOption[] | undefined {
  const options: EdnsOption[] = [];
  let at = 0;
  while (at < rdata.length) {
    if (at + 4 > rdata.length) return undefined;
    const code = readU16(rdata, at);
    const end = at + 4 + readU16(rdata, at + 2);
    if (end > rdata.length) return undefined;
    options.push(decodeEdnsOption(code, rdata.slice(at + 4, end)));
    at = end;
  }
  return options;
}

/** Reads the data of one option; `other` when it is unknown or not well formed. */
export function decodeEdnsOption(code: number, data: Uint8Array): EdnsOption {
  return knownOption(code, data) ?? { kind: 'other', code, data };
}

/** Writes options as the rdata of an OPT record. */
export function encodeEdnsOptions(options: readonly EdnsOption[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const option of options) {
    const { code, data } = encodeEdnsOption(option);
    if (data.length > 0xffff) throw new RangeError(`EDNS option ${code} is over 65535 octets`);
    parts.push(Uint8Array.of(code >>> 8, code, data.length >>> 8, data.length), data);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** The code and data of one option; decoding them gives the option back. */
export function encodeEdnsOption(option: EdnsOption): { code: number; data: Uint8Array } {
  switch (option.kind) {
    case 'clientSubnet':
      return { code: ednsOptions.CLIENT_SUBNET, data: encodeClientSubnet(option) };
    case 'nsid':
      return { code: ednsOptions.NSID, data: option.identity };
    case 'cookie': {
      const data = Buffer.concat([option.client, option.server ?? new Uint8Array(0)]);
      return { code: ednsOptions.COOKIE, data: new Uint8Array(data) };
    }
    case 'tcpKeepalive': {
      const timeout = option.timeout100Ms;
      const data = timeout === undefined ? new Uint8Array(0) : u16(timeout);
      return { code: ednsOptions.TCP_KEEPALIVE, data };
    }
    case 'padding':
      return { code: ednsOptions.PADDING, data: new Uint8Array(option.paddingBytes) };
    case 'extendedError': {
      const data = Buffer.concat([u16(option.infoCode), Buffer.from(option.text)]);
      return { code: ednsOptions.EXTENDED_ERROR, data: new Uint8Array(data) };
    }
    case 'other':
      return { code: option.code, data: option.data };
  }
}

function knownOption(code: number, data: Uint8Array): EdnsOption | undefined {
  switch (code) {
    case ednsOptions.CLIENT_SUBNET:
      return decodeClientSubnet(data);
    case ednsOptions.NSID:
      return { kind: 'nsid', identity: data };
    case ednsOptions.COOKIE: {
      const client = data.slice(0, 8);
      if (data.length === 8) return { kind: 'cookie', client };
      if (data.length < 16 || data.length > 40) return undefined;
      return { kind: 'cookie', client, server: data.slice(8) };
    }
    case ednsOptions.TCP_KEEPALIVE:
      if (data.length === 0) return { kind: 'tcpKeepalive' };
      if (data.length !== 2) return undefined;
      return { kind: 'tcpKeepalive', timeout100Ms: readU16(data, 0) };
    case ednsOptions.PADDING:
      if (data.some((octet) => octet !== 0)) return undefined;
      return { kind: 'padding', paddingBytes: data.length };
    case ednsOptions.EXTENDED_ERROR: {
      const text = Buffer.from(data.subarray(2)).toString();
      if (data.length < 2 || !Buffer.from(text).equals(data.subarray(2))) return undefined;
      return { kind: 'extendedError', infoCode: readU16(data, 0), text };
    }
    default:
      return undefined;
  }
}

/** RFC 7871 §6: no more octets than the prefix needs, and no bit beyond it. */
function decodeClientSubnet(data: Uint8Array): EdnsOption | undefined {
  if (data.length < 4) return undefined;
  const family = readU16(data, 0);
  const length = data[2] ?? 0;
  const scopePrefixLength = data[3] ?? 0;
  const bits = family === 1 ? 32 : family === 2 ? 128 : -1;
  if (length > bits || scopePrefixLength > bits) return undefined;
  if (data.length !== 4 + Math.ceil(length / 8)) return undefined;
  const octets = new Uint8Array(bits / 8);
  octets.set(data.subarray(4));
  const address = fromBytes(octets);
  if (!sameIp(maskIp(address, length), address)) return undefined;
  return { kind: 'clientSubnet', prefix: { address, length }, scopePrefixLength };
}

function encodeClientSubnet(option: EdnsOption & { kind: 'clientSubnet' }): Uint8Array {
  const { address, length } = option.prefix;
  const data = new Uint8Array(4 + Math.ceil(length / 8));
  data[1] = address.family === 4 ? 1 : 2;
  data[2] = length;
  data[3] = option.scopePrefixLength;
  data.set(toBytes(maskIp(address, length)).subarray(0, data.length - 4), 4);
  return data;
}

function readU16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}
