/** True where words are stored with their low byte first. */
export const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Longest name (255 octets), and room to read and write whole words past its end. */
const scratchBytes = 264;

/**
 * A name being looked up: lower case, zeros behind it, and where each label begins. One per
 * thread, overwritten by every query, so that nothing is allocated.
 *
 *   bytes   03 w w w 07 e x a m p l e 03 c o m 00 │ 00 00 00 …
 *   labelAt 0        4                12       16
 */
export class LookupName {
  readonly bytes = new Uint8Array(scratchBytes);
  readonly view = new DataView(this.bytes.buffer);
  /** Offset of each label, and of the root at index `labels`. */
  readonly labelAt = new Uint8Array(129);
  /** Labels, the root not counted: 0 to 127. */
  labels = 0;
  /** Octets with the root: 1 to 255. */
  nameBytes = 0;
}

/**
 * Reads an uncompressed name from `from[at]` up to `end` (excluded) into `into`. Returns its length
 * in octets, or -1 when it is compressed, over 255 octets or cut short (RFC 1035 §2.3.4, §4.1.4).
 * `view` lies over the bytes to read and must reach 3 bytes past the name.
 */
export function readLookupName(into: LookupName, view: DataView, at: number, end: number): number {
  const { labelAt } = into;
  let offset = 0;
  let labels = 0;
  for (;;) {
    if (at + offset >= end || offset > 254) return -1;
    const length = view.getUint8(at + offset);
    labelAt[labels] = offset;
    if (length === 0) break;
    if (length > 63) return -1;
    labels += 1;
    offset += 1 + length;
  }
  const nameBytes = offset + 1;
  into.labels = labels;
  into.nameBytes = nameBytes;
  const to = into.view;
  for (let word = 0; word < nameBytes; word += 4) {
    to.setInt32(word, lowerCase4(view.getInt32(at + word, true)), true);
  }
  to.setInt32(nameBytes, 0, true);
  return nameBytes;
}

/**
 * Lower-cases the four ASCII characters of a word. Label lengths (0 to 63) lie below `A` and stay,
 * so whole wire names can go through.
 */
function lowerCase4(word: number): number {
  const low7 = word & 0x7f7f7f7f;
  const fromA = low7 + 0x3f3f3f3f; // high bit set where the character is `A` or beyond
  const afterZ = low7 + 0x25252525; // high bit set where it is beyond `Z`
  return word | (((fromA ^ afterZ) & ~word & 0x80808080) >>> 2);
}

/**
 * Hashes a lower-case wire name, four bytes at a time (murmur3, A. Appleby). The bytes from its end
 * to the next whole word must be zeros. Returns a signed 32-bit integer, never 0.
 */
export function hashName(view: DataView, at: number, nameBytes: number): number {
  let hash = nameBytes;
  for (let offset = 0; offset < nameBytes; offset += 4) {
    let word = Math.imul(view.getInt32(at + offset, true), 0xcc9e2d51);
    word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
    hash ^= word;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  return hash === 0 ? 1 : hash;
}

const padded = new DataView(new ArrayBuffer(scratchBytes));
const paddedBytes = new Uint8Array(padded.buffer);

/** Hashes a lower-case wire name of which nothing is known of what stands behind it. */
export function hashWire(wire: Uint8Array): number {
  paddedBytes.set(wire);
  paddedBytes.fill(0, wire.length, wire.length + 4);
  return hashName(padded, 0, wire.length);
}
