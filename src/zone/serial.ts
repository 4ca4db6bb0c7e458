import { formatName, nameBytes } from '../wire/names.ts';
import { rrTypes } from '../wire/types.ts';
import { editZone } from './edit-zone.ts';
import type { RRset, Zone } from './zone.ts';

/** The fields of an SOA record (RFC 1035 §3.3.13); times in seconds. */
export interface SoaFields {
  readonly mname: string;
  readonly rname: string;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

/**
 * Compares serial numbers (RFC 1982 §3.2): below 0 when `a` is older, above 0 when newer, 0 when
 * equal, undefined when they are 2^31 apart and the standard gives no order.
 */
export function compareSerials(a: number, b: number): number | undefined {
  const distance = (a - b) | 0;
  return distance === -0x8000_0000 ? undefined : Math.sign(distance);
}

/** The serial after this one; 0 is left out, since many tools take it for "none". */
export function nextSerial(serial: number): number {
  return (serial + 1) >>> 0 || 1;
}

/** Takes an SOA RRset apart. */
export function soaFields(rrset: RRset): SoaFields {
  const rdata = rrset.rdatas[0] as Uint8Array;
  const rnameAt = nameBytes(rdata, 0);
  const numbersAt = rnameAt + nameBytes(rdata, rnameAt);
  const view = new DataView(rdata.buffer, rdata.byteOffset + numbersAt, 20);
  return {
    mname: formatName(rdata, 0),
    rname: formatName(rdata, rnameAt),
    serial: view.getUint32(0),
    refresh: view.getUint32(4),
    retry: view.getUint32(8),
    expire: view.getUint32(12),
    minimum: view.getUint32(16),
  };
}

/** The SOA RRset at the apex. */
export function soaOf(zone: Zone): RRset | undefined {
  return zone.nodes.get(zone.origin)?.get(rrTypes.SOA);
}

/** The same zone under another serial; the zone itself when it has no SOA or that serial already. */
export function withSerial(zone: Zone, serial: number): Zone {
  const soa = soaOf(zone);
  const rdata = soa?.rdatas[0];
  if (soa === undefined || rdata === undefined || soaFields(soa).serial === serial) return zone;
  const next = rdata.slice();
  new DataView(next.buffer).setUint32(next.length - 20, serial);
  const rrset: RRset = { owner: soa.owner, type: soa.type, ttl: soa.ttl, rdatas: [next] };
  return editZone(zone, [{ owner: zone.origin, type: soa.type, rrset }]);
}
