import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import {
  type Bus,
  BusError,
  type BusState,
  type Head,
  type LeadReply,
  type LeadRequest,
  type Lease,
  type LeaseView,
  type LogEntry,
  type NodeBeat,
  type Reply,
  type StreamMessage,
  type StreamName,
  type TableMessage,
  type TableName,
} from './bus.ts';
import { isAfter, type Position } from './position.ts';

/** All that a bus holds; plain data, so that it can be copied and put back. */
export interface BusContent {
  lease: { holder: string; term: number; url: string; expiresMs: number } | undefined;
  counter: number;
  head: Head | undefined;
  log: LogEntry[];
  snapshots: { position: Position; group: string; manifest: Uint8Array }[];
  chunks: Map<string, { chunks: Map<number, Uint8Array>; expiresMs: number }>;
  tables: Map<TableName, { full: TableMessage | undefined; last: Position; log: TableMessage[] }>;
  streams: Map<StreamName, { next: number; messages: StreamMessage[] }>;
  nodes: Map<string, { bytes: Uint8Array; expiresMs: number }>;
}

/** The server's half of a bus in memory: what several MemoryBus share, as processes share a Redis. */
export class MemoryBusServer {
  readonly clock: Clock;
  content: BusContent = emptyContent();
  readonly #listeners = new Set<() => void>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** FLUSHALL. */
  flush(): void {
    this.content = emptyContent();
  }

  /** A copy of everything, for `restore`: an old dump, or a replica that lags. */
  dump(): BusContent {
    return structuredClone(this.content);
  }

  restore(dump: BusContent): void {
    this.content = structuredClone(dump);
  }

  /** Calls back whenever something was added; returns a function that ends it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  added(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** What a fault does with an operation: rejects it before it is sent, loses it, or loses its answer. */
export type BusFault = 'refuse' | 'lose' | 'lose-answer' | undefined;

/** A bus in memory, for tests and simulations. */
export class MemoryBus implements Bus {
  readonly #server: MemoryBusServer;
  readonly #closers = new Set<() => void>();
  #closed = false;
  /** Asked for each operation by its name; set by tests. */
  fault: (operation: keyof Bus) => BusFault = () => undefined;

  constructor(server: MemoryBusServer) {
    this.#server = server;
  }

  get isUp(): boolean {
    return !this.#closed && this.fault('state') === undefined;
  }

  state(): Promise<BusState> {
    return this.#run('state', () => ({ lease: this.#lease(), head: this.#content.head }));
  }

  lead(request: LeadRequest): Promise<LeadReply> {
    return this.#run('lead', () => {
      const { holder, url, knownTerm, position, replaces, ttlMs } = request;
      const content = this.#content;
      const { head } = content;
      const lease = this.#lease();
      const isReplaced = lease?.holder === holder && lease.term === replaces;
      if (lease !== undefined && !isReplaced) return { outcome: 'held', lease, head };
      if (head !== undefined && head.position.sequence > 0 && isAfter(head.position, position)) {
        return { outcome: 'behind', head };
      }
      const nowMs = Math.floor(this.#server.clock.epochMs());
      const term = Math.max(content.counter + 1, knownTerm + 1, nowMs);
      content.counter = term;
      content.lease = { holder, term, url, expiresMs: this.#nowMs() + ttlMs };
      return { outcome: 'led', term, head };
    });
  }

  renew(lease: Lease, ttlMs: number): ReturnType<Bus['renew']> {
    return this.#run('renew', () => {
      const held = this.#held(lease);
      if (held === undefined) return { outcome: 'fenced', lease: this.#lease() };
      held.expiresMs = this.#nowMs() + ttlMs;
      return { outcome: 'done', head: this.#content.head };
    });
  }

  resign(lease: Lease): Promise<void> {
    return this.#run('resign', () => {
      if (this.#held(lease) !== undefined) this.#content.lease = undefined;
    });
  }

