import type { Simulation } from './simulation.ts';

/** How a network treats what is sent. */
export interface NetworkQuality {
  /** The shortest way takes this long, milliseconds. */
  readonly leastMs: number;
  /** What comes on top, on average; more for some than for others, so that order is lost. */
  readonly meanMs: number;
  /** Parts of 1 that are lost, and that arrive twice. */
  readonly loss: number;
  readonly duplication: number;
}

/** A network on which nothing is lost or late. */
export const calm: NetworkQuality = { leastMs: 1, meanMs: 2, loss: 0, duplication: 0 };

/** Carries messages between places, with delay, loss, repetition, reordering and partitions. */
export class SimNetwork {
  readonly #world: Simulation;
  readonly #cut = new Set<string>();
  quality: NetworkQuality = calm;

  constructor(world: Simulation) {
    this.#world = world;
  }

  /** Lets nothing through from one place to another until `heal`. */
  cut(from: string, to: string): void {
    this.#cut.add(`${from} ${to}`);
  }

  /** Lets nothing through in either direction. */
  part(one: string, other: string): void {
    this.cut(one, other);
    this.cut(other, one);
  }

  mend(one: string, other: string): void {
    this.#cut.delete(`${one} ${other}`);
    this.#cut.delete(`${other} ${one}`);
  }

  isCut(from: string, to: string): boolean {
    return this.#cut.has(`${from} ${to}`);
  }

  /** Ends all partitions and makes the network a calm one. */
  heal(): void {
    this.#cut.clear();
    this.quality = calm;
  }

  /** Sends a message; `deliver` is called never, once or twice. */
  send(from: string, to: string, deliver: () => void): void {
    const { leastMs, meanMs, loss, duplication } = this.quality;
    if (this.isCut(from, to)) return;
    const copies = this.#world.chance(loss) ? 0 : this.#world.chance(duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      this.#world.after(this.#world.delay(leastMs, meanMs), deliver);
    }
  }
}
