import { limits } from '../../../src/base/limits.ts';
import {
  type Bus,
  BusError,
  type LeadRequest,
  type Lease,
  type LogEntry,
  type StreamName,
  type TableMessage,
  type TableName,
} from '../../../src/cluster/bus.ts';
import type { Position } from '../../../src/cluster/position.ts';
import type { SimNetwork } from '../engine/sim-network.ts';
import type { SimProcess } from '../engine/sim-process.ts';
import type { Simulation } from '../engine/simulation.ts';
import type { SimRedis } from './sim-redis.ts';

/** The name of the bus's place on the network. */
export const busPlace = 'redis';

/** How long a command that could not be delivered may still be on its way, milliseconds. */
const lingerMs = 10_000;

/** What a client may be told that is not so. */
export interface Lies {
  /** Changes the entries that one read gives; the bus still has the true ones. */
  entries(entries: readonly LogEntry[]): readonly LogEntry[];
}

/**
 * One process's connection to the simulated Redis. A command travels, is carried out, and its answer
 * travels back; when an answer does not come in time nobody knows whether the command was, is or will
 * be carried out, and it may be so long after.
 */
export class SimBus implements Bus {
  readonly #world: Simulation;
  readonly #network: SimNetwork;
  readonly #process: SimProcess;
  readonly #redis: SimRedis;
  readonly #lies: Lies | undefined;
  #isClosed = false;
  #isUp = true;
  readonly #pending = new Set<(error: BusError) => void>();

  constructor(
    world: Simulation,
    network: SimNetwork,
    process: SimProcess,
    redis: SimRedis,
    lies?: Lies,
  ) {
    this.#world = world;
    this.#network = network;
    this.#process = process;
    this.#redis = redis;
    this.#lies = lies;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const reject of [...this.#pending]) reject(new BusError('closed', 'unknown'));
  }

  state(): ReturnType<Bus['state']> {
    return this.#call((redis) => redis.status());
  }

  lead(request: LeadRequest): ReturnType<Bus['lead']> {
    return this.#call((redis) => redis.lead(request));
  }

  renew(lease: Lease, ttlMs: number): ReturnType<Bus['renew']> {
    return this.#call((redis) => redis.renew(lease, ttlMs));
  }

  resign(lease: Lease): ReturnType<Bus['resign']> {
    return this.#call((redis) => redis.resign(lease));
  }

  assume(lease: Lease, entry: LogEntry, hash: string): ReturnType<Bus['assume']> {
    return this.#call((redis) => redis.assume(lease, entry, hash));
  }

  append(lease: Lease, entry: LogEntry, hash: string): ReturnType<Bus['append']> {
    return this.#call((redis) => redis.append(lease, entry, hash));
  }

  async entries(after: Position, limit: number, waitMs: number): ReturnType<Bus['entries']> {
    const found = await this.#wait((redis) => redis.entries(after, limit), waitMs);
    const entries = found ?? [];
    return this.#lies === undefined ? entries : this.#lies.entries(entries);
  }

  putChunk(group: string, index: number, bytes: Uint8Array): ReturnType<Bus['putChunk']> {
    return this.#call((redis) => redis.putChunk(group, index, bytes));
  }

  chunk(group: string, index: number): ReturnType<Bus['chunk']> {
    return this.#call((redis) => redis.chunk(group, index));
  }

  announce(lease: Lease, snapshot: Parameters<Bus['announce']>[1]): ReturnType<Bus['announce']> {
    return this.#call((redis) => redis.announce(lease, snapshot));
  }

  snapshot(): ReturnType<Bus['snapshot']> {
    return this.#call((redis) => redis.snapshot());
  }

  publish(lease: Lease, table: TableName, message: TableMessage): ReturnType<Bus['publish']> {
    return this.#call((redis) => redis.publish(lease, table, message));
  }

  table(table: TableName): ReturnType<Bus['table']> {
    return this.#call((redis) => redis.table(table));
  }

