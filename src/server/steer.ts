import { lookupClient } from '../geo/client-map.ts';
import { node as layout } from '../image/layout.ts';
import { littleEndian } from '../image/zone-name.ts';
import type { ZoneView } from '../image/zone-view.ts';
import {
  memberAt,
  pickAnswer,
  pickHeaderWords,
  type ServiceView,
  stickyHash,
} from '../policy/pick.ts';
import { rrTypes } from '../wire/types.ts';
import { counterAt } from './counters.ts';
import type { Responder } from './responder.ts';
import { recordHeadBytes, writeRecordHead } from './write-records.ts';

/** What became of a steered question. */
export const steerings = {
  answered: 0,
  /** The service has no VIP of the family, or means to answer nobody: NODATA. */
  empty: 1,
  /** The records do not fit. */
  tooLong: 2,
  /** The image has no such service, which is a bug. */
  broken: 3,
} as const;

/** Answers A or AAAA from the service of the node that `locate` found; returns a steering. */
export function steer(responder: Responder, zone: ZoneView): number {
  const { image, query, picked } = responder;
  const slot = zone.words[responder.node + layout.service]!;
  const service = image.services[slot];
  if (service === undefined) return steerings.broken;
  const family = query.type === rrTypes.A ? 4 : 6;
  if (!(family === 4 ? service.has4 : service.has6)) return steerings.empty;
  const count = pickForClient(responder, service, family);
  if (count < 0) return steerings.broken;
  // Negative answers are cached for everybody whatever the scope says (RFC 7871 §7.4).
  if (count === 0) return steerings.empty;
  const ownTtl = zone.words[responder.node + layout.steerTtlSeconds]!;
  const ttlSeconds = ownTtl >= 0 ? ownTtl : picked[0]!;
  if (!writeAddresses(responder, service, family, count, ttlSeconds)) return steerings.tooLong;
  responder.count(counterAt.steered);
  responder.traffic.countMember(slot, memberAt(service, picked[pickHeaderWords]!));
  return steerings.answered;
}

/** Picks for the client and notes the scope; returns the number of addresses, or -1. */
function pickForClient(responder: Responder, service: ServiceView, family: 4 | 6): number {
  const { image, query, peer, picked, random } = responder;
  const subnet = query.subnetWords;
  // A source of 0 asks not to be told apart: the resolver itself is the client (RFC 7871 §7.1.2).
  const useSubnet = query.hasSubnet && query.sourcePrefixLength > 0;
  const clientFamily = useSubnet ? (query.subnetFamily === 1 ? 4 : 6) : peer[0] === 4 ? 4 : 6;
  const w0 = useSubnet ? subnet[0]! : peer[1]!;
  const w1 = useSubnet ? subnet[1]! : peer[2]!;
  const w2 = useSubnet ? subnet[2]! : peer[3]!;
  const w3 = useSubnet ? subnet[3]! : peer[4]!;
  let classIndex = 0;
  let scope = 0;
  if (service.mapSlot >= 0) {
    const map = image.maps[service.mapSlot];
    if (map === undefined) return -1;
    const found = lookupClient(map, clientFamily, w0, w1, w2, w3);
    classIndex = found >> 8;
    scope = found & 0xff;
  }
  const hash = stickyHash(clientFamily, w0, w1);
  const count = pickAnswer(service, family, classIndex, hash, random, picked);
  if (useSubnet && count > 0) responder.scopePrefixLength = Math.max(scope, picked[1]!);
  return Math.min(count, picked.length - pickHeaderWords);
}

function writeAddresses(
  responder: Responder,
  service: ServiceView,
  family: 4 | 6,
  count: number,
  ttlSeconds: number,
): boolean {
  const { view, picked } = responder;
  const addressBytes = family === 4 ? 4 : 16;
  const recordBytes = recordHeadBytes + addressBytes;
  if (responder.end + recordBytes * count > responder.limit) return false;
  for (let index = 0; index < count; index += 1) {
    writeRecordHead(responder, responder.query.type, ttlSeconds, addressBytes);
    const word = picked[pickHeaderWords + index]! >> 2;
    const to = responder.end + recordHeadBytes;
    for (let offset = 0; offset < addressBytes; offset += 4) {
      view.setInt32(to + offset, service.words[word + (offset >> 2)]!, littleEndian);
    }
    responder.end += recordBytes;
  }
  responder.answerCount += count;
  return true;
}
