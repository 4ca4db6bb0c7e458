import { rrTypes } from '../types.ts';
import { sequence } from './codec.ts';
import { domainName, mailboxName } from './name-part.ts';
import { period, u16, u32 } from './numbers.ts';
import { characterString, characterStrings } from './strings.ts';

const host = domainName('host', 'compressible');

/** The types of RFC 1035 §3.3 besides A; only their names may be compressed (RFC 3597 §4). */
export const rfc1035Codecs = [
  [rrTypes.NS, sequence('NS', [host])],
  [rrTypes.CNAME, sequence('CNAME', [domainName('target', 'compressible')])],
  [
    rrTypes.SOA,
    sequence('SOA', [
      domainName('primary', 'compressible'),
      mailboxName('mailbox', 'compressible'),
      u32('serial'),
      period('refresh'),
      period('retry'),
      period('expire'),
      period('minimum'),
    ]),
  ],
  [rrTypes.MB, sequence('MB', [host])],
  [rrTypes.MG, sequence('MG', [mailboxName('mailbox', 'compressible')])],
  [rrTypes.MR, sequence('MR', [mailboxName('mailbox', 'compressible')])],
  [rrTypes.PTR, sequence('PTR', [domainName('target', 'compressible')])],
  [rrTypes.HINFO, sequence('HINFO', [characterString('cpu'), characterString('os')])],
  [
    rrTypes.MINFO,
    sequence('MINFO', [
      mailboxName('mailbox', 'compressible'),
      mailboxName('error mailbox', 'compressible'),
    ]),
  ],
  [rrTypes.MX, sequence('MX', [u16('preference'), domainName('exchange', 'compressible')])],
  [rrTypes.TXT, sequence('TXT', [characterStrings('text')])],
  [rrTypes.SPF, sequence('SPF', [characterStrings('text')])],
] as const;