  assume(lease: Lease, entry: LogEntry, hash: string): Promise<Reply> {
    return this.#run('assume', () =>
      this.#append(lease, entry, hash, (head) => {
        return head === undefined || head.position.sequence <= entry.position.sequence;
      }),
    );
  }

  append(lease: Lease, entry: LogEntry, hash: string): Promise<Reply> {
    return this.#run('append', () =>
      this.#append(lease, entry, hash, (head) => {
        const position = head?.position;
        return position?.term === lease.term && position.sequence === entry.position.sequence - 1;
      }),
    );
  }

  entries(after: Position, limit: number, waitMs: number): Promise<readonly LogEntry[]> {
    return this.#wait('entries', waitMs, () =>
      this.#content.log.filter(({ position }) => isAfter(position, after)).slice(0, limit),
    );
  }

  putChunk(group: string, index: number, bytes: Uint8Array): Promise<void> {
    return this.#run('putChunk', () => {
      const expiresMs = this.#nowMs() + limits.chunkMs;
      const chunks = this.#group(group)?.chunks ?? new Map<number, Uint8Array>();
      this.#content.chunks.set(group, { chunks: chunks.set(index, copy(bytes)), expiresMs });
    });
  }

  chunk(group: string, index: number): Promise<Uint8Array | undefined> {
    return this.#run('chunk', () => this.#group(group)?.chunks.get(index));
  }

  announce(lease: Lease, snapshot: Parameters<Bus['announce']>[1]): Promise<Reply> {
    return this.#run('announce', () => {
      const content = this.#content;
      const [newest, older] = content.snapshots;
      if (this.#held(lease) === undefined) return { outcome: 'fenced', lease: this.#lease() };
      if (newest !== undefined && isAfter(newest.position, snapshot.position)) {
        return { outcome: 'conflict', head: content.head };
      }
      const group = this.#group(snapshot.group);
      if (group !== undefined) group.expiresMs = Number.POSITIVE_INFINITY;
      if (newest !== undefined && !isAfter(snapshot.position, newest.position)) {
        if (newest.group !== snapshot.group) content.chunks.delete(newest.group);
        content.snapshots[0] = snapshot;
        return { outcome: 'done' };
      }
      if (older !== undefined) content.chunks.delete(older.group);
      content.snapshots = [snapshot, ...(newest === undefined ? [] : [newest])];
      if (newest !== undefined) {
        content.log = content.log.filter(({ position }) => isAfter(position, newest.position));
      }
      return { outcome: 'done' };
    });
  }

  snapshot(): ReturnType<Bus['snapshot']> {
    return this.#run('snapshot', () => this.#content.snapshots[0]);
  }

  publish(lease: Lease, name: TableName, message: TableMessage): Promise<Reply> {
    return this.#run('publish', () => {
      const table = this.#content.tables.get(name);
      if (this.#held(lease) === undefined) return { outcome: 'fenced', lease: this.#lease() };
      if (table !== undefined && !isAfter(message.position, table.last)) {
        return { outcome: 'conflict', head: this.#content.head };
      }
      const bytes = message.full ? new Uint8Array(0) : copy(message.bytes);
      const log = [...(table?.log ?? []), { ...message, bytes }].slice(-limits.tableEntries);
      const full = message.full ? { ...message, bytes: copy(message.bytes) } : table?.full;
      this.#content.tables.set(name, { full, last: message.position, log });
      this.#server.added();
      return { outcome: 'done' };
    });
  }

  table(name: TableName): Promise<TableMessage | undefined> {
    return this.#run('table', () => this.#content.tables.get(name)?.full);
  }

  follow(name: TableName, after: Position, limit: number, waitMs: number) {
    return this.#wait('follow', waitMs, () => {
      const log = this.#content.tables.get(name)?.log ?? [];
      return log.filter(({ position }) => isAfter(position, after)).slice(0, limit);
    });
  }

  post(name: StreamName, bytes: Uint8Array): Promise<void> {
    return this.#run('post', () => {
      const { next, messages } = this.#content.streams.get(name) ?? { next: 1, messages: [] };
      const more = [...messages, { cursor: String(next), bytes: copy(bytes) }];
      const kept = more.slice(-limits.streamEntries[name]);
      this.#content.streams.set(name, { next: next + 1, messages: kept });
      this.#server.added();
    });
  }

  async read(name: StreamName, after: string | undefined, limit: number, waitMs: number) {
    const start = after === undefined ? this.#content.streams.get(name)?.next : Number(after) + 1;
    let next = start ?? 1;
    const messages = await this.#wait('read', waitMs, () => {
      const stream = this.#content.streams.get(name);
      // Emptied, or put back to an earlier state: begin anew with what there is.
      if (next > (stream?.next ?? 1)) next = 0;
      return (stream?.messages ?? [])
        .filter(({ cursor }) => Number(cursor) >= next)
        .slice(0, limit);
    });
    return { messages, cursor: messages.at(-1)?.cursor ?? String(Math.max(0, next - 1)) };
  }

  beat(id: string, bytes: Uint8Array, ttlMs: number): Promise<void> {
    return this.#run('beat', () => {
      this.#content.nodes.set(id, { bytes: copy(bytes), expiresMs: this.#nowMs() + ttlMs });
    });
  }

  forget(id: string): Promise<void> {
    return this.#run('forget', () => {
      this.#content.nodes.delete(id);
    });
  }

  nodes(): Promise<readonly NodeBeat[]> {
    return this.#run('nodes', () => {
      const { nodes } = this.#content;
      for (const [id, { expiresMs }] of nodes) if (expiresMs <= this.#nowMs()) nodes.delete(id);
      return [...nodes].slice(0, limits.nodes).map(([id, { bytes }]) => ({ id, bytes }));
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const end of [...this.#closers]) end();
  }

  get #content(): BusContent {
    return this.#server.content;
  }

  #nowMs(): number {
    return this.#server.clock.monotonicMs();
  }

  #lease(): LeaseView | undefined {
    const { lease } = this.#content;
    if (lease === undefined || lease.expiresMs <= this.#nowMs()) return undefined;
    const { holder, term, url, expiresMs } = lease;
    return { holder, term, url, remainingMs: expiresMs - this.#nowMs() };
  }

  /** The lease that is held, when it is this one. */
  #held({ holder, term }: Lease): BusContent['lease'] {
    const { lease } = this.#content;
    if (lease === undefined || lease.expiresMs <= this.#nowMs()) return undefined;
    return lease.holder === holder && lease.term === term ? lease : undefined;
  }

  #group(name: string) {
    const group = this.#content.chunks.get(name);
    return group !== undefined && group.expiresMs > this.#nowMs() ? group : undefined;
  }

  #append(
    lease: Lease,
    entry: LogEntry,
    hash: string,
    fits: (head: Head | undefined) => boolean,
  ): Reply {
    const content = this.#content;
    if (this.#held(lease) === undefined) return { outcome: 'fenced', lease: this.#lease() };
    if (!fits(content.head)) return { outcome: 'conflict', head: content.head };
    content.head = { position: entry.position, hash };
    content.log.push({ position: entry.position, bytes: copy(entry.bytes) });
    this.#server.added();
    return { outcome: 'done' };
  }

  async #run<T>(operation: keyof Bus, step: () => T): Promise<T> {
    if (this.#closed) throw new BusError('the bus is closed', 'none');
    const fault = this.fault(operation);
    if (fault === 'refuse') throw new BusError(`${operation}: the bus cannot be reached`, 'none');
    const silent = new BusError(`${operation}: the bus did not answer`, 'unknown');
    if (fault === 'lose') throw silent;
    const result = step();
    if (fault === 'lose-answer') throw silent;
    return result;
  }

  /** Looks for something; with nothing there, looks again at each addition until the time is over. */
  async #wait<T>(operation: keyof Bus, waitMs: number, look: () => readonly T[]) {
    if (waitMs <= 0) return this.#run(operation, look);
    const { promise, resolve, reject } = Promise.withResolvers<readonly T[]>();
    const tryAgain = () => {
      this.#run(operation, look).then((found) => found.length > 0 && resolve(found), reject);
    };
    const end = () => reject(new BusError('the bus is closed', 'none'));
    const stopListening = this.#server.listen(tryAgain);
    const cancel = this.#server.clock.setTimer(waitMs, () => resolve([]));
    this.#closers.add(end);
    tryAgain();
    return promise.finally(() => {
      stopListening();
      cancel();
      this.#closers.delete(end);
    });
  }
}

function emptyContent(): BusContent {
  return {
    lease: undefined,
    counter: 0,
    head: undefined,
    log: [],
    snapshots: [],
    chunks: new Map(),
    tables: new Map(),
    streams: new Map(),
    nodes: new Map(),
  };
}

function copy(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}
