import {
  formatPosition,
  isAfter,
  type Position,
  startPosition,
} from '../../../src/cluster/position.ts';
import type { KeyedTable, TableContent } from '../../../src/cluster/table-message.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Simulation } from '../engine/simulation.ts';
import type { TableState, TableTruth } from './table-truth.ts';

/** Checks each message of a table that one life of a member takes. */
export class FollowWatch {
  readonly #world: Simulation;
  readonly #truth: TableTruth;
  readonly #table: KeyedTable;
  readonly #name: string;
  readonly #store: Store;
  #position: Position = startPosition;

  constructor(world: Simulation, truth: TableTruth, table: KeyedTable, name: string, store: Store) {
    this.#world = world;
    this.#truth = truth;
    this.#table = table;
    this.#name = name;
    this.#store = store;
  }

  /** The last message that was taken. */
  get position(): Position {
    return this.#position;
  }

  /** Invariants 3 and 4: what is taken is after all that was, and of no term before the store's. */
  takes(content: TableContent): void {
    const { term, sequence } = content;
    const at = formatPosition({ term, sequence });
    this.#world.demand(isAfter({ term, sequence }, this.#position), 'older table', () => {
      return `${this.#name} had ${this.#table} ${formatPosition(this.#position)} and takes ${at}`;
    });
    this.#world.demand(term >= this.#store.term(), 'older table', () => {
      return `${this.#name} takes ${this.#table} ${at}, and its store is of term ${this.#store.term()}`;
    });
    this.#position = { term, sequence };
  }

  /** Invariant 14: who is at a position has what the leader had there, by `has`. */
  demandSame(has: Iterable<readonly [key: string, value: unknown]>): void {
    const said = this.#truth.at(this.#table, this.#position);
    const at = formatPosition(this.#position);
    this.#world.demand(said !== undefined, 'two tables', () => {
      return `${this.#name} has ${this.#table} ${at}, which no leader said`;
    });
    if (said === undefined) return;
    const other = differences(said, textsOf(has));
    this.#world.demand(other.length === 0, 'two tables', () => {
      return `${this.#name} at ${this.#table} ${at} differs from the leader in ${other.join(', ')}`;
    });
  }
}

/** Keys whose values are not the same. */
export function differences(one: TableState, other: TableState): string[] {
  const keys = new Set([...one.keys(), ...other.keys()]);
  return [...keys].filter((key) => one.get(key) !== other.get(key));
}

function textsOf(entries: Iterable<readonly [key: string, value: unknown]>): TableState {
  return new Map([...entries].map(([key, value]) => [key, JSON.stringify(value)]));
}
