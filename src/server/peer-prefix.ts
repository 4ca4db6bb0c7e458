import type { Prefix } from '../base/ip.ts';

/** True when one of the prefixes holds the peer (family, then four words). Allocates nothing. */
export function holdsPeer(prefixes: readonly Prefix[], peer: Int32Array): boolean {
  for (let index = 0; index < prefixes.length; index += 1) {
    if (prefixHoldsPeer(prefixes[index]!, peer)) return true;
  }
  return false;
}

function prefixHoldsPeer(prefix: Prefix, peer: Int32Array): boolean {
  if (prefix.address.family !== peer[0]) return false;
  const { words } = prefix.address;
  for (let word = 0, bits = prefix.length; bits > 0; word += 1, bits -= 32) {
    const mask = bits >= 32 ? -1 : -1 << (32 - bits);
    if (((words[word]! ^ peer[word + 1]!) & mask) !== 0) return false;
  }
  return true;
}
