import { limits } from '../base/limits.ts';
import { rcodes } from '../wire/types.ts';
import { counterAt } from './counters.ts';
import { holdsPeer } from './peer-prefix.ts';
import type { Responder } from './responder.ts';
import { optBytes, writeOpt } from './write-opt.ts';

/** Bits of the header's second word. */
const headerBits = {
  response: 0x8000,
  opcode: 0x7800,
  aa: 0x0400,
  tc: 0x0200,
  rd: 0x0100,
  cd: 0x0010,
} as const;

/**
 * Sets how long the answer may be: over UDP what the requestor can take (at least 512 octets, RFC
 * 6891 §6.2.3) and we are willing to send, over streams 65,535; never more than `capacity`. Keeps
 * room for OPT. Returns where the message must end in the buffer.
 */
export function setLimit(responder: Responder, capacity: number): number {
  const { query, settings, transport } = responder;
  let messageBytes: number = limits.messageBytes;
  if (transport === 0) {
    const asked = Math.max(query.udpPayloadBytes, limits.minUdpPayloadBytes);
    messageBytes = query.hasEdns
      ? Math.min(asked, settings.udpPayloadBytes)
      : limits.minUdpPayloadBytes;
  }
  const end = responder.at + Math.min(messageBytes, capacity);
  responder.limit = end - optBytes(responder);
  return end;
}

/** True when this peer's client subnets count (RFC 7871 §7.2.1). */
export function mayUseSubnet(responder: Responder): boolean {
  const { allow, from } = responder.settings.ecs;
  return allow && (from === undefined || holdsPeer(from, responder.peer));
}

/** Writes OPT and the header, counts the answer, and returns its length in octets. */
export function finishAnswer(responder: Responder, limit: number): number {
  // What fits no stream fits nowhere, so that asking again over one would not help.
  if (responder.truncated && responder.transport !== 0) {
    responder.truncate();
    responder.truncated = false;
    responder.rcode = rcodes.SERVFAIL;
  }
  if (responder.query.hasEdns) writeOpt(responder, limit);
  if (responder.truncated) responder.count(counterAt.truncated);
  writeHeader(responder);
  responder.countAnswer(responder.rcode);
  return responder.end - responder.at;
}

/**
 * Turns the request that could not be answered for a bug of ours into SERVFAIL (invariant 10): its
 * header, and its question where that was read. Returns its length in octets.
 */
export function failAnswer(responder: Responder, at: number, bytes: number): number {
  responder.count(counterAt.failures);
  if (bytes < 12 || (responder.view.getUint8(at + 2) & 0x80) !== 0) return 0;
  responder.begin(at);
  responder.rcode = rcodes.SERVFAIL;
  writeHeader(responder);
  responder.countAnswer(rcodes.SERVFAIL);
  return responder.end - at;
}

/**
 * RD and the opcode come back as they were (RFC 1035 §4.1.1), and so does CD (RFC 4035 §3); RA, Z and
 * AD are clear.
 */
function writeHeader(responder: Responder): void {
  const { view, at, query } = responder;
  view.setUint16(
    at + 2,
    headerBits.response |
      (query.headerFlags & (headerBits.opcode | headerBits.rd | headerBits.cd)) |
      (responder.authoritative ? headerBits.aa : 0) |
      (responder.truncated ? headerBits.tc : 0) |
      (responder.rcode & 0xf),
  );
  view.setUint16(at + 4, query.questionEnd > 12 ? 1 : 0);
  view.setUint16(at + 6, responder.answerCount);
  view.setUint16(at + 8, responder.authorityCount);
  view.setUint16(at + 10, responder.additionalCount);
}
