import { errorText } from '../../../src/base/errors.ts';
import { Random } from '../../../src/base/random.ts';
import { EventHeap } from './event-heap.ts';

/** What a checker found: a broken invariant, with the moment and the seed that lead there. */
export class SimFailure extends Error {
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}

/** How many of the last lines of the story a failure shows. */
const storyLines = 60;

/**
 * One world of a seed: true time, one heap of events, one source of chance. Everything that happens
 * is an event; between two of them all promises settle, so equal seeds tell equal stories.
 */
export class Simulation {
  readonly seed: number;
  /** A world goes through one round after another for so long, milliseconds; 0: one round. */
  readonly longMs: number;
  readonly random: Random;
  readonly #heap = new EventHeap();
  readonly #story: string[] = [];
  readonly #checks: (() => void)[] = [];
  #nowMs = 0;
  #events = 0;
  #failure: unknown;

  constructor(seed: number, longMs = 0) {
    this.seed = seed;
    this.longMs = longMs;
    this.random = new Random(seed);
  }

  /** Does one round of a world, and in a long run others until its time is over. */
  async rounds(round: () => Promise<void>): Promise<void> {
    do {
      await round();
    } while (this.#nowMs < this.longMs);
  }

  /** True time since the world began, milliseconds; no process can read it. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events have happened. */
  get events(): number {
    return this.#events;
  }

  /** Sets an event; returns what takes it back. */
  after(delayMs: number, run: () => void): () => void {
    const event = this.#heap.push(this.#nowMs + Math.max(0, delayMs), run);
    return () => {
      event.run = undefined;
    };
  }

  /** Asked after each event; throws SimFailure when something is not as it must be. */
  check(check: () => void): void {
    this.#checks.push(check);
  }

  /** Notes what happened, for the story of a failure. */
  note(text: string): void {
    this.#story.push(`${(this.#nowMs / 1000).toFixed(3).padStart(9)} s  ${text}`);
    if (this.#story.length > 4 * storyLines) this.#story.splice(0, 3 * storyLines);
  }

  /** The last lines of what happened. */
  story(): string {
    return this.#story.slice(-storyLines).join('\n');
  }

  /** Ends the world with a failure from inside a callback that nobody listens to. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** Throws SimFailure unless the condition holds. */
  demand(holds: boolean, invariant: string, message: string | (() => string)): void {
    if (holds) return;
    const text = typeof message === 'string' ? message : message();
    const failure = new SimFailure(invariant, text);
    this.fail(failure);
    throw failure;
  }

  /**
   * Lets everything happen up to a moment. Code under test that throws where nobody catches it has
   * failed, as has a checker.
   */
  async run(untilMs: number): Promise<void> {
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', (reason) => this.fail(reason));
    try {
      await settle();
      while (this.#failure === undefined && this.#heap.nextMs() <= untilMs) {
        const event = this.#heap.pop();
        if (event?.run === undefined) continue;
        this.#nowMs = event.atMs;
        this.#events++;
        try {
          event.run();
        } catch (error) {
          this.fail(error);
        }
        await settle();
        if (this.#failure !== undefined) break;
        for (const check of this.#checks) check();
      }
      if (this.#failure === undefined) this.#nowMs = untilMs;
    } catch (error) {
      this.fail(error);
    } finally {
      process.removeAllListeners('unhandledRejection');
      for (const other of others) process.on('unhandledRejection', other);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** A time that passes: `leastMs` and, by chance, some more, `meanMs` of it on average. */
  delay(leastMs: number, meanMs: number): number {
    return leastMs - meanMs * Math.log(1 - this.random.fraction());
  }

  /** A number from `from` (included) to `to` (excluded). */
  between(from: number, to: number): number {
    return from + (to - from) * this.random.fraction();
  }

  chance(probability: number): boolean {
    return this.random.fraction() < probability;
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.random.below(from.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }
}

/** Lets all promises settle: the queue of microtasks is empty when an immediate runs. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Runs one seed, for some minutes of its own time or for one round; a failure says how to see it again. */
export async function runSeed(
  seed: number,
  world: string,
  run: (simulation: Simulation) => Promise<void>,
  minutes = 0,
): Promise<Simulation> {
  const simulation = new Simulation(seed, minutes * 60_000);
  try {
    await run(simulation);
    return simulation;
  } catch (error) {
    const at = `seed ${seed}, event ${simulation.events}, ${(simulation.nowMs / 1000).toFixed(3)} s`;
    const long = minutes > 0 ? ` --minutes ${minutes}` : '';
    const again = `MERIDIAN_SIM_SEED=${seed} npm run sim -- ${world}${long}`;
    const text = `${errorText(error)}\n  ${at}; again: ${again}\n${simulation.story()}`;
    if (error instanceof SimFailure) {
      const failure = new SimFailure(error.invariant, text);
      failure.stack = text;
      throw failure;
    }
    throw new Error(text, { cause: error });
  }
}
