import type { ZoneView } from '../image/zone-view.ts';
import type { Responder } from './responder.ts';
import { recordHeadBytes, writeTemplate } from './write-records.ts';

/** Writes what `locate` found for the name itself. False, having written nothing, when it does not fit. */
export function writeOwned(responder: Responder, zone: ZoneView): boolean {
  const { template, ownerAt, ownerBytes } = responder;
  return writeTemplate(responder, zone, template, ownerAt, ownerBytes);
}

/** Writes what belongs to an ancestor of the name: a cut or the owner of a DNAME. */
export function writeAncestor(responder: Responder, zone: ZoneView): boolean {
  const { template, ancestorBytes } = responder;
  const ancestorAt = responder.ownerAt + responder.ownerBytes - ancestorBytes;
  return writeTemplate(responder, zone, template, ancestorAt, ancestorBytes);
}

/** Writes the SOA, which says what zone denies, and for how long (RFC 2308 §3). */
export function writeNegative(responder: Responder, zone: ZoneView): boolean {
  const { originBytes, negativeTemplate } = zone;
  const originAt = responder.ownerAt + responder.ownerBytes - originBytes;
  return writeTemplate(responder, zone, negativeTemplate, originAt, originBytes);
}

/** Octets of the name that the DNAME at `dnameAt` of the buffer makes of the current one. */
export function redirectedBytes(responder: Responder, dnameAt: number): number {
  const targetBytes = responder.view.getUint16(dnameAt + recordHeadBytes - 2);
  return responder.ownerBytes - responder.ancestorBytes + targetBytes;
}
