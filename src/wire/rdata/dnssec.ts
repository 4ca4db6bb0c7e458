import { syntaxFailure } from '../failures.ts';
import { type RdataError, rrTypes } from '../types.ts';
import { sequence } from './codec.ts';
import { lengthBase32, lengthHex, signatureTime, typeBitmap, typeField } from './dnssec-parts.ts';
import { base64Rest, hexRest } from './encoded.ts';
import { domainName } from './name-part.ts';
import { period, u8, u16 } from './numbers.ts';
import { digestLength } from './security.ts';

/** IANA "DNS Security Algorithm Numbers". */
const algorithms: ReadonlyMap<string, number> = new Map([
  ['RSAMD5', 1],
  ['DH', 2],
  ['DSA', 3],
  ['RSASHA1', 5],
  ['DSA-NSEC3-SHA1', 6],
  ['RSASHA1-NSEC3-SHA1', 7],
  ['RSASHA256', 8],
  ['RSASHA512', 10],
  ['ECC-GOST', 12],
  ['ECDSAP256SHA256', 13],
  ['ECDSAP384SHA384', 14],
  ['ED25519', 15],
  ['ED448', 16],
  ['INDIRECT', 252],
  ['PRIVATEDNS', 253],
  ['PRIVATEOID', 254],
]);
const algorithm = u8('algorithm', algorithms);

/** Digest type to octets (IANA "DS RR Type Digest Algorithms"); CDS's "delete" has 0 and one octet. */
const digestBytes = { 1: 20, 2: 32, 3: 32, 4: 48 };

function delegationSigner(type: string) {
  return sequence(
    type,
    [u16('key tag'), algorithm, u8('digest type'), hexRest('digest')],
    digestLength(type, 3, 4, type === 'CDS' ? { ...digestBytes, 0: 1 } : digestBytes),
  );
}

function publicKey(type: string) {
  const protocolProblem = (rdata: Uint8Array): RdataError | undefined => {
    if (rdata[2] === 3) return undefined;
    return syntaxFailure(`${type} protocol ${rdata[2]} must be 3 (RFC 4034 §2.1.2); write 3`);
  };
  return sequence(
    type,
    [u16('flags'), u8('protocol'), algorithm, base64Rest('key')],
    protocolProblem,
  );
}

/** The types of DNSSEC (RFC 4034, 5155, 7344, 8078). */
export const dnssecCodecs = [
  [rrTypes.DS, delegationSigner('DS')],
  [rrTypes.CDS, delegationSigner('CDS')],
  [rrTypes.DNSKEY, publicKey('DNSKEY')],
  [rrTypes.CDNSKEY, publicKey('CDNSKEY')],
  [
    rrTypes.RRSIG,
    sequence('RRSIG', [
      typeField('type covered'),
      algorithm,
      u8('labels'),
      period('original TTL'),
      signatureTime('expiration'),
      signatureTime('inception'),
      u16('key tag'),
      domainName('signer'),
      base64Rest('signature'),
    ]),
  ],
  [rrTypes.NSEC, sequence('NSEC', [domainName('next'), typeBitmap])],
  [
    rrTypes.NSEC3,
    sequence('NSEC3', [
      u8('hash algorithm'),
      u8('flags'),
      u16('iterations'),
      lengthHex('salt'),
      lengthBase32('next hash'),
      typeBitmap,
    ]),
  ],
  [
    rrTypes.NSEC3PARAM,
    sequence('NSEC3PARAM', [
      u8('hash algorithm'),
      u8('flags'),
      u16('iterations'),
      lengthHex('salt'),
    ]),
  ],
] as const;
