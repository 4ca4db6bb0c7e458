import type {
  Bus,
  BusState,
  Head,
  LeadReply,
  LeadRequest,
  Lease,
  LeaseView,
  LogEntry,
  NodeBeat,
  Refusal,
  Reply,
  StreamMessage,
  StreamName,
  TableMessage,
  TableName,
} from '../../../src/cluster/bus.ts';
import { isAfter, type Position } from '../../../src/cluster/position.ts';
import { worldEpochMs } from '../engine/sim-process.ts';
import type { Simulation } from '../engine/simulation.ts';
import { emptyRedis, type HeldLease, type RedisState } from './redis-state.ts';

type Announced = Parameters<Bus['announce']>[1];

const streamEntries = 100;

/**
 * A Redis server as the cluster uses it: each operation is one atomic step on the state of a moment.
 * It can lose everything, go back to what it was, be away or hang; its clock is true time.
 */
export class SimRedis {
  readonly #world: Simulation;
  readonly #tableEntries: number;
  #state: RedisState = emptyRedis;
  /** Calls that wait for something new; asked after each change. */
  #waiting: (() => void)[] = [];
  /** What reached the server while it hung. */
  readonly #held: (() => void)[] = [];
  /** States of the past, oldest first, one for each second or so. */
  readonly #dumps: RedisState[] = [];
  #condition: 'up' | 'hung' | 'away' = 'up';
  #cursor = 0;
  #skewMs = 0;
  /** How often entries were lost: flushed, rolled back or failed over. */
  losses = 0;

