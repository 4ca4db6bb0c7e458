import { limits } from '../base/limits.ts';
import { findZoneSlot, type ZoneView } from '../image/zone-view.ts';
import { rcodes, rrClasses, rrTypes } from '../wire/types.ts';
import { answerChaos } from './chaos.ts';
import { counterAt, typeCounter } from './counters.ts';
import { cookieAsked, decoded, decodeQuery, dropped } from './decode-query.ts';
import { finishAnswer, mayUseSubnet, setLimit } from './finish-answer.ts';
import { followCname } from './follow.ts';
import { answerCookie, hintClient, judgeClient } from './judge-client.ts';
import { locate, states } from './locate.ts';
import { verdicts } from './rate-limit.ts';
import type { Responder } from './responder.ts';
import { steer, steerings } from './steer.ts';
import { redirectedBytes, writeAncestor, writeNegative, writeOwned } from './write-answer.ts';
import { extendedErrors } from './write-opt.ts';
import { writeAnyHinfo, writeSynthesizedCname } from './write-records.ts';

/**
 * Answers the request of `bytes` octets at `at` of the responder's buffer, in place: packet in →
 * decode → who asks → zone and node → policy pick → encode → packet out. `capacity` is the octets of
 * the slot. Returns the answer's length, or 0 where none may be sent. No string, no allocation, no I/O.
 */
export function answerQuery(
  responder: Responder,
  at: number,
  bytes: number,
  capacity: number,
): number {
  const { query, view } = responder;
  responder.count(counterAt.transports + responder.transport);
  const outcome = decodeQuery(query, view, at, bytes, mayUseSubnet(responder));
  if (outcome === dropped) {
    responder.count(counterAt.dropped);
    return 0;
  }
  responder.begin(at);
  const verdict = judgeClient(responder);
  if (verdict === verdicts.drop) return 0;
  const limit = setLimit(responder, capacity);
  if (outcome === decoded) {
    responder.count(typeCounter(query.type));
    responder.rcode = verdict === verdicts.slip ? hintClient(responder) : answerQuestion(responder);
  } else {
    responder.rcode = outcome === cookieAsked ? answerCookie(responder) : outcome;
    if (responder.rcode === rcodes.FORMERR) responder.count(counterAt.malformed);
  }
  return finishAnswer(responder, limit);
}

/** Chooses by class and type who answers; returns the RCODE. */
function answerQuestion(responder: Responder): number {
  const { query } = responder;
  if (query.class === rrClasses.CH) return answerChaos(responder);
  // Answers of every class at once could not be authoritative (RFC 1034 §4.3.1, class ANY).
  if (query.class !== rrClasses.IN) return refuse(responder, extendedErrors.notAuthoritative);
  // Meta-types: OPT and TSIG are no questions, the others not offered (RFC 6895 §3.1).
  if (query.type === rrTypes.OPT || query.type === rrTypes.TSIG) return rcodes.FORMERR;
  if (query.type === rrTypes.AXFR || query.type === rrTypes.IXFR) {
    return refuse(responder, extendedErrors.notSupported);
  }
  if (query.type >= 128 && query.type < rrTypes.ANY) {
    responder.extendedError = extendedErrors.notSupported;
    return rcodes.NOTIMP;
  }
  // REFUSED would tell resolvers that the delegation is lame; this tells them to ask another server.
  if (responder.image.zoneIndex === undefined) {
    responder.extendedError = extendedErrors.notReady;
    return rcodes.SERVFAIL;
  }
  const zone = findZone(responder);
  if (zone === undefined) return refuse(responder, extendedErrors.notAuthoritative);
  responder.traffic.countZone(responder.zoneSlot);
  return answerFromZones(responder, zone);
}

function refuse(responder: Responder, extendedError: number): number {
  responder.extendedError = extendedError;
  return rcodes.REFUSED;
}

/** The longest zone here that holds the name, or undefined (RFC 1034 §4.3.2 step 2). */
function findZone(responder: Responder): ZoneView | undefined {
  const { image, query } = responder;
  if (image.zoneIndex === undefined) return undefined;
  const slot = findZoneSlot(image.zoneIndex, query.name, query.type === rrTypes.DS);
  if (slot < 0) return undefined;
  responder.zoneSlot = slot;
  return image.zones[slot];
}

/** Answers from our zones, along CNAMEs and DNAMEs as far as they stay here; returns the RCODE. */
function answerFromZones(responder: Responder, firstZone: ZoneView): number {
  let zone: ZoneView | undefined = firstZone;
  // AA speaks of the first owner name (RFC 1035 §4.1.1): only a referral at once clears it.
  responder.authoritative = true;
  for (let hops = 0; zone !== undefined; hops += 1) {
    const recordAt = responder.end;
    switch (locate(responder, zone)) {
      case states.hit:
        return writeOwned(responder, zone) ? rcodes.NOERROR : truncated(responder);
      case states.steer:
        return answerSteered(responder, zone);
      case states.anySteered:
        return writeAnyHinfo(responder) ? rcodes.NOERROR : truncated(responder);
      case states.nodata:
        return writeNegative(responder, zone) ? rcodes.NOERROR : truncated(responder);
      case states.nxdomain:
        return writeNegative(responder, zone) ? rcodes.NXDOMAIN : truncated(responder);
      case states.referral:
        if (hops === 0) responder.authoritative = false;
        return writeAncestor(responder, zone) ? rcodes.NOERROR : truncated(responder);
      case states.follow:
        if (!writeOwned(responder, zone)) return truncated(responder);
        if (!followCname(responder, recordAt, hops)) return rcodes.NOERROR;
        break;
      default: {
        // A DNAME and the CNAME that it stands for (RFC 6672 §3.2 step 3c).
        if (!writeAncestor(responder, zone)) return truncated(responder);
        if (redirectedBytes(responder, recordAt) > limits.nameBytes) return rcodes.YXDOMAIN;
        const cnameAt = responder.end;
        if (!writeSynthesizedCname(responder, recordAt)) return truncated(responder);
        const { type } = responder.query;
        if (type === rrTypes.CNAME || type === rrTypes.ANY) return rcodes.NOERROR;
        if (!followCname(responder, cnameAt, hops)) return rcodes.NOERROR;
      }
    }
    zone = findZone(responder);
  }
  return rcodes.NOERROR;
}

function answerSteered(responder: Responder, zone: ZoneView): number {
  switch (steer(responder, zone)) {
    case steerings.answered:
      return rcodes.NOERROR;
    case steerings.empty:
      return writeNegative(responder, zone) ? rcodes.NOERROR : truncated(responder);
    case steerings.tooLong:
      return truncated(responder);
    default:
      return failed(responder);
  }
}

function truncated(responder: Responder): number {
  responder.truncate();
  return rcodes.NOERROR;
}

function failed(responder: Responder): number {
  responder.truncate();
  responder.truncated = false;
  responder.authoritative = false;
  return rcodes.SERVFAIL;
}
