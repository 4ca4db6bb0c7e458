import type { TableMessage } from '../../../src/cluster/bus.ts';
import type { Envelope } from '../../../src/cluster/messages.ts';
import { formatPosition, type Position } from '../../../src/cluster/position.ts';
import type { KeyedTable, TableContent } from '../../../src/cluster/table-message.ts';
import type { PublishedLatency } from '../../../src/latency/published.ts';
import type { Simulation } from '../engine/simulation.ts';

/** A table at one position: the JSON text of each value by its key. */
export type TableState = ReadonlyMap<string, string>;

/** What leaders have said of their tables, whether or not anybody has heard it. */
export class TableTruth {
  readonly #world: Simulation;
  readonly #envelope: Envelope;
  readonly #said = new Map<string, { readonly by: string; readonly state: TableState }>();
  readonly #last = new Map<string, TableState>();

  /** `envelope` opens the messages of this cluster. */
  constructor(world: Simulation, envelope: Envelope) {
    this.#world = world;
    this.#envelope = envelope;
  }

  /** A leader hands a message of a table to the bus: nobody else ever says anything at its position. */
  says(by: string, table: KeyedTable, message: TableMessage): void {
    const { entries } = this.#envelope.open(table, message.bytes) as TableContent;
    const { position, full } = message;
    const key = keyOf(table, position);
    const other = this.#said.get(key)?.by;
    this.#world.demand(other === undefined, 'two tables', () => `${other} and ${by} say ${key}`);
    const before = { ...position, sequence: position.sequence - 1 };
    const state = new Map(full ? [] : this.at(table, before));
    for (const [name, value] of entries) {
      if (value === null) state.delete(name);
      else state.set(name, JSON.stringify(value));
    }
    this.#said.set(key, { by, state });
    this.#last.set(`${by} ${table}`, state);
  }

  /** What a leader told others last, as far as answers depend on it. */
  told(leader: string, table: KeyedTable): TableState {
    const state = [...(this.#last.get(`${leader} ${table}`) ?? [])];
    return new Map(state.map(([key, text]) => [key, essenceOf(table, JSON.parse(text))]));
  }

  /** The whole table as the leader had it at a position; undefined where none ever said anything. */
  at(table: KeyedTable, position: Position): TableState | undefined {
    return this.#said.get(keyOf(table, position))?.state;
  }
}

function keyOf(table: KeyedTable, position: Position): string {
  return `${table} ${formatPosition(position)}`;
}

/** What answers depend on of a value: VIPs with their verdicts and the ramp; time, trust and place. */
export function essenceOf(table: KeyedTable, value: unknown): string {
  if (table !== 'latency') return JSON.stringify((value as readonly unknown[]).slice(0, 2));
  const { ms, trust, place } = value as PublishedLatency;
  return JSON.stringify([ms, trust, place]);
}

/** The same of a whole table. */
export function essencesOf(
  table: KeyedTable,
  entries: Iterable<readonly [key: string, value: unknown]>,
): TableState {
  return new Map([...entries].map(([key, value]) => [key, essenceOf(table, value)]));
}
