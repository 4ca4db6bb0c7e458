/*
 * Decaying histograms of round-trip times, one per slot, 512 octets each:
 *
 *   bin     0        1          2         …        127
 *   ms    0 < 1   1 – 1.08   1.08 – 1.16  …   9300 – 10000       each 7.5 % wide
 *
 *   chunk 0  [slot 0: 128 weights][slot 1: 128 weights] … 1,024 slots     chunks come as needed
 *
 * A histogram and not the latest samples: what comes in within one second may all be of one sender, and
 * a median over the last few would be his. Its error is at most half a bin, 3.7 %, which is below what
 * moves an answer. Adding is a logarithm and one addition.
 */
import { limits } from '../base/limits.ts';

const bins = 128;
const slotsPerChunk = 1024;

/** Each bin's upper edge is this much above its lower one. */
const binRatio = limits.rttMs ** (1 / (bins - 1));
const binsPerNeper = 1 / Math.log(binRatio);

/** Beyond this weight older samples fade fast, below it slowly: a busy series follows its path. */
export const fullWeight = 100;
export const fastHalfLifeMs = 10 * 60_000;
export const slowHalfLifeMs = 6 * 3_600_000;

/** The histograms of up to any number of slots; callers hand out the slots. */
export class Sketches {
  readonly #chunks: Float32Array[] = [];

  /** Takes a time into a slot. `ms` is above 0; what is over `limits.rttMs` counts as that. */
  add(slot: number, ms: number, weight: number): void {
    const bin = ms < 1 ? 0 : Math.min(bins - 1, 1 + Math.floor(Math.log(ms) * binsPerNeper));
    const chunk = this.#chunkOf(slot);
    const at = (slot % slotsPerChunk) * bins + bin;
    chunk[at] = chunk[at]! + weight;
  }

  /** Empties a slot. */
  clear(slot: number): void {
    const from = (slot % slotsPerChunk) * bins;
    this.#chunkOf(slot).fill(0, from, from + bins);
  }

  /** Lets a slot's weights fade by so many milliseconds. */
  age(slot: number, byMs: number): void {
    const chunk = this.#chunkOf(slot);
    const from = (slot % slotsPerChunk) * bins;
    const factor = fading(this.weight(slot), byMs);
    for (let at = from; at < from + bins; at += 1) chunk[at] = chunk[at]! * factor;
  }

  /** The sum of a slot's weights. */
  weight(slot: number): number {
    const chunk = this.#chunkOf(slot);
    const from = (slot % slotsPerChunk) * bins;
    let sum = 0;
    for (let at = from; at < from + bins; at += 1) sum += chunk[at]!;
    return sum;
  }

  /** A slot's bins that hold something: their number, then their weight, one after the other. */
  filled(slot: number): number[] {
    const chunk = this.#chunkOf(slot);
    const from = (slot % slotsPerChunk) * bins;
    const found: number[] = [];
    for (let bin = 0; bin < bins; bin += 1) {
      const weight = chunk[from + bin]!;
      if (weight > 0) found.push(bin, weight);
    }
    return found;
  }

  /** Fills an empty slot with what `filled` gave; false when that is no such list. */
  fill(slot: number, filled: readonly number[]): boolean {
    const chunk = this.#chunkOf(slot);
    const from = (slot % slotsPerChunk) * bins;
    for (let at = 0; at < filled.length; at += 2) {
      const bin = filled[at]!;
      const weight = filled[at + 1] ?? Number.NaN;
      if (!(Number.isInteger(bin) && bin >= 0 && bin < bins && weight > 0 && weight < 1e9)) {
        this.clear(slot);
        return false;
      }
      chunk[from + bin] = weight;
    }
    return true;
  }

  /** The weighted median in milliseconds; not a number for an empty slot. */
  median(slot: number): number {
    const half = this.weight(slot) / 2;
    if (!(half > 0)) return Number.NaN;
    const chunk = this.#chunkOf(slot);
    const from = (slot % slotsPerChunk) * bins;
    let below = 0;
    for (let bin = 0; bin < bins; bin += 1) {
      const weight = chunk[from + bin]!;
      if (below + weight >= half) {
        const within = weight > 0 ? (half - below) / weight : 0;
        return bin === 0 ? Math.max(within, 0.1) : binRatio ** (bin - 1 + within);
      }
      below += weight;
    }
    return limits.rttMs;
  }

  #chunkOf(slot: number): Float32Array {
    const index = Math.floor(slot / slotsPerChunk);
    let chunk = this.#chunks[index];
    if (chunk === undefined) {
      chunk = new Float32Array(slotsPerChunk * bins);
      this.#chunks[index] = chunk;
    }
    return chunk;
  }
}

/**
 * What is left of a weight after some time, as a factor: half after ten minutes down to `fullWeight`,
 * from there on half after six hours. The same in one step or in many.
 */
export function fading(weight: number, byMs: number): number {
  const fastMs = weight > fullWeight ? fastHalfLifeMs * Math.log2(weight / fullWeight) : 0;
  if (byMs <= fastMs) return 2 ** (-byMs / fastHalfLifeMs);
  const down = weight > fullWeight ? fullWeight / weight : 1;
  return down * 2 ** (-(byMs - fastMs) / slowHalfLifeMs);
}
