/** The 16-bit groups of the address being read; scratch memory. */
const groups = new Uint16Array(8);

/**
 * Reads the text of an address as sockets give it into `peer`: family (4 or 6), then four big-endian
 * words. IPv4-mapped addresses become IPv4; a zone id (`%eth0`) is left out. Returns false for
 * anything else. Allocates nothing, unlike `parseIp`.
 */
export function readPeerAddress(text: string, peer: Int32Array): boolean {
  peer.fill(0);
  if (text.indexOf(':') < 0) {
    peer[0] = 4;
    if (!readDottedQuad(text, 0, text.length, 0)) return false;
    peer[1] = (groups[0]! << 16) | groups[1]!;
    return true;
  }
  peer[0] = 6;
  const zoneId = text.indexOf('%');
  if (!readGroups(text, zoneId < 0 ? text.length : zoneId)) return false;
  for (let word = 0; word < 4; word += 1) {
    peer[word + 1] = (groups[word * 2]! << 16) | groups[word * 2 + 1]!;
  }
  if (peer[1] === 0 && peer[2] === 0 && peer[3] === 0xffff) {
    peer[0] = 4;
    peer[1] = peer[4]!;
    peer[3] = 0;
    peer[4] = 0;
  }
  return true;
}

/** Reads `192.0.2.1` between two places into `groups[group]` and the next. */
function readDottedQuad(text: string, from: number, end: number, group: number): boolean {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let at = from; at < end; at += 1) {
    const character = text.charCodeAt(at);
    if (character === 0x2e && octet >= 0) {
      value = (value << 8) | octet;
      octet = -1;
      dots += 1;
      continue;
    }
    const digit = character - 0x30;
    if (digit < 0 || digit > 9) return false;
    octet = (octet < 0 ? 0 : octet * 10) + digit;
    if (octet > 255) return false;
  }
  if (dots !== 3 || octet < 0) return false;
  value = (value << 8) | octet;
  groups[group] = value >>> 16;
  groups[group + 1] = value;
  return true;
}

/** Reads eight groups, with `::` for a run of zeros, perhaps with a dotted quad for the last two. */
function readGroups(text: string, end: number): boolean {
  let count = 0; // groups read
  let gap = -1; // how many of them stand before `::`
  let at = 0;
  if (text.startsWith('::')) {
    gap = 0;
    at = 2;
  }
  while (at < end) {
    let value = 0;
    const start = at;
    for (; at < end && text.charCodeAt(at) !== 0x3a; at += 1) {
      if (text.charCodeAt(at) === 0x2e) {
        if (count > 6 || !readDottedQuad(text, start, end, count)) return false;
        return spreadGap(gap, count + 2);
      }
      const digit = hexDigit(text.charCodeAt(at));
      value = value * 16 + digit;
      if (digit < 0 || value > 0xffff) return false;
    }
    if (at === start || count > 7) return false;
    groups[count] = value;
    count += 1;
    if (at === end) break;
    at += 1;
    if (at < end && text.charCodeAt(at) === 0x3a) {
      if (gap >= 0) return false;
      gap = count;
      at += 1;
    } else if (at === end) {
      return false;
    }
  }
  return spreadGap(gap, count);
}

/** Moves the groups behind `::` to the end. False when there are too many or too few. */
function spreadGap(gap: number, count: number): boolean {
  if (gap < 0) return count === 8;
  if (count > 7) return false;
  groups.copyWithin(8 - (count - gap), gap, count);
  groups.fill(0, gap, 8 - (count - gap));
  return true;
}

function hexDigit(character: number): number {
  if (character >= 0x30 && character <= 0x39) return character - 0x30;
  const lower = character | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
