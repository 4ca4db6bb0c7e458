import type { Clock } from '../../../src/base/clock.ts';
import type { Simulation } from './simulation.ts';

/** What differs between a machine's clocks and true time. */
export interface ClockFault {
  /** How much its calendar is ahead, milliseconds. */
  readonly skewMs: number;
  /** How fast its clocks run: 1 is right, 1.001 gains a millisecond each second. */
  readonly rate: number;
}

/** What is left of a wait by rounding is no wait in which time stands still, milliseconds. */
const leastTimerMs = 0.001;

/** When worlds begin, by clocks that are right. */
export const worldEpochMs = Date.parse('2026-01-01T00:00:00Z');

/**
 * One life of a process, from its start to its end. All that can wake its code goes through it:
 * timers, arrivals, answers. While it is stopped (SIGSTOP) these wait; once it has ended they are
 * dropped, and so nothing of its code runs again.
 */
export class SimProcess implements Clock {
  readonly name: string;
  readonly #world: Simulation;
  readonly #fault: ClockFault;
  readonly #startedMs: number;
  #state: 'running' | 'stopped' | 'ended' = 'running';
  readonly #timersDue: (() => void)[] = [];
  readonly #arrivals: (() => void)[] = [];

  constructor(world: Simulation, name: string, fault: ClockFault = { skewMs: 0, rate: 1 }) {
    this.name = name;
    this.#world = world;
    this.#fault = fault;
    this.#startedMs = world.nowMs;
  }

  get isAlive(): boolean {
    return this.#state !== 'ended';
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  monotonicMs(): number {
    return (this.#world.nowMs - this.#startedMs) * this.#fault.rate;
  }

  epochMs(): number {
    const { skewMs, rate } = this.#fault;
    return Math.floor(worldEpochMs + this.#world.nowMs * rate + skewMs);
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    let isCancelled = false;
    const fire = () => {
      if (!isCancelled) callback();
    };
    const waitMs = delayMs <= 0 ? 0 : Math.max(leastTimerMs, delayMs);
    const cancel = this.#world.after(waitMs / this.#fault.rate, () => {
      if (this.#state === 'running') fire();
      else if (this.#state === 'stopped') this.#timersDue.push(fire);
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  /** Something reaches the process from outside: at once, when it goes on, or never. */
  arrive(take: () => void): void {
    if (this.#state === 'running') take();
    else if (this.#state === 'stopped') this.#arrivals.push(take);
  }

  /** SIGSTOP: clocks go on, code does not. */
  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  /** SIGCONT: what is due happens now, timers before arrivals, as an event loop has it. */
  resume(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    const waiting = [...this.#timersDue.splice(0), ...this.#arrivals.splice(0)];
    for (const next of waiting) this.#world.after(0, () => this.arrive(next));
  }

  /** SIGKILL or loss of power: nothing of it runs from here on. */
  end(): void {
    this.#state = 'ended';
    this.#timersDue.length = 0;
    this.#arrivals.length = 0;
  }
}
