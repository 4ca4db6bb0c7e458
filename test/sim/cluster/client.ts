import { MeridianError } from '../../../src/base/errors.ts';
import type { SimNetwork } from '../engine/sim-network.ts';
import type { Simulation } from '../engine/simulation.ts';
import type { History } from './history.ts';
import type { SimMember } from './member.ts';

/** After this long a client takes a request for lost, milliseconds. */
const patienceMs = 6000;

/**
 * Somebody who makes changes, one after the other: each under a key of its own, asked again with the
 * same key until some controller says that it is made.
 */
export class SimClient {
  readonly name: string;
  readonly #world: Simulation;
  readonly #network: SimNetwork;
  readonly #controllers: readonly SimMember[];
  readonly #history: History;
  #wanted: number;
  #made = 0;
  #attempt = 0;
  #asked = 0;
  /** The last change that any controller was asked for. */
  #lastKey = '';

  constructor(
    world: Simulation,
    network: SimNetwork,
    name: string,
    controllers: readonly SimMember[],
    history: History,
    writes: number,
  ) {
    this.#world = world;
    this.#network = network;
    this.name = name;
    this.#controllers = controllers;
    this.#history = history;
    this.#wanted = writes;
  }

  /** True when all that it wanted is made. */
  get isDone(): boolean {
    return this.#made >= this.#wanted;
  }

  /** How many changes it still wants. */
  want(more: number): void {
    const wasDone = this.isDone;
    this.#wanted += more;
    if (wasDone) this.ask();
  }

  /** Asks for the next change, of any controller. */
  ask(): void {
    if (this.isDone) return;
    const world = this.#world;
    const attempt = ++this.#attempt;
    const key = `${this.name}-${this.#made + 1}`;
    const controller = this.#controllers[this.#asked++ % this.#controllers.length];
    if (controller === undefined) return;
    const next = (delayMs: number) => {
      if (attempt !== this.#attempt) return;
      this.#attempt++;
      world.after(delayMs, () => this.ask());
    };
    world.after(patienceMs, () => next(0));
    this.#network.send(this.name, controller.name, () => {
      controller.process?.arrive(() => this.#handle(controller, key, attempt, next));
    });
  }

  /** An answer without a warning means a second disk, where the leader knows of a standby. */
  #demandReplica(
    { name, life }: SimMember,
    key: string,
    holders: readonly string[],
    isWarned: boolean,
  ): void {
    const nodes = life?.cluster.nodes() ?? [];
    const hasStandby = nodes.some(({ id, role }) => role === 'controller' && id !== name);
    this.#world.demand(isWarned || !hasStandby || holders.length > 1, 'no replica', () => {
      return `${key} was acknowledged without a warning, and only ${holders} has it`;
    });
  }

  #handle(
    controller: SimMember,
    key: string,
    attempt: number,
    next: (delayMs: number) => void,
  ): void {
    const world = this.#world;
    const process = controller.process;
    const isFirst = this.#lastKey !== key;
    this.#lastKey = key;
    const answer = (take: () => void) => {
      if (process?.isAlive === true) this.#network.send(controller.name, this.name, take);
    };
    controller.write(key).then(
      ({ revision, warnings }) => {
        // What the client will be told is decided here, whether or not it hears of it.
        if (process?.isAlive !== true) return;
        const holders = this.#controllers.filter((one) => one.holds(key, revision));
        const names = holders.map(({ name }) => name);
        this.#history.acknowledge(key, revision, names);
        if (isFirst) this.#demandReplica(controller, key, names, warnings.length > 0);
        answer(() => {
          if (attempt !== this.#attempt) return;
          this.#made++;
          next(world.delay(20, 400));
        });
      },
      (error: unknown) => {
        const isExpected = error instanceof MeridianError || process?.isAlive !== true;
        if (!isExpected && !isOfTheDisk(error)) world.fail(error);
        const code = error instanceof MeridianError ? error.code : String(error);
        if (code !== 'E_NOT_LEADER') world.note(`${controller.name} refuses ${key}: ${code}`);
        answer(() => next(world.delay(50, 400)));
      },
    );
  }
}

function isOfTheDisk(error: unknown): boolean {
  return (
    error instanceof Error && /no space left|the power failed|not started yet/.test(error.message)
  );
}
