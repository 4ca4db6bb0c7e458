import { typeName } from '../type-names.ts';
import { rrTypes } from '../types.ts';
import { addressCodecs } from './address.ts';
import { carried, namesIn, type RdataCodec } from './codec.ts';
import { dnssecCodecs } from './dnssec.ts';
import { hostCodecs } from './hosts.ts';
import { locCodecs } from './loc.ts';
import { rfc1035Codecs } from './rfc1035.ts';
import { securityCodecs } from './security.ts';
import { serviceCodecs } from './services.ts';
import { steerCodecs } from './steer.ts';
import { svcbCodecs } from './svcb.ts';

const codecs = new Map<number, RdataCodec>([
  ...addressCodecs,
  ...rfc1035Codecs,
  ...hostCodecs,
  ...serviceCodecs,
  ...securityCodecs,
  ...dnssecCodecs,
  ...svcbCodecs,
  ...locCodecs,
  ...steerCodecs,
]);

/**
 * The codec of a type; unknown types have one as well, which takes and prints the generic form
 * (RFC 3597 §5). STEER's rdata is a service's name.
 */
export function rdataCodec(type: number): RdataCodec {
  return codecs.get(type) ?? carried(typeName(type));
}

/** A domain name inside rdata. */
export interface RdataName {
  /** Byte offset of its first length octet. */
  readonly at: number;
  /** Octets it takes, its root included. */
  readonly bytes: number;
  /** True only for types of RFC 1035: senders may compress it in messages (RFC 3597 §4). */
  readonly compressible: boolean;
}

/** Every domain name inside well-formed rdata, in order. */
export function rdataNames(type: number, rdata: Uint8Array): RdataName[] {
  const parts = codecs.get(type)?.parts;
  if (parts === undefined) return [];
  return namesIn(parts, rdata).map(({ at, bytes, use }) => {
    return { at, bytes, compressible: use === 'compressible' };
  });
}

/**
 * The names whose records belong into the additional section: the hosts of NS, MX (RFC 1035 §3.3),
 * SRV (RFC 2782), the replacement of a terminal NAPTR (RFC 3403 §4.2), the target of SVCB and HTTPS
 * (RFC 9460 §4.1). The root is left out: there it says "none" or, in SVCB, "the owner itself".
 */
export function additionalNames(type: number, rdata: Uint8Array): Uint8Array[] {
  if (!namesHosts.has(type)) return [];
  if (type === rrTypes.NAPTR && !isTerminalNaptr(rdata)) return [];
  return rdataNames(type, rdata)
    .filter(({ bytes }) => bytes > 1)
    .map(({ at, bytes }) => rdata.slice(at, at + bytes));
}

const namesHosts = new Set<number>([
  rrTypes.NS,
  rrTypes.MX,
  rrTypes.SRV,
  rrTypes.NAPTR,
  rrTypes.SVCB,
  rrTypes.HTTPS,
]);

/** True when the flags say that the replacement owns SRV (`S`) or address (`A`) records. */
function isTerminalNaptr(rdata: Uint8Array): boolean {
  if (rdata[4] !== 1) return false;
  const flag = (rdata[5] ?? 0) | 0x20;
  return flag === 0x73 || flag === 0x61;
}
