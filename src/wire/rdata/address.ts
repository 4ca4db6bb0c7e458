import { formatIp, fromBytes, parseIp, toBytes } from '../../base/ip.ts';
import { shown, syntaxFailure } from '../failures.ts';
import { rrTypes } from '../types.ts';
import { type RdataPart, sequence } from './codec.ts';

const ipv4: RdataPart = {
  label: 'address',
  read(fields, index, out, { type }) {
    const text = fields[index]?.text ?? '';
    const word = parseIpv4(text);
    if (word >= 0) {
      out.u32(word);
      return 1;
    }
    const hint = parseIp(text)?.family === 6 ? 'use AAAA for it' : 'write it as 192.0.2.1';
    return syntaxFailure(`${type} address ${shown(text)} is not an IPv4 address; ${hint}`);
  },
  measure: (_bytes, at, end) => (end - at >= 4 ? 4 : -1),
  print: (bytes, at) => `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`,
};

const ipv6: RdataPart = {
  label: 'address',
  read(fields, index, out, { type }) {
    const text = fields[index]?.text ?? '';
    const address = parseIp(text);
    if (address?.family === 6) {
      out.append(toBytes(address));
      return 1;
    }
    const hint = address === undefined ? 'write it as 2001:db8::1' : 'use A for it';
    return syntaxFailure(`${type} address ${shown(text)} is not an IPv6 address; ${hint}`);
  },
  measure: (_bytes, at, end) => (end - at >= 16 ? 16 : -1),
  print: (bytes, at) => formatIp(fromBytes(bytes.subarray(at, at + 16))),
};

/** Reads a dotted quad into its 32 bits; -1 when it is anything else. Leading zeros are refused. */
function parseIpv4(text: string): number {
  let word = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x2e) {
      if (digits === 0 || dots === 3) return -1;
      word = word * 256 + octet;
      octet = digits = 0;
      dots++;
    } else if (code >= 0x30 && code <= 0x39) {
      if (digits > 0 && octet === 0) return -1;
      octet = octet * 10 + code - 0x30;
      if (octet > 255) return -1;
      digits++;
    } else {
      return -1;
    }
  }
  return dots === 3 && digits > 0 ? word * 256 + octet : -1;
}

/** A (RFC 1035 §3.4.1) and AAAA (RFC 3596 §2.2). */
export const addressCodecs = [
  [rrTypes.A, sequence('A', [ipv4])],
  [rrTypes.AAAA, sequence('AAAA', [ipv6])],
] as const;
