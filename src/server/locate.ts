import { node as layout, nodeFlags, referralWithDs } from '../image/layout.ts';
import { findClosestEncloser, findNode, findTemplate, type ZoneView } from '../image/zone-view.ts';
import { rrTypes } from '../wire/types.ts';
import type { Responder } from './responder.ts';

/** What a zone says of a name and type: the states of the algorithm of RFC 1034 §4.3.2. */
export const states = {
  /** `template` holds the answer. */
  hit: 0,
  /** `node` hands the address type asked for to a service. */
  steer: 1,
  /** `template` holds a CNAME to follow. */
  follow: 2,
  /** `template` holds the DNAME of an ancestor of `ancestorBytes` (RFC 6672). */
  redirect: 3,
  /** `template` holds the referral of the cut of `ancestorBytes`. */
  referral: 4,
  /** The name exists, the type does not. */
  nodata: 5,
  /** Neither the name nor a wildcard for it exists. */
  nxdomain: 6,
  /** ANY for a name that has nothing but its service (RFC 8482 §4.2). */
  anySteered: 7,
} as const;

/** Looks the query's name up in a zone that holds it; returns a state. */
export function locate(responder: Responder, zone: ZoneView): number {
  const { query } = responder;
  const { words } = zone;
  let node = findNode(zone, query.name, 0);
  if (node === 0) {
    const encloser = findClosestEncloser(zone, query.name);
    const isRedirected = (words[encloser + layout.flags]! & nodeFlags.dname) !== 0;
    const cover = words[encloser + layout.cover]! || (isRedirected ? encloser : 0);
    if (cover !== 0) return locateCover(responder, zone, cover);
    node = words[encloser + layout.wildcard]!;
    if (node === 0) return states.nxdomain;
  } else {
    const cover = words[node + layout.cover]!;
    // A cut's DS is the parent's to answer (RFC 4035 §3.1.4.1).
    const isParentSide = cover === node && query.type === rrTypes.DS;
    if (cover !== 0 && !isParentSide) return locateCover(responder, zone, cover);
  }
  return locateType(responder, zone, node);
}

function locateType(responder: Responder, zone: ZoneView, node: number): number {
  const { type } = responder.query;
  const { words } = zone;
  responder.node = node;
  const steered = words[node + layout.service]! >= 0;
  if (steered && (type === rrTypes.A || type === rrTypes.AAAA)) return states.steer;
  if (type === rrTypes.ANY) {
    // One RRset is enough (RFC 8482 §4.1): the first of the directory.
    if (words[node + layout.rrsetCount] === 0) return steered ? states.anySteered : states.nodata;
    responder.template = words[node + layout.words + 1]!;
    return states.hit;
  }
  const hasCname = (words[node + layout.flags]! & nodeFlags.cname) !== 0;
  const template = findTemplate(zone, node, type);
  if (template !== 0) {
    responder.template = template;
    return states.hit;
  }
  if (!hasCname) return states.nodata;
  responder.template = findTemplate(zone, node, rrTypes.CNAME);
  return states.follow;
}

function locateCover(responder: Responder, zone: ZoneView, cover: number): number {
  const { words } = zone;
  responder.ancestorBytes = words[cover + layout.nameBytes]!;
  if ((words[cover + layout.flags]! & nodeFlags.cut) === 0) {
    responder.template = findTemplate(zone, cover, rrTypes.DNAME);
    return states.redirect;
  }
  const withDs = responder.query.dnssecOk ? findTemplate(zone, cover, referralWithDs) : 0;
  responder.template = withDs || findTemplate(zone, cover, rrTypes.NS);
  return states.referral;
}
