import { rrTypes } from '../types.ts';
import { carried, type RdataPart, sequence } from './codec.ts';
import { domainName, mailboxName } from './name-part.ts';
import { u16 } from './numbers.ts';

/** Types of hosts, mail and routes that name other names; old senders compressed some of them. */
export const hostCodecs = [
  // RFC 1183 §1 to §3
  [
    rrTypes.RP,
    sequence('RP', [
      mailboxName('mailbox', 'decompressible'),
      domainName('text name', 'decompressible'),
    ]),
  ],
  [rrTypes.AFSDB, sequence('AFSDB', [u16('subtype'), domainName('host', 'decompressible')])],
  [rrTypes.RT, sequence('RT', [u16('preference'), domainName('host', 'decompressible')])],
  // RFC 2163 §4
  [
    rrTypes.PX,
    sequence('PX', [
      u16('preference'),
      domainName('RFC 822 domain', 'decompressible'),
      domainName('X.400 domain', 'decompressible'),
    ]),
  ],
  // RFC 2230 §3.1
  [rrTypes.KX, sequence('KX', [u16('preference'), domainName('exchanger')])],
  // RFC 6672 §2.1
  [rrTypes.DNAME, sequence('DNAME', [domainName('target')])],
  // RFC 2535 §4.1, §5.2: gone from use, but still to be decompressed (RFC 3597 §4)
  [rrTypes.SIG, carried('SIG', [octets(18), domainName('signer', 'decompressible'), octets()])],
  [rrTypes.NXT, carried('NXT', [domainName('next', 'decompressible'), octets()])],
] as const;

/** So many octets, or all that are left: only their place matters. */
function octets(count?: number): RdataPart {
  return {
    label: 'octets',
    read: () => 0,
    measure(_bytes, at, end) {
      if (count === undefined) return end - at;
      return at + count <= end ? count : -1;
    },
    print: () => '',
  };
}
