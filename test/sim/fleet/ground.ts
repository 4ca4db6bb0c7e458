import type { Check, CheckResult } from '../../../src/probe/check-result.ts';
import type { SimProcess } from '../engine/sim-process.ts';
import type { Simulation } from '../engine/simulation.ts';

/** What is true of targets and of the ways to them, whatever anybody believes. */
export class Ground {
  readonly #world: Simulation;
  readonly #dead = new Set<string>();
  /** Targets that answer, but not well. */
  readonly #sick = new Set<string>();
  /** `agent address` pairs between which nothing passes. */
  readonly #unreachable = new Set<string>();
  /** Agents that reach nothing at all. */
  readonly #cutOff = new Set<string>();
  /** Agents that cannot make checks. */
  readonly #blind = new Set<string>();
  /** Whether dead targets refuse (true) or swallow connections. */
  refuses = true;

  constructor(world: Simulation) {
    this.#world = world;
  }

  isAlive(address: string): boolean {
    return !this.#dead.has(address);
  }

  setAlive(address: string, isAlive: boolean): void {
    if (isAlive === this.isAlive(address)) return;
    this.#world.note(`${address} ${isAlive ? 'returns' : 'dies'}`);
    if (isAlive) this.#dead.delete(address);
    else this.#dead.add(address);
  }

  setSick(address: string, isSick: boolean): void {
    this.#world.note(`${address} is ${isSick ? 'sick' : 'well'}`);
    if (isSick) this.#sick.add(address);
    else this.#sick.delete(address);
  }

  block(agent: string, address: string): void {
    this.#unreachable.add(`${agent} ${address}`);
  }

  cutOff(agent: string): void {
    this.#cutOff.add(agent);
  }

  blind(agent: string): void {
    this.#blind.add(agent);
  }

  /** The ways are free again; who is dead stays dead. */
  mendWays(agents: readonly string[]): void {
    for (const agent of agents) {
      this.#cutOff.delete(agent);
      this.#blind.delete(agent);
      for (const pair of this.#unreachable) {
        if (pair.startsWith(`${agent} `)) this.#unreachable.delete(pair);
      }
    }
  }

  /**
   * The check of an agent's process: finds what is true when it begins. `found` is told of each
   * result just before the agent gets it.
   */
  checkOf(process: SimProcess, found: (target: string, result: CheckResult) => void): Check {
    const agent = process.name;
    return ({ id, address }, { signal }) =>
      new Promise((resolve) => {
        const settle = (result: CheckResult) => {
          found(id, result);
          resolve(result);
        };
        const late = { outcome: 'down', error: 'connect-timeout' } as const;
        if (this.#blind.has(agent)) {
          this.#arrive(process, 1, () => settle({ outcome: 'unknown', error: 'agent-resources' }));
        } else if (this.#cutOff.has(agent) || this.#unreachable.has(`${agent} ${address}`)) {
          signal.addEventListener('abort', () => settle(late), { once: true });
        } else if (this.#dead.has(address) && !this.refuses) {
          signal.addEventListener('abort', () => settle(late), { once: true });
        } else {
          const connectMs = this.#world.delay(2, 10);
          const result: CheckResult = this.#dead.has(address)
            ? { outcome: 'down', error: 'connect-refused' }
            : { outcome: this.#sick.has(address) ? 'degraded' : 'up', connectMs };
          this.#arrive(process, connectMs, () => {
            if (!signal.aborted) settle(result);
          });
          signal.addEventListener('abort', () => settle(late), { once: true });
        }
      });
  }

  #arrive(process: SimProcess, delayMs: number, take: () => void): void {
    this.#world.after(delayMs, () => process.arrive(take));
  }
}
