/**
 * Rdata one after the other in one growing buffer, each behind its length (16 bits, high octet
 * first). A million small typed arrays would take 200 octets each and most of the reading time.
 *
 *   0 4 192 0 2 53   0 16 32 1 13 184 …
 *   ^ at             ^ at
 */
export class RdataStore {
  #bytes = new Uint8Array(1024);
  #used = 0;

  /** Copies rdata of at most 65,535 octets in; returns where it is. */
  add(rdata: Uint8Array): number {
    const at = this.#used;
    const end = at + 2 + rdata.length;
    if (end > this.#bytes.length) this.#grow(end);
    const bytes = this.#bytes;
    bytes[at] = rdata.length >> 8;
    bytes[at + 1] = rdata.length;
    // Below some dozen octets a loop is faster than set().
    if (rdata.length > 32) bytes.set(rdata, at + 2);
    else
      for (let index = 0; index < rdata.length; index++) bytes[at + 2 + index] = rdata[index] ?? 0;
    this.#used = end;
    return at;
  }

  /** The rdata at a place that `add` gave; a view, not to be written to. */
  get(at: number): Uint8Array {
    const bytes = this.#bytes;
    return bytes.subarray(at + 2, at + 2 + this.#bytesAt(at));
  }

  /** True when the rdata at a place differs from this one at most in the case of letters. */
  resembles(at: number, rdata: Uint8Array): boolean {
    if (this.#bytesAt(at) !== rdata.length) return false;
    const bytes = this.#bytes;
    for (let index = 0; index < rdata.length; index++) {
      const differing = (bytes[at + 2 + index] ?? 0) ^ (rdata[index] ?? 0);
      if (differing !== 0 && differing !== 0x20) return false;
    }
    return true;
  }

  /** Gives back what was allocated ahead. */
  trim(): void {
    if (this.#used < this.#bytes.length) this.#bytes = this.#bytes.slice(0, this.#used);
  }

  #bytesAt(at: number): number {
    return ((this.#bytes[at] ?? 0) << 8) | (this.#bytes[at + 1] ?? 0);
  }

  #grow(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    bytes.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = bytes;
  }
}
