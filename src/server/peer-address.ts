/**
 * Reads the text of an address as sockets give it into `peer`: family (4 or 6), then four big-endian
 * words. IPv4-mapped addresses become IPv4; a zone id (`%eth0`) is left out. Returns false for
 * anything else. Allocates nothing, unlike `parseIp`.
 */
export function readPeerAddress(text: string, peer: Int32Array): boolean {
  peer.fill(0);
  if (text.indexOf(':') < 0) {
    peer[0] = 4;
    return readDottedQuad(text, 0, peer, 1);
  }
  peer[0] = 6;
  if (!readIpv6(text, peer)) return false;
  if (peer[1] === 0 && peer[2] === 0 && peer[3] === 0xffff) {
    peer[0] = 4;
    peer[1] = peer[4]!;
    peer[3] = 0;
    peer[4] = 0;
  }
  return true;
}

function readDottedQuad(text: string, from: number, peer: Int32Array, word: number): boolean {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let at = from; at < text.length; at += 1) {
    const character = text.charCodeAt(at);
    if (character === 0x2e && octet >= 0) {
      value = (value << 8) | octet;
      octet = -1;
      dots += 1;
    } else {
      const digit = character - 0x30;
      if (digit < 0 || digit > 9) return false;
      octet = (octet < 0 ? 0 : octet * 10) + digit;
      if (octet > 255) return false;
    }
  }
  if (dots !== 3 || octet < 0) return false;
  peer[word] = (value << 8) | octet;
  return true;
}

/** Eight groups, with `::` for a run of zeros, perhaps with a dotted quad for the last two. */
function readIpv6(text: string, peer: Int32Array): boolean {
  let group = 0; // groups complete so far
  let gap = -1; // where `::` stands among them
  let value = -1;
  let start = 0; // where the group under way begins
  let end = text.indexOf('%');
  if (end < 0) end = text.length;
  for (let at = 0; at <= end; at += 1) {
    const character = at < end ? text.charCodeAt(at) : 0x3a;
    if (character === 0x2e) {
      if (group > 6 || !readDottedQuad(text.slice(start, end), 0, peer, 1 + (group >> 1))) {
        return false;
      }
      if ((group & 1) !== 0) return false;
      group += 2;
      break;
    }
    if (character === 0x3a) {
      if (value >= 0) {
        if (group > 7) return false;
        setGroup(peer, group, value);
        group += 1;
        value = -1;
      } else if (at > 0 && at < end && text.charCodeAt(at - 1) === 0x3a) {
        if (gap >= 0) return false;
        gap = group;
      }
      start = at + 1;
      continue;
    }
    const digit = hexDigit(character);
    if (digit < 0) return false;
    value = (value < 0 ? 0 : value * 16) + digit;
    if (value > 0xffff) return false;
  }
  if (gap < 0) return group === 8;
  spreadGap(peer, gap, group);
  return group < 8;
}

/** Moves the groups behind `::` to the end of the address. */
function spreadGap(peer: Int32Array, gap: number, groups: number): void {
  for (let moved = 0; moved < groups - gap; moved += 1) {
    const from = groups - 1 - moved;
    const value = (peer[1 + (from >> 1)]! >>> ((from & 1) === 0 ? 16 : 0)) & 0xffff;
    setGroup(peer, from, 0);
    setGroup(peer, 7 - moved, value);
  }
}

function setGroup(peer: Int32Array, group: number, value: number): void {
  const word = 1 + (group >> 1);
  peer[word] =
    (group & 1) === 0 ? (peer[word]! & 0xffff) | (value << 16) : (peer[word]! & 0xffff0000) | value;
}

function hexDigit(character: number): number {
  if (character >= 0x30 && character <= 0x39) return character - 0x30;
  const lower = character | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