  /** `tableEntries`: how many messages of a table's stream are kept. */
  constructor(world: Simulation, tableEntries = 50) {
    this.#world = world;
    this.#tableEntries = tableEntries;
    const dump = () => {
      this.#dumps.push(this.#state);
      if (this.#dumps.length > 60) this.#dumps.shift();
      world.after(world.between(200, 2000), dump);
    };
    dump();
  }

  get isAway(): boolean {
    return this.#condition === 'away';
  }

  /** The state of this moment, for checkers. */
  get state(): RedisState {
    return this.#state;
  }

  /** Takes a call in: at once, or when the server goes on; never while it is away. */
  receive(call: () => void): void {
    if (this.#condition === 'up') call();
    else if (this.#condition === 'hung') this.#held.push(call);
  }

  /** SIGSTOP. */
  hang(): void {
    if (this.#condition === 'up') this.#condition = 'hung';
  }

  /** The process is gone; its clients are refused. */
  stop(): void {
    this.#condition = 'away';
    this.#held.length = 0;
    this.#waiting = [];
  }

  /** Goes on, or starts again with what it had. What waited happens in any order. */
  resume(): void {
    this.#condition = 'up';
    for (const call of this.#held.splice(0)) {
      this.#world.after(this.#world.between(0, 5), () => this.receive(call));
    }
  }

  /** FLUSHALL, or a start without what it had. */
  flush(): void {
    this.losses++;
    this.#change(emptyRedis);
  }

  /** Goes back: to the last dump (a replica that was not quite up to date), or to an older one. */
  rollBack(isFar: boolean): void {
    // Another machine, and another clock.
    this.#skewMs = this.#world.between(-2000, 2000);
    const back = isFar ? this.#world.random.below(this.#dumps.length) + 1 : 1;
    this.losses++;
    this.#change(this.#dumps.at(-back) ?? emptyRedis);
  }

  /** Another server takes over, with what it has. */
  replace(state: RedisState): void {
    this.losses++;
    this.#skewMs = this.#world.between(-2000, 2000);
    this.#change(state);
  }

  /** Calls back when `ready` gives something, or with undefined after `waitMs`. */
  wait<T>(ready: () => T | undefined, waitMs: number, done: (found: T | undefined) => void): void {
    const now = ready();
    if (now !== undefined || waitMs <= 0) {
      done(now);
      return;
    }
    let isOver = false;
    const look = () => {
      const found = ready();
      if (found === undefined || isOver) return;
      isOver = true;
      this.#waiting = this.#waiting.filter((other) => other !== look);
      done(found);
    };
    this.#waiting.push(look);
    this.#world.after(waitMs, () => {
      if (isOver) return;
      isOver = true;
      this.#waiting = this.#waiting.filter((other) => other !== look);
      done(undefined);
    });
  }

  status(): BusState {
    const lease = this.#lease();
    return { lease: lease && this.#view(lease), head: this.#state.head };
  }

  lead(request: LeadRequest): LeadReply {
    const { holder, url, knownTerm, position, replaces, ttlMs } = request;
    const lease = this.#lease();
    const { head, counter } = this.#state;
    if (lease !== undefined && !(lease.holder === holder && lease.term === replaces)) {
      return { outcome: 'held', lease: this.#view(lease), head };
    }
    const isBehind = head !== undefined && head.position.sequence > 0;
    if (isBehind && isAfter(head.position, position)) {
      return { outcome: 'behind', head };
    }
    const term = Math.max(counter + 1, knownTerm + 1, this.#epochMs());
    const untilMs = this.#world.nowMs + ttlMs;
    this.#change({ ...this.#state, counter: term, lease: { holder, url, term, untilMs } });
    return { outcome: 'led', term, head };
  }

  renew(lease: Lease, ttlMs: number): Awaited<ReturnType<Bus['renew']>> {
    const held = this.#lease();
    if (held === undefined || !isHeldBy(held, lease)) {
      return { outcome: 'fenced', lease: held && this.#view(held) };
    }
    const untilMs = this.#world.nowMs + ttlMs;
    this.#change({ ...this.#state, lease: { ...held, untilMs } });
    return { outcome: 'done', head: this.#state.head };
  }

  resign(lease: Lease): void {
    const held = this.#lease();
    if (held !== undefined && isHeldBy(held, lease)) {
      this.#change({ ...this.#state, lease: undefined });
    }
  }

  assume(lease: Lease, entry: LogEntry, hash: string): Reply {
    const { head } = this.#state;
    const refused = this.#fence(lease);
    if (refused !== undefined) return refused;
    if (head !== undefined && head.position.sequence > entry.position.sequence) {
      return { outcome: 'conflict', head };
    }
    this.#add(entry, hash);
    return { outcome: 'done' };
  }

  append(lease: Lease, entry: LogEntry, hash: string): Reply {
    const { head } = this.#state;
    const refused = this.#fence(lease);
    if (refused !== undefined) return refused;
    const isNext =
      head !== undefined &&
      head.position.term === lease.term &&
      head.position.sequence === entry.position.sequence - 1;
    if (!isNext) return { outcome: 'conflict', head };
    this.#add(entry, hash);
    return { outcome: 'done' };
  }

  entries(after: Position, limit: number): readonly LogEntry[] | undefined {
    const found = this.#state.log.filter(({ position }) => isAfter(position, after));
    return found.length === 0 ? undefined : found.slice(0, Math.max(1, limit));
  }

  putChunk(group: string, index: number, bytes: Uint8Array): void {
    const chunks = new Map(this.#state.chunks).set(`${group}/${index}`, bytes);
    this.#change({ ...this.#state, chunks });
  }

  chunk(group: string, index: number): Uint8Array | undefined {
    return this.#state.chunks.get(`${group}/${index}`);
  }

  announce(lease: Lease, snapshot: Announced): Reply {
    const refused = this.#fence(lease);
    if (refused !== undefined) return refused;
    const { snapshots, chunks, log, head } = this.#state;
    const newest = snapshots.at(-1);
    if (newest !== undefined && !isAfter(snapshot.position, newest.position)) {
      return { outcome: 'conflict', head };
    }
    const kept = [...snapshots, snapshot].slice(-2);
    const gone = snapshots.length === 2 ? snapshots[0]?.group : undefined;
    const [lastButOne] = kept.length === 2 ? kept : [];
    this.#change({
      ...this.#state,
      snapshots: kept,
      chunks: new Map([...chunks].filter(([key]) => key.split('/')[0] !== gone)),
      log: log.filter(
        ({ position }) => lastButOne === undefined || isAfter(position, lastButOne.position),
      ),
    });
    return { outcome: 'done' };
  }

  snapshot(): { readonly position: Position; readonly manifest: Uint8Array } | undefined {
    return this.#state.snapshots.at(-1);
  }

  publish(lease: Lease, table: TableName, message: TableMessage): Reply {
    const refused = this.#fence(lease);
    if (refused !== undefined) return refused;
    const before = this.#state.tables.get(table);
    if (before !== undefined && !isAfter(message.position, before.last)) {
      return { outcome: 'conflict', head: this.#state.head };
    }
    const inStream = message.full ? { ...message, bytes: new Uint8Array() } : message;
    const tables = new Map(this.#state.tables).set(table, {
      last: message.position,
      full: message.full ? message : before?.full,
      messages: [...(before?.messages ?? []), inStream].slice(-this.#tableEntries),
    });
    this.#change({ ...this.#state, tables });
    return { outcome: 'done' };
  }

  table(table: TableName): TableMessage | undefined {
    return this.#state.tables.get(table)?.full;
  }

  follow(table: TableName, after: Position, limit: number): readonly TableMessage[] | undefined {
    const messages = this.#state.tables.get(table)?.messages ?? [];
    const found = messages.filter(({ position }) => isAfter(position, after));
    return found.length === 0 ? undefined : found.slice(0, Math.max(1, limit));
  }

  post(stream: StreamName, bytes: Uint8Array): void {
    const before = this.#state.streams.get(stream) ?? [];
    const messages = [...before, { cursor: String(++this.#cursor), bytes }].slice(-streamEntries);
    this.#change({ ...this.#state, streams: new Map(this.#state.streams).set(stream, messages) });
  }

  /** The end of a raw stream. */
  end(stream: StreamName): string {
    return this.#state.streams.get(stream)?.at(-1)?.cursor ?? '0';
  }

  read(stream: StreamName, after: string, limit: number): readonly StreamMessage[] | undefined {
    const messages = this.#state.streams.get(stream) ?? [];
    const found = messages.filter(({ cursor }) => Number(cursor) > Number(after));
    return found.length === 0 ? undefined : found.slice(0, Math.max(1, limit));
  }

  beat(id: string, bytes: Uint8Array, ttlMs: number): void {
    const untilMs = this.#world.nowMs + ttlMs;
    this.#change({ ...this.#state, nodes: new Map(this.#state.nodes).set(id, { bytes, untilMs }) });
  }

  forget(id: string): void {
    const nodes = new Map(this.#state.nodes);
    nodes.delete(id);
    this.#change({ ...this.#state, nodes });
  }

  nodes(): readonly NodeBeat[] {
    return [...this.#state.nodes]
      .filter(([, { untilMs }]) => untilMs > this.#world.nowMs)
      .map(([id, { bytes }]) => ({ id, bytes }));
  }

  /** The calendar of the machine that serves now, milliseconds. */
  #epochMs(): number {
    return Math.floor(worldEpochMs + this.#world.nowMs + this.#skewMs);
  }

  #fence(lease: Lease): Refusal | undefined {
    const held = this.#lease();
    if (held !== undefined && isHeldBy(held, lease)) return undefined;
    return { outcome: 'fenced', lease: held && this.#view(held) };
  }

  #add(entry: LogEntry, hash: string): void {
    const last = this.#state.log.at(-1);
    if (last !== undefined && !isAfter(entry.position, last.position)) {
      throw new Error(
        'the ID specified in XADD is equal or smaller than the target stream top item',
      );
    }
    this.#change({
      ...this.#state,
      log: [...this.#state.log, entry],
      head: headOf(entry, hash),
    });
  }

  #lease(): HeldLease | undefined {
    const { lease } = this.#state;
    return lease !== undefined && lease.untilMs > this.#world.nowMs ? lease : undefined;
  }

  #view({ holder, term, url, untilMs }: HeldLease): LeaseView {
    return { holder, term, url, remainingMs: untilMs - this.#world.nowMs };
  }

  #change(state: RedisState): void {
    this.#state = state;
    for (const look of [...this.#waiting]) look();
  }
}

function headOf({ position }: LogEntry, hash: string): Head {
  return { position, hash };
}

function isHeldBy(held: HeldLease, { holder, term }: Lease): boolean {
  return held.holder === holder && held.term === term;
}
