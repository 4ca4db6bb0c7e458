import {
  ownerAt as compiledOwnerAt,
  fixupKinds,
  template as layout,
  questionTailBytes,
} from '../image/layout.ts';
import { littleEndian } from '../image/zone-name.ts';
import type { ZoneView } from '../image/zone-view.ts';
import { rrClasses, rrTypes } from '../wire/types.ts';
import type { Responder } from './responder.ts';

/** Owner pointer, type, class, TTL and RDLENGTH: what stands before the rdata of our records. */
export const recordHeadBytes = 12;

/**
 * Copies a template behind what is there already, for the owner name of `ownerBytes` octets at
 * `ownerAt` of the message. Optional RRsets go along as far as they fit. Where the in-domain glue
 * does not fit, the answer and authority sections go out alone with TC (RFC 9471 §3.1). Returns false,
 * having written nothing, when not even they fit.
 */
export function writeTemplate(
  responder: Responder,
  zone: ZoneView,
  template: number,
  ownerAt: number,
  ownerBytes: number,
): boolean {
  const { words } = zone;
  const room = responder.limit - responder.end;
  const chunkCount = words[template + layout.chunkCount]!;
  const fixupsAt = template + layout.words;
  const chunksAt = fixupsAt + words[template + layout.fixupCount]!;
  const requiredBytes = words[template + layout.requiredBytes]!;
  let glue = words[template + layout.glueCount]!;
  let bytes = requiredBytes;
  if (requiredBytes > room) {
    bytes = words[template + layout.coreBytes]!;
    if (glue === 0 || bytes > room) return false;
    glue = 0;
    responder.truncated = true;
  } else {
    for (let chunk = chunksAt; chunk < chunksAt + chunkCount; chunk += 1) {
      const word = words[chunk]!;
      if (bytes + (word & 0xffff) > room) break;
      bytes += word & 0xffff;
      glue += word >>> 16;
    }
  }
  copyWords(responder, words, chunksAt + chunkCount, bytes);
  moveNames(responder, zone, template, bytes, ownerAt, ownerBytes);
  const sections = words[template + layout.sections]!;
  responder.answerCount += sections & 0xffff;
  responder.authorityCount += sections >>> 16;
  responder.additionalCount += glue;
  responder.end += bytes;
  return true;
}

/** Copies whole words; up to 3 octets behind the last one that counts are written too. */
function copyWords(responder: Responder, words: Int32Array, from: number, bytes: number): void {
  const { view, end } = responder;
  for (let offset = 0; offset < bytes; offset += 4) {
    view.setInt32(end + offset, words[from + (offset >> 2)]!, littleEndian);
  }
}

/** Moves the compression pointers of a template that was just copied to `end`. */
function moveNames(
  responder: Responder,
  zone: ZoneView,
  template: number,
  bytes: number,
  ownerAt: number,
  ownerBytes: number,
): void {
  const { words } = zone;
  const { view, end } = responder;
  const compiledBytes = words[template + layout.ownerBytes]!;
  const suffixShift = ownerAt + ownerBytes - (compiledOwnerAt + compiledBytes);
  const bodyShift = end - responder.at - (compiledOwnerAt + compiledBytes + questionTailBytes);
  if (ownerAt === compiledOwnerAt && suffixShift === 0 && bodyShift === 0) return;
  const fixupsAt = template + layout.words;
  const fixupsEnd = fixupsAt + words[template + layout.fixupCount]!;
  for (let fixup = fixupsAt; fixup < fixupsEnd; fixup += 1) {
    const word = words[fixup]!;
    if ((word & 0xffff) >= bytes) return;
    const at = end + (word & 0xffff);
    const kind = word >> 16;
    if (kind === fixupKinds.owner) view.setUint16(at, 0xc000 | ownerAt);
    else if (kind === fixupKinds.suffix) view.setUint16(at, view.getUint16(at) + suffixShift);
    else view.setUint16(at, view.getUint16(at) + bodyShift);
  }
}

/** Writes everything of a record but its rdata at `end`, owned by the current owner name. */
export function writeRecordHead(
  responder: Responder,
  type: number,
  ttlSeconds: number,
  rdataBytes: number,
): void {
  const { view, end } = responder;
  view.setUint16(end, 0xc000 | responder.ownerAt);
  view.setUint16(end + 2, type);
  view.setUint16(end + 4, rrClasses.IN);
  view.setInt32(end + 6, ttlSeconds);
  view.setUint16(end + 10, rdataBytes);
}

/**
 * Writes the CNAME that a DNAME stands for (RFC 6672 §2.2): the current owner name, its ending of
 * `ancestorBytes` replaced by the DNAME's target, with the DNAME's TTL. The DNAME record stands at
 * `dnameAt` of the buffer. Returns false when it does not fit the answer.
 * The caller has seen to it that the new name is not too long.
 */
export function writeSynthesizedCname(responder: Responder, dnameAt: number): boolean {
  const { bytes, view, end } = responder;
  const prefixBytes = responder.ownerBytes - responder.ancestorBytes;
  const targetBytes = view.getUint16(dnameAt + 10);
  const rdataBytes = prefixBytes + targetBytes;
  if (end + recordHeadBytes + rdataBytes > responder.limit) return false;
  writeRecordHead(responder, rrTypes.CNAME, view.getInt32(dnameAt + 6), rdataBytes);
  const to = end + recordHeadBytes;
  const prefixAt = responder.at + responder.ownerAt;
  bytes.copyWithin(to, prefixAt, prefixAt + prefixBytes);
  const targetAt = dnameAt + recordHeadBytes;
  bytes.copyWithin(to + prefixBytes, targetAt, targetAt + targetBytes);
  responder.answerCount += 1;
  responder.end = to + rdataBytes;
  return true;
}

const hinfo = new TextEncoder().encode('\x07RFC8482\x00');
const hinfoTtlSeconds = 3600;

/** Writes the HINFO that stands for "no ANY here" (RFC 8482 §4.2). False when it does not fit. */
export function writeAnyHinfo(responder: Responder): boolean {
  const { end } = responder;
  if (end + recordHeadBytes + hinfo.length > responder.limit) return false;
  writeRecordHead(responder, rrTypes.HINFO, hinfoTtlSeconds, hinfo.length);
  responder.bytes.set(hinfo, end + recordHeadBytes);
  responder.answerCount += 1;
  responder.end = end + recordHeadBytes + hinfo.length;
  return true;
}
