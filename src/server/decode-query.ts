import { readLookupName } from '../image/zone-name.ts';
import { rcodes, rrTypes } from '../wire/types.ts';
import { decodeOptions } from './decode-options.ts';
import type { Query } from './query.ts';

/** What `decodeQuery` returns for a message that gets no answer at all. */
export const dropped = -1;

/** What `decodeQuery` returns for a query that can be looked up. */
export const decoded = 0;

/** What `decodeQuery` returns for a request without a question that asks for a cookie. */
export const cookieAsked = -2;

const headerBytes = 12;
/** Type, class, TTL and RDLENGTH. */
const recordTailBytes = 10;

/**
 * Reads the request of `bytes` octets at `at` into `query`. Returns `decoded`, `dropped`,
 * `cookieAsked`, or the RCODE of the error: FORMERR, NOTIMP or BADVERS. Total: any bytes give one of these.
 * The buffer must reach 3 octets past the request. `useSubnet` false leaves client subnets unread.
 */
export function decodeQuery(
  query: Query,
  view: DataView,
  at: number,
  bytes: number,
  useSubnet: boolean,
): number {
  query.reset();
  if (bytes < headerBytes) return dropped;
  const flags = view.getUint16(at + 2);
  // A response is never answered, lest two servers talk to each other forever (invariant 11).
  if ((flags & 0x8000) !== 0) return dropped;
  query.headerFlags = flags;
  // Sections mean other things under other opcodes, so only the header goes back (RFC 8906 §8.1.4).
  if ((flags & 0x7800) !== 0) return rcodes.NOTIMP;
  const end = at + bytes;
  const questions = view.getUint16(at + 4);
  if (questions === 0) return decodeQuestionless(query, view, at, end, useSubnet);
  if (questions !== 1) return rcodes.FORMERR; // RFC 9619 §4

  const nameBytes = readLookupName(query.name, view, at + headerBytes, end);
  if (nameBytes < 0) return rcodes.FORMERR;
  const questionEnd = at + headerBytes + nameBytes + 4;
  if (questionEnd > end) return rcodes.FORMERR;
  query.type = view.getUint16(questionEnd - 4);
  query.class = view.getUint16(questionEnd - 2);
  query.questionEnd = questionEnd - at;

  // Most queries have one OPT at most; records elsewhere (IXFR's SOA) are stepped over.
  const early = view.getUint16(at + 6) + view.getUint16(at + 8);
  const total = early + view.getUint16(at + 10);
  return total === 0 ? decoded : decodeRecords(query, view, at, end, early, total, useSubnet);
}

/** Without a question, only a cookie can be asked for (RFC 7873 §5.4, RFC 9619 §4). */
function decodeQuestionless(
  query: Query,
  view: DataView,
  at: number,
  end: number,
  useSubnet: boolean,
): number {
  const early = view.getUint16(at + 6) + view.getUint16(at + 8);
  const total = early + view.getUint16(at + 10);
  const outcome = decodeRecords(query, view, at, end, early, total, useSubnet);
  if (outcome !== decoded) return outcome;
  return query.cookieBytes > 0 ? cookieAsked : rcodes.FORMERR;
}

/**
 * Steps over the records behind the question and reads the OPT among the additional ones, wherever
 * it stands (RFC 6891 §6.1.1). Octets behind the last record are left alone.
 */
function decodeRecords(
  query: Query,
  view: DataView,
  start: number,
  end: number,
  early: number,
  total: number,
  useSubnet: boolean,
): number {
  let at = start + query.questionEnd;
  let optAt = -1;
  for (let index = 0; index < total; index += 1) {
    const nameEnd = skipName(view, at, end);
    if (nameEnd < 0 || nameEnd + recordTailBytes > end) return rcodes.FORMERR;
    const next = nameEnd + recordTailBytes + view.getUint16(nameEnd + 8);
    if (next > end) return rcodes.FORMERR;
    if (view.getUint16(nameEnd) === rrTypes.OPT) {
      const isProper = index >= early && nameEnd === at + 1 && optAt < 0;
      query.hasEdns = true;
      if (!isProper) return rcodes.FORMERR;
      optAt = nameEnd;
    }
    at = next;
  }
  return optAt < 0 ? decoded : decodeOpt(query, view, start, optAt, useSubnet);
}

/** `at` is where the OPT's type stands. */
function decodeOpt(
  query: Query,
  view: DataView,
  start: number,
  at: number,
  useSubnet: boolean,
): number {
  query.udpPayloadBytes = view.getUint16(at + 2);
  query.dnssecOk = (view.getUint16(at + 6) & 0x8000) !== 0;
  // A later version may have given the options another form, so they stay unread (RFC 6891 §6.1.3).
  if (view.getUint8(at + 5) !== 0) return rcodes.BADVERS;
  const optionsAt = at + recordTailBytes;
  const optionsEnd = optionsAt + view.getUint16(at + 8);
  return decodeOptions(query, view, start, optionsAt, optionsEnd, useSubnet);
}

/** Offset behind a name that may be compressed; -1 when it is malformed. */
function skipName(view: DataView, at: number, end: number): number {
  let next = at;
  while (next < end) {
    const length = view.getUint8(next);
    if (length === 0) return next + 1;
    if (length >= 0xc0) return next + 2;
    if (length > 63) return -1;
    next += 1 + length;
    if (next - at > 254) return -1;
  }
  return -1;
}