  async follow(
    table: TableName,
    after: Position,
    limit: number,
    waitMs: number,
  ): ReturnType<Bus['follow']> {
    return (await this.#wait((redis) => redis.follow(table, after, limit), waitMs)) ?? [];
  }

  post(stream: StreamName, bytes: Uint8Array): ReturnType<Bus['post']> {
    return this.#call((redis) => redis.post(stream, bytes));
  }

  async read(
    stream: StreamName,
    after: string | undefined,
    limit: number,
    waitMs: number,
  ): ReturnType<Bus['read']> {
    const from = after ?? (await this.#call((redis) => redis.end(stream)));
    const messages = (await this.#wait((redis) => redis.read(stream, from, limit), waitMs)) ?? [];
    return { messages, cursor: messages.at(-1)?.cursor ?? from };
  }

  beat(id: string, bytes: Uint8Array, ttlMs: number): ReturnType<Bus['beat']> {
    return this.#call((redis) => redis.beat(id, bytes, ttlMs));
  }

  forget(id: string): ReturnType<Bus['forget']> {
    return this.#call((redis) => redis.forget(id));
  }

  nodes(): ReturnType<Bus['nodes']> {
    return this.#call((redis) => redis.nodes());
  }

  #call<T>(step: (redis: SimRedis) => T): Promise<T> {
    return this.#send<T>(limits.busCommandMs, (answer) => answer(step(this.#redis)));
  }

  #wait<T>(ready: (redis: SimRedis) => T | undefined, waitMs: number): Promise<T | undefined> {
    return this.#send<T | undefined>(limits.busCommandMs + waitMs, (answer) => {
      this.#redis.wait(() => ready(this.#redis), waitMs, answer);
    });
  }

  /**
   * Sends a command that `execute` carries out on the server and answers, once. A process that was
   * stopped on its way here sends it when it goes on.
   */
  #send<T>(limitMs: number, execute: (answer: (value: T) => void) => void): Promise<T> {
    const process = this.#process;
    if (process.isAlive && !process.isRunning) {
      return new Promise((resolve, reject) => {
        process.arrive(() => this.#send(limitMs, execute).then(resolve, reject));
      });
    }
    return new Promise<T>((resolve, reject) => {
      let isOver = false;
      let cancel = () => {};
      const fail = (error: BusError) => {
        if (isOver) return;
        isOver = true;
        cancel();
        this.#pending.delete(fail);
        this.#isUp = false;
        reject(error);
      };
      if (this.#isClosed) {
        fail(new BusError('closed', 'none'));
        return;
      }
      this.#pending.add(fail);
      cancel = process.setTimer(limitMs, () => fail(new BusError('no answer', 'unknown')));
      const answer = (take: () => void) => {
        this.#travel(busPlace, process.name, () => process.arrive(take), this.#world.nowMs);
      };
      const succeed = (value: T) =>
        answer(() => {
          if (isOver) return;
          isOver = true;
          cancel();
          this.#pending.delete(fail);
          this.#isUp = true;
          resolve(value);
        });
      const refuse = () => answer(() => fail(new BusError('connection refused', 'none')));
      const reach = () => {
        if (this.#redis.isAway) refuse();
        else this.#redis.receive(() => this.#execute(execute, succeed, answer, fail));
      };
      this.#travel(process.name, busPlace, reach, this.#world.nowMs);
    });
  }

  #execute<T>(
    execute: (answer: (value: T) => void) => void,
    succeed: (value: T) => void,
    answer: (take: () => void) => void,
    fail: (error: BusError) => void,
  ): void {
    try {
      execute(succeed);
    } catch (error) {
      // An error of the server's own: nothing was changed.
      answer(() => fail(new BusError('the bus answered with an error', 'none', { cause: error })));
    }
  }

  /** Goes from one place to another; where the way is cut, for as long as TCP would try. */
  #travel(from: string, to: string, arrive: () => void, sinceMs: number): void {
    const world = this.#world;
    const { leastMs, meanMs } = this.#network.quality;
    world.after(world.delay(leastMs, meanMs), () => {
      if (!this.#network.isCut(from, to)) arrive();
      else if (world.nowMs - sinceMs < lingerMs) {
        world.after(world.between(100, 700), () => this.#travel(from, to, arrive, sinceMs));
      }
    });
  }
}
