// Zone files hold addresses by the million: these two read them without regular expressions.

/** Reads a dotted quad into its 32 bits; -1 when it is anything else. Leading zeros are refused. */
export function parseIpv4(text: string, from = 0): number {
  let word = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let index = from; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x2e) {
      if (digits === 0 || dots === 3) return -1;
      word = word * 256 + octet;
      octet = digits = 0;
      dots++;
    } else if (code >= 0x30 && code <= 0x39) {
      if (digits > 0 && octet === 0) return -1;
      octet = octet * 10 + code - 0x30;
      if (octet > 255) return -1;
      digits++;
    } else {
      return -1;
    }
  }
  return dots === 3 && digits > 0 ? word * 256 + octet : -1;
}

/**
 * Reads an IPv6 address (RFC 4291 §2.2) into 16 octets, which stay valid until the next call;
 * undefined when it is anything else. Zone ids are refused.
 */
export function parseIpv6(text: string): Uint8Array | undefined {
  const words = wordScratch;
  let count = 0;
  let gap = -1;
  let at = 0;
  if (text.startsWith('::')) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    if (count === 8) return undefined;
    let value = 0;
    const groupAt = at;
    for (; at < text.length; at++) {
      const digit = hexDigits[text.charCodeAt(at)] ?? 0;
      if (digit === 0) break;
      value = value * 16 + digit - 1;
    }
    if (text.charCodeAt(at) === 0x2e) {
      const word = count <= 6 ? parseIpv4(text, groupAt) : -1;
      if (word < 0) return undefined;
      words[count++] = Math.trunc(word / 0x1_0000);
      words[count++] = word;
      break;
    }
    if (at === groupAt || at - groupAt > 4) return undefined;
    words[count++] = value;
    if (at === text.length) break;
    // A colon, and not as the last character unless it is the second of a pair.
    if (text.charCodeAt(at) !== 0x3a || ++at === text.length) return undefined;
    if (text.charCodeAt(at) === 0x3a) {
      if (gap >= 0) return undefined;
      gap = count;
      at++;
    }
  }
  return spreadWords(words, count, gap);
}

const wordScratch = new Uint16Array(8);
const octetScratch = new Uint8Array(16);

/** The value of each hex digit, plus one; 0 for other characters. */
const hexDigits = new Uint8Array(128);
for (let digit = 0; digit < 16; digit++) {
  hexDigits[digit.toString(16).charCodeAt(0)] = digit + 1;
  hexDigits[digit.toString(16).toUpperCase().charCodeAt(0)] = digit + 1;
}

/** Writes the words as octets, zeros at the gap; undefined when there are too few or too many. */
function spreadWords(words: Uint16Array, count: number, gap: number): Uint8Array | undefined {
  if (gap < 0 ? count !== 8 : count > 7) return undefined;
  const octets = octetScratch.fill(0);
  const shift = 8 - count;
  for (let index = 0; index < count; index++) {
    const at = (gap >= 0 && index >= gap ? index + shift : index) * 2;
    octets[at] = words[index]! >>> 8;
    octets[at + 1] = words[index]!;
  }
  return octets;
}
