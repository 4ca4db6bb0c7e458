import { limits } from '../../base/limits.ts';

/**
 * Gathers the octets of one rdata. What does not fit 65,535 octets is left out and remembered in
 * `overflowed`. One writer serves all parsing, which never waits and never nests.
 */
export class OctetWriter {
  readonly #octets = new Uint8Array(limits.messageBytes);
  /** Octets written so far. */
  length = 0;
  /** True when something did not fit. */
  overflowed = false;

  /** Forgets everything written. */
  reset(): void {
    this.length = 0;
    this.overflowed = false;
  }

  /** Writes the low 8 bits. */
  u8(value: number): void {
    if (this.length < limits.messageBytes) this.#octets[this.length++] = value;
    else this.overflowed = true;
  }

  /** Writes the low 16 bits, high octet first. */
  u16(value: number): void {
    this.u8(value >>> 8);
    this.u8(value);
  }

  /** Writes the low 32 bits, high octet first. */
  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value);
  }

  append(octets: Uint8Array): void {
    if (this.length + octets.length > limits.messageBytes) {
      this.overflowed = true;
      return;
    }
    this.#octets.set(octets, this.length);
    this.length += octets.length;
  }

  /** Overwrites one octet that was written before. */
  setU8(at: number, value: number): void {
    this.#octets[at] = value;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#octets.slice(0, this.length);
  }
}
