import { limits } from '../base/limits.ts';
import { readLookupName } from '../image/zone-name.ts';
import type { Responder } from './responder.ts';
import { recordHeadBytes } from './write-records.ts';

/**
 * Makes the target of the CNAME record that stands at `cnameAt` of the buffer the name to look up
 * next, and the owner of what comes next. `hops` counts the redirections followed before this one.
 * False when the chain has come back to a name that it had, or is as long as limits.cnameChain.
 */
export function followCname(responder: Responder, cnameAt: number, hops: number): boolean {
  if (hops >= limits.cnameChain) return false;
  const { query, view, chainAt } = responder;
  chainAt[hops] = responder.ownerAt;
  const targetAt = cnameAt + recordHeadBytes;
  if (readLookupName(query.name, view, targetAt, responder.end) < 0) return false;
  responder.ownerAt = targetAt - responder.at;
  responder.ownerBytes = query.name.nameBytes;
  for (let earlier = 0; earlier <= hops; earlier += 1) {
    if (isSameName(responder, chainAt[earlier]!)) return false;
  }
  return true;
}

/** Compares the name to look up with the one at `nameAt` of the message, whatever its case. */
function isSameName(responder: Responder, nameAt: number): boolean {
  const { bytes, at } = responder;
  const { name } = responder.query;
  for (let offset = 0; offset < name.nameBytes; offset += 1) {
    const octet = bytes[at + nameAt + offset]!;
    const lower = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
    if (lower !== name.bytes[offset]) return false;
  }
  return true;
}
