import { ednsOptions, rcodes } from '../wire/types.ts';
import type { Query } from './query.ts';

/**
 * Walks the EDNS options from `at` to `end` and keeps those that Meridian knows; others are ignored
 * (RFC 6891 §6.1.2). Returns NOERROR, or FORMERR when one is malformed. `start` is the message's.
 */
export function decodeOptions(
  query: Query,
  view: DataView,
  start: number,
  at: number,
  end: number,
  useSubnet: boolean,
): number {
  let next = at;
  while (next < end) {
    if (next + 4 > end) return rcodes.FORMERR;
    const code = view.getUint16(next);
    const length = view.getUint16(next + 2);
    const value = next + 4;
    next = value + length;
    if (next > end) return rcodes.FORMERR;
    if (code === ednsOptions.CLIENT_SUBNET) {
      if (useSubnet && !decodeSubnet(query, view, value, length)) return rcodes.FORMERR;
    } else if (code === ednsOptions.COOKIE) {
      // A client cookie of 8 octets, and perhaps a server cookie of 8 to 32 (RFC 7873 §5.2.2).
      // Only the first option counts, others are ignored (§5.2).
      if (query.cookieBytes === 0) {
        if (length !== 8 && (length < 16 || length > 40)) return rcodes.FORMERR;
        query.cookieAt = value - start;
        query.cookieBytes = length;
      }
    } else if (code === ednsOptions.NSID) {
      query.nsidAsked = true;
    } else if (code === ednsOptions.TCP_KEEPALIVE) {
      query.keepaliveAsked = true;
    }
  }
  return rcodes.NOERROR;
}

/**
 * Reads a client subnet (RFC 7871 §6). False when it is malformed: a family other than 1 and 2 (or 0
 * with nothing in it), a scope, too long a prefix, an address of another length than the prefix
 * takes, bits beyond the prefix, or a second such option.
 */
function decodeSubnet(query: Query, view: DataView, at: number, length: number): boolean {
  if (length < 4 || query.hasSubnet) return false;
  const family = view.getUint16(at);
  const source = view.getUint8(at + 2);
  const scope = view.getUint8(at + 3);
  const maxSource = family === 1 ? 32 : family === 2 ? 128 : 0;
  const addressBytes = length - 4;
  if (family > 2 || scope !== 0 || source > maxSource) return false;
  if (addressBytes !== (source + 7) >> 3) return false;
  const { subnetWords } = query;
  // Word by word: a call of fill() costs as much as all the rest (bench/answer-query.ts).
  for (let word = 0; word < 4; word += 1) subnetWords[word] = 0;
  for (let index = 0; index < addressBytes; index += 1) {
    subnetWords[index >> 2]! |= view.getUint8(at + 4 + index) << (24 - (index & 3) * 8);
  }
  const spareBits = addressBytes * 8 - source;
  if (addressBytes > 0 && (view.getUint8(at + 3 + addressBytes) & ((1 << spareBits) - 1)) !== 0) {
    return false;
  }
  query.hasSubnet = true;
  query.subnetFamily = family;
  query.sourcePrefixLength = source;
  return true;
}
