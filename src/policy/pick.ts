import { mix32, type Random } from '../base/random.ts';
import type { Choice, Vip } from './choice.ts';
import { op, rootField, serviceHeader, serviceMagic, weightThresholds } from './program.ts';

/** A service segment, opened for answering; the layout is drawn in policy/program.ts. */
export interface ServiceView {
  /** Slot of the client map that yields the class index, or -1: every client is class 0. */
  readonly mapSlot: number;
  /** Classes that have a program; a higher index is served as class 0. */
  readonly classCount: number;
  /** Whether any member is configured with a VIP of the family; without one the answer is NODATA. */
  readonly has4: boolean;
  readonly has6: boolean;
  /** The whole segment; `pickAnswer` gives byte offsets into it. */
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly unsigned: Uint32Array;
  readonly floats: Float32Array;
}

/** Words before the first byte offset in what `pickAnswer` writes. */
export const pickHeaderWords = 2;

/** Opens a segment; a wrong magic word is a bug of ours and throws. */
export function openServiceSegment(
  segment: SharedArrayBuffer,
  at = 0,
  bytes = segment.byteLength - at,
): ServiceView {
  const words = new Int32Array(segment, at, bytes >> 2);
  if (words[serviceHeader.magic] !== serviceMagic) throw new Error('not a service segment');
  const families = words[serviceHeader.families]!;
  return {
    mapSlot: words[serviceHeader.mapSlot]!,
    classCount: words[serviceHeader.classCount]!,
    has4: (families & 1) !== 0,
    has6: (families & 2) !== 0,
    bytes: new Uint8Array(segment, at, bytes),
    words,
    unsigned: new Uint32Array(segment, at, bytes >> 2),
    floats: new Float32Array(segment, at, bytes >> 2),
  };
}

/** Number of the member that an address belongs to, given the address's byte offset. */
export function memberAt(view: ServiceView, addressAt: number): number {
  return view.words[(addressAt >> 2) - 1]!;
}

/**
 * The client as sticky policies know it: a hash of its /24 or /56 (DESIGN.md §4). `w0` and `w1` are the
 * first two big-endian words of its address. The lowest bit tells the family (1 is IPv6), by which
 * `pickAnswer` knows how long the answer's scope must be.
 */
export function stickyHash(family: 4 | 6, w0: number, w1: number): number {
  if (family === 4) return (mix32((w0 >>> 8) ^ 0x34) & ~1) >>> 0;
  return (mix32(mix32(w0) ^ (w1 >>> 8) ^ 0x3600_0000) | 1) >>> 0;
}

/**
 * Executes the program of a class for A (4) or AAAA (6) and returns the number of addresses.
 *
 * `out` (at least 2 + 8 words) takes: [0] the TTL in seconds, [1] the least scope prefix length that the
 * choice demands of a client subnet (24 or 56 by the client's family when a sticky node is involved,
 * else 0), [2…] byte offsets into `view.bytes` of addresses of 4 or 16 octets. `clientHash` is
 * `stickyHash` of the client. Draws from `random` only where the program has something to draw.
 *
 * Rotation starts at a random place rather than at a counter's: a resolver that asks at regular
 * intervals would meet a shared counter in step with itself and get the same address every time.
 */
export function pickAnswer(
  view: ServiceView,
  family: 4 | 6,
  classIndex: number,
  clientHash: number,
  random: Random,
  out: Int32Array,
): number {
  const words = view.words;
  const table = words[family === 4 ? serviceHeader.tableA : serviceHeader.tableAaaa]!;
  const row = classIndex >= 0 && classIndex < view.classCount ? classIndex : 0;
  const root = words[table + row]!;
  out[0] = words[root + rootField.ttlSeconds]!;
  out[1] = words[root + rootField.sticky] === 0 ? 0 : (clientHash & 1) === 0 ? 24 : 56;
  let at = words[root + rootField.node]!;
  for (;;) {
    const count = words[at + 1]!;
    switch (words[at]) {
      case op.fixed:
        for (let index = 0; index < count; index++) out[2 + index] = words[at + 2 + index]!;
        return count;
      case op.rotate: {
        const answers = words[at + 2]!;
        let from = random.below(count);
        for (let index = 0; index < answers; index++) {
          out[2 + index] = words[at + 3 + from]!;
          if (++from === count) from = 0;
        }
        return answers;
      }
      case op.weighted:
        at = words[at + 2 + count + drawIndex(view.unsigned, at + 2, count, random.uint32())]!;
        break;
      case op.sticky:
        at = words[at + 2 + 2 * count + hashIndex(view, at + 2, count, clientHash)]!;
        break;
      default:
        return 0;
    }
  }
}

/** The first of `count` rising thresholds that is above the draw; else the last. Binary search. */
function drawIndex(thresholds: Uint32Array, at: number, count: number, draw: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (draw < thresholds[at + middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

function hashIndex(view: ServiceView, at: number, count: number, clientHash: number): number {
  let best = 0;
  let bestScore = Number.POSITIVE_INFINITY;
  for (let index = 0; index < count; index++) {
    const score = rendezvousScore(
      view.words[at + index]!,
      view.floats[at + count + index]!,
      clientHash,
    );
    if (score < bestScore) {
      best = index;
      bestScore = score;
    }
  }
  return best;
}

/**
 * Weighted rendezvous hashing: with h uniform in (0, 1) for each pair of client and alternative, the
 * alternative with the least -ln(h)/weight wins, with probability weight/sum, and a change of one
 * weight moves only clients to or from that alternative (C. Schindelhauer, G. Schomaker, "Weighted
 * Distributed Hash Tables", SPAA 2005, the logarithmic method).
 */
function rendezvousScore(key: number, weight: number, clientHash: number): number {
  const h = (mix32(mix32(clientHash) ^ key) + 0.5) / 0x1_0000_0000;
  return -Math.log(h) / weight;
}

/**
 * Executes a choice as `pickAnswer` executes its program: the same draws in the same order, so that
 * equal seeds give equal answers. For explain, simulate and tests; it allocates.
 */
export function pickFromChoice(choice: Choice, clientHash: number, random: Random): readonly Vip[] {
  let at = choice;
  for (;;) {
    switch (at.kind) {
      case 'empty':
        return [];
      case 'fixed':
        return at.vips;
      case 'rotate': {
        const { vips, answers } = at;
        const from = random.below(vips.length);
        const turned = [...vips.slice(from), ...vips.slice(0, from)];
        return turned.slice(0, answers);
      }
      case 'weighted': {
        const thresholds = weightThresholds(at.alternatives.map(({ weight }) => weight));
        at = at.alternatives[drawIndex(thresholds, 0, thresholds.length, random.uint32())]!.choice;
        break;
      }
      case 'sticky': {
        const scores = at.alternatives.map(({ key, weight }) =>
          rendezvousScore(key, Math.fround(weight), clientHash),
        );
        at = at.alternatives[scores.indexOf(Math.min(...scores))]!.choice;
        break;
      }
    }
  }
}
