import { formatIp, fromBytes } from '../../base/ip.ts';
import { parseIpv4, parseIpv6 } from '../../base/parse-address.ts';
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
    const hint = parseIpv6(text) !== undefined ? 'use AAAA for it' : 'write it as 192.0.2.1';
    return syntaxFailure(`${type} address ${shown(text)} is not an IPv4 address; ${hint}`);
  },
  measure: (_bytes, at, end) => (end - at >= 4 ? 4 : -1),
  print: (bytes, at) => `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`,
};

const ipv6: RdataPart = {
  label: 'address',
  read(fields, index, out, { type }) {
    const text = fields[index]?.text ?? '';
    const octets = parseIpv6(text);
    if (octets !== undefined) {
      out.append(octets);
      return 1;
    }
    const hint = parseIpv4(text) < 0 ? 'write it as 2001:db8::1' : 'use A for it';
    return syntaxFailure(`${type} address ${shown(text)} is not an IPv6 address; ${hint}`);
  },
  measure: (_bytes, at, end) => (end - at >= 16 ? 16 : -1),
  print: (bytes, at) => formatIp(fromBytes(bytes.subarray(at, at + 16))),
};

/** A (RFC 1035 §3.4.1) and AAAA (RFC 3596 §2.2). */
export const addressCodecs = [
  [rrTypes.A, sequence('A', [ipv4])],
  [rrTypes.AAAA, sequence('AAAA', [ipv6])],
] as const;
