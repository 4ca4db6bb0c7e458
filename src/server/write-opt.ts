import { ednsOptions, rrTypes } from '../wire/types.ts';
import { cookieBytes } from './cookies.ts';
import type { Responder } from './responder.ts';

const optHeadBytes = 11;
const optionHeadBytes = 4;
const keepaliveBytes = 2;
const errorCodeBytes = 2;

/** INFO-CODEs of extended errors that Meridian sends (RFC 8914 §4). */
export const extendedErrors = { notReady: 14, notAuthoritative: 20, notSupported: 21 } as const;

/**
 * Octets that the OPT record of this answer takes; 0 when the query had none. The extended error is
 * not counted, since it goes along only where it fits.
 */
export function optBytes(responder: Responder): number {
  const { query, settings } = responder;
  if (!query.hasEdns) return 0;
  let bytes = optHeadBytes;
  if (query.hasSubnet) bytes += optionHeadBytes + 4 + ((query.sourcePrefixLength + 7) >> 3);
  if (query.nsidAsked && settings.nsid !== undefined) {
    bytes += optionHeadBytes + settings.nsid.length;
  }
  if (isKeepaliveDue(responder)) bytes += optionHeadBytes + keepaliveBytes;
  if (isCookieDue(responder)) bytes += optionHeadBytes + cookieBytes;
  return bytes;
}

/**
 * Writes the OPT record as the last one (RFC 6891 §6.1.1); `limit` is where the message must end.
 * Unknown options and flags are not echoed.
 */
export function writeOpt(responder: Responder, limit: number): void {
  const { query, view, settings } = responder;
  const start = responder.end;
  view.setUint8(start, 0);
  view.setUint16(start + 1, rrTypes.OPT);
  view.setUint16(start + 3, settings.udpPayloadBytes);
  // Extended RCODE, version 0, DO as it came (RFC 3225 §3).
  view.setUint16(start + 5, (responder.rcode >> 4) << 8);
  view.setUint16(start + 7, query.dnssecOk ? 0x8000 : 0);
  let at = start + optHeadBytes;
  if (query.hasSubnet) at = writeSubnet(responder, at);
  if (query.nsidAsked && settings.nsid !== undefined) {
    at = writeOptionHead(view, at, ednsOptions.NSID, settings.nsid.length);
    responder.bytes.set(settings.nsid, at);
    at += settings.nsid.length;
  }
  if (isKeepaliveDue(responder)) {
    at = writeOptionHead(view, at, ednsOptions.TCP_KEEPALIVE, keepaliveBytes);
    view.setUint16(at, Math.min(0xffff, settings.tcp.idleMs / 100)); // units of 100 ms
    at += keepaliveBytes;
  }
  if (isCookieDue(responder)) {
    at = writeOptionHead(view, at, ednsOptions.COOKIE, cookieBytes);
    responder.cookies?.write(view, at);
    at += cookieBytes;
  }
  if (responder.extendedError >= 0 && at + optionHeadBytes + errorCodeBytes <= limit) {
    at = writeOptionHead(view, at, ednsOptions.EXTENDED_ERROR, errorCodeBytes);
    view.setUint16(at, responder.extendedError);
    at += errorCodeBytes;
  }
  view.setUint16(start + 9, at - start - optHeadBytes);
  responder.end = at;
  responder.additionalCount += 1;
}

/** Echoes the client subnet with the scope of the answer (RFC 7871 §7.2.1). */
function writeSubnet(responder: Responder, at: number): number {
  const { query, view } = responder;
  const addressBytes = (query.sourcePrefixLength + 7) >> 3;
  const value = writeOptionHead(view, at, ednsOptions.CLIENT_SUBNET, 4 + addressBytes);
  view.setUint16(value, query.subnetFamily);
  view.setUint8(value + 2, query.sourcePrefixLength);
  view.setUint8(value + 3, responder.scopePrefixLength);
  for (let index = 0; index < addressBytes; index += 1) {
    view.setUint8(value + 4 + index, query.subnetWords[index >> 2]! >>> (24 - (index & 3) * 8));
  }
  return value + 4 + addressBytes;
}

function writeOptionHead(view: DataView, at: number, code: number, length: number): number {
  view.setUint16(at, code);
  view.setUint16(at + 2, length);
  return at + optionHeadBytes;
}

/** Whoever sends a cookie gets one (RFC 7873 §5.2). */
function isCookieDue(responder: Responder): boolean {
  return responder.cookies !== undefined && responder.query.cookieBytes > 0;
}

/** Never over UDP (RFC 7828 §3.2.1). */
function isKeepaliveDue(responder: Responder): boolean {
  return responder.query.keepaliveAsked && responder.transport !== 0;
}
