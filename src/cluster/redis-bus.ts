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
import { formatPosition, type Position, parsePosition } from './position.ts';
import { RedisLink, type RedisReply } from './redis-link.ts';
import { redisScripts } from './redis-scripts.ts';
import type { BusAddress } from './redis-url.ts';

/** What a bus on Redis needs. */
export interface RedisBusOptions {
  readonly address: BusAddress;
  /** The cluster's name: its keys begin with `{meridian:NAME}:`, all in one slot. */
  readonly cluster: string;
  /** PEM certificates to trust instead of the system's, for TLS. */
  readonly ca?: string;
  /** What sentinels ask for themselves; the address has what the server asks for. */
  readonly sentinelPassword?: string;
  /** Told of failing connections, for a debug log; the operations that fail say so themselves. */
  readonly onFailure?: (text: string) => void;
}

/**
 * A bus on Redis or Valkey (6.2 or later), Sentinel and Cluster included. Reading that waits has
 * connections of its own, one per stream, so that nothing waits behind it. Connects by itself, and
 * again and again; nothing here waits for that.
 */
export function openRedisBus(options: RedisBusOptions): Bus {
  return new RedisBus(options);
}

class RedisBus implements Bus {
  readonly #options: RedisBusOptions;
  readonly #prefix: string;
  readonly #link: RedisLink;
  readonly #readers = new Map<string, RedisLink>();
  #isClosed = false;

  constructor(options: RedisBusOptions) {
    this.#options = options;
    this.#prefix = `{meridian:${options.cluster}}:`;
    this.#link = this.#open(limits.busCommandMs);
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  async state(): Promise<BusState> {
    const [value, left, head] = await this.#link.together([
      ['get', this.#key('lease')],
      ['pttl', this.#key('lease')],
      ['hmget', this.#key('head'), 'term', 'sequence', 'hash'],
    ]);
    const [term, holder, ...url] = text(value).split('\n');
    const lease =
      holder === undefined || Number(left) <= 0
        ? undefined
        : { term: Number(term), holder, url: url.join('\n'), remainingMs: Number(left) };
    return { lease, head: headOf(list(head)) };
  }

  async lead(request: LeadRequest): Promise<LeadReply> {
    const { holder, url, knownTerm, position, replaces, ttlMs } = request;
    const { term, sequence } = position;
    const keys = this.#keys('lease', 'head', 'counter');
    const args = [holder, url, knownTerm, term, sequence, replaces ?? '', ttlMs];
    const { outcome, lease, head } = answer(await this.#link.script(redisScripts.lead, keys, args));
    if (outcome === 'led' && lease !== undefined) return { outcome, term: lease.term, head };
    if (outcome === 'held' && lease !== undefined) return { outcome, lease, head };
    if (outcome === 'behind' && head !== undefined) return { outcome, head };
    throw nonsense('lead', outcome);
  }

  async renew(lease: Lease, ttlMs: number): ReturnType<Bus['renew']> {
    const args = [lease.holder, lease.term, ttlMs];
    const reply = await this.#link.script(redisScripts.renew, this.#keys('lease', 'head'), args);
    const { outcome, head, lease: held } = answer(reply);
    if (outcome === 'done') return { outcome, head };
    if (outcome === 'fenced') return { outcome, lease: held };
    throw nonsense('renew', outcome);
  }

  async resign(lease: Lease): Promise<void> {
    const args = [lease.holder, lease.term];
    await this.#link.script(redisScripts.resign, this.#keys('lease', 'head'), args);
  }

  async assume(lease: Lease, entry: LogEntry, hash: string): Promise<Reply> {
    const args = [lease.holder, lease.term, entry.position.sequence, hash, entry.bytes];
    const keys = this.#keys('lease', 'head', 'log');
    return refusable('assume', await this.#link.script(redisScripts.assume, keys, args));
  }

  async append(lease: Lease, entry: LogEntry, hash: string): Promise<Reply> {
    const args = [lease.holder, lease.term, entry.position.sequence, hash, entry.bytes];
    const keys = this.#keys('lease', 'head', 'log');
    return refusable('append', await this.#link.script(redisScripts.append, keys, args));
  }

  async entries(after: Position, limit: number, waitMs: number): Promise<readonly LogEntry[]> {
    const entries = await this.#xread('log', formatPosition(after), limit, waitMs);
    return entries.flatMap(({ id, fields }) => {
      const position = parsePosition(id);
      return position === undefined ? [] : [{ position, bytes: fields.get('b') ?? noBytes }];
    });
  }

  async putChunk(group: string, index: number, bytes: Uint8Array): Promise<void> {
    const keys = [this.#key(`group:${group}`)];
    await this.#link.script(redisScripts.putChunk, keys, [index, bytes, limits.chunkMs]);
  }

  async chunk(group: string, index: number): Promise<Uint8Array | undefined> {
    const reply = await this.#link.send('hget', this.#key(`group:${group}`), index);
    return Buffer.isBuffer(reply) ? reply : undefined;
  }

  async announce(lease: Lease, snapshot: Parameters<Bus['announce']>[1]): Promise<Reply> {
    const { position, group, manifest } = snapshot;
    const keys = this.#keys('lease', 'head', 'log', 'snapshots', `group:${group}`);
    const prefix = this.#key('group:');
    const args = [lease.holder, position.term, position.sequence, group, manifest, prefix];
    return refusable('announce', await this.#link.script(redisScripts.announce, keys, args));
  }

  async snapshot(): ReturnType<Bus['snapshot']> {
    const fields = ['term', 'sequence', 'manifest'];
    const reply = list(await this.#link.send('hmget', this.#key('snapshots'), ...fields));
    const position = positionOf(reply[0], reply[1]);
    const manifest = reply[2];
    return position === undefined || !Buffer.isBuffer(manifest)
      ? undefined
      : { position, manifest };
  }

  async publish(lease: Lease, table: TableName, message: TableMessage): Promise<Reply> {
    const keys = this.#keys('lease', 'head', `table:${table}`, `table:${table}:log`);
    const { position, full, bytes } = message;
    const args = [lease.holder, position.term, position.sequence, full ? 1 : 0, bytes];
    const reply = await this.#link.script(redisScripts.publish, keys, [
      ...args,
      limits.tableEntries,
    ]);
    return refusable('publish', reply);
  }

  async table(table: TableName): Promise<TableMessage | undefined> {
    const fields = ['fullTerm', 'fullSequence', 'bytes'];
    const reply = list(await this.#link.send('hmget', this.#key(`table:${table}`), ...fields));
    const position = positionOf(reply[0], reply[1]);
    const bytes = reply[2];
    if (position === undefined || !Buffer.isBuffer(bytes)) return undefined;
    return { position, full: true, bytes };
  }

  async follow(table: TableName, after: Position, limit: number, waitMs: number) {
    const key = `table:${table}:log`;
    const entries = await this.#xread(key, formatPosition(after), limit, waitMs);
    return entries.flatMap(({ id, fields }): TableMessage[] => {
      const position = parsePosition(id);
      if (position === undefined) return [];
      const full = text(fields.get('f') ?? null) === '1';
      return [{ position, full, bytes: fields.get('b') ?? noBytes }];
    });
  }

  async post(stream: StreamName, bytes: Uint8Array): Promise<void> {
    const most = limits.streamEntries[stream];
    const key = this.#key(`stream:${stream}`);
    await this.#link.send('xadd', key, 'MAXLEN', '~', most, '*', 'b', bytes);
  }

  async read(stream: StreamName, after: string | undefined, limit: number, waitMs: number) {
    const key = `stream:${stream}`;
    const cursor = after ?? (await this.#newestId(key));
    const entries = await this.#xread(key, cursor, limit, waitMs);
    const messages = entries.map(
      ({ id, fields }): StreamMessage => ({ cursor: id, bytes: fields.get('b') ?? noBytes }),
    );
    const last = messages.at(-1)?.cursor;
    if (last !== undefined) return { messages, cursor: last };
    // Emptied, or put back to an earlier state: begin anew with what there is.
    const isBeyond = compareIds(await this.#newestId(key), cursor) < 0;
    return { messages, cursor: isBeyond ? '0-0' : cursor };
  }

  async beat(id: string, bytes: Uint8Array, ttlMs: number): Promise<void> {
    const keys = this.#keys('nodes', 'nodes:expiry');
    await this.#link.script(redisScripts.beat, keys, [id, bytes, ttlMs]);
  }

  async forget(id: string): Promise<void> {
    await this.#link.script(redisScripts.forget, this.#keys('nodes', 'nodes:expiry'), [id]);
  }

  async nodes(): Promise<readonly NodeBeat[]> {
    const most = limits.nodes;
    const [expiry, ids, beats, time] = await this.#link.together([
      ['zrevrange', this.#key('nodes:expiry'), 0, most - 1, 'WITHSCORES'],
      ['hkeys', this.#key('nodes')],
      ['hvals', this.#key('nodes')],
      ['time'],
    ]);
    const [seconds, micros] = list(time).map((part) => Number(text(part)));
    const nowMs = (seconds ?? 0) * 1000 + (micros ?? 0) / 1000;
    const values = list(beats);
    const bytesOf = new Map(list(ids).map((id, index) => [text(id), values[index]]));
    return [...pairs(expiry)].flatMap(([id, score]) => {
      const bytes = bytesOf.get(id);
      return !Buffer.isBuffer(bytes) || Number(text(score)) <= nowMs ? [] : [{ id, bytes }];
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#link.close();
    for (const reader of this.#readers.values()) reader.close();
  }

  #open(commandMs: number): RedisLink {
    const { cluster: _, ...options } = this.#options;
    return new RedisLink({ onFailure: () => undefined, ...options, commandMs });
  }

  #key(name: string): string {
    return this.#prefix + name;
  }

  #keys(...names: readonly string[]): string[] {
    return names.map((name) => this.#key(name));
  }

  async #newestId(name: string): Promise<string> {
    const reply = await this.#link.send('xrevrange', this.#key(name), '+', '-', 'COUNT', 1);
    return text(list(list(reply)[0] ?? null)[0] ?? null) || '0-0';
  }

  /** Entries of a stream; one that is to wait does so on the stream's own connection. */
  async #xread(name: string, after: string, limit: number, waitMs: number) {
    const count = ['COUNT', Math.max(1, limit)] as const;
    const streams = ['STREAMS', this.#key(name), after] as const;
    let reply: RedisReply;
    if (waitMs <= 0) reply = await this.#link.send('xread', ...count, ...streams);
    else {
      const reader = this.#reader(name);
      await reader.ready(limits.busCommandMs);
      const blockMs = Math.min(waitMs, limits.busWaitMs);
      reply = await reader.send('xread', ...count, 'BLOCK', blockMs, ...streams);
    }
    const entries = list(list(list(reply)[0] ?? null)[1] ?? null);
    return entries.map((entry) => {
      const [id, fields] = list(entry);
      return { id: text(id ?? null), fields: pairs(fields ?? null) };
    });
  }

  #reader(name: string): RedisLink {
    if (this.#isClosed) throw new BusError('the bus is closed', 'none');
    let reader = this.#readers.get(name);
    if (reader === undefined) {
      reader = this.#open(limits.busWaitMs + limits.busCommandMs);
      this.#readers.set(name, reader);
    }
    return reader;
  }
}

const noBytes = new Uint8Array(0);

/** The answer of a fenced script (redis-scripts.ts). */
function answer(reply: RedisReply) {
  const [outcome = null, term = null, holder = null, url = null, left = null, ...head] =
    list(reply);
  const lease: LeaseView | undefined =
    text(term) === ''
      ? undefined
      : {
          term: Number(text(term)),
          holder: text(holder),
          url: text(url),
          remainingMs: Number(left),
        };
  return { outcome: text(outcome), lease, head: headOf(head) };
}

function refusable(operation: string, reply: RedisReply): Reply {
  const { outcome, lease, head } = answer(reply);
  if (outcome === 'done') return { outcome };
  if (outcome === 'fenced') return { outcome, lease };
  if (outcome === 'conflict') return { outcome, head };
  throw nonsense(operation, outcome);
}

function nonsense(operation: string, outcome: string): BusError {
  return new BusError(`${operation}: Redis answered ${JSON.stringify(outcome)}`, 'unknown');
}

function headOf(parts: readonly RedisReply[]): Head | undefined {
  const position = positionOf(parts[0], parts[1]);
  return position === undefined ? undefined : { position, hash: text(parts[2] ?? null) };
}

function positionOf(term: RedisReply | undefined, sequence: RedisReply | undefined) {
  return parsePosition(`${text(term ?? null)}-${text(sequence ?? null)}`);
}

function text(reply: RedisReply | undefined): string {
  return Buffer.isBuffer(reply) ? reply.toString('utf8') : String(reply ?? '');
}

function list(reply: RedisReply | undefined): readonly RedisReply[] {
  return Array.isArray(reply) ? (reply as readonly RedisReply[]) : [];
}

function pairs(reply: RedisReply | undefined): Map<string, Buffer> {
  const map = new Map<string, Buffer>();
  const flat = list(reply);
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const value = flat[index + 1];
    if (Buffer.isBuffer(value)) map.set(text(flat[index]), value);
  }
  return map;
}

/** The order of stream ids, whose parts may be over 2^53. */
function compareIds(a: string, b: string): number {
  const [aMs = '0', aNumber = '0'] = a.split('-');
  const [bMs = '0', bNumber = '0'] = b.split('-');
  const ms = BigInt(aMs) - BigInt(bMs);
  const difference = ms === 0n ? BigInt(aNumber) - BigInt(bNumber) : ms;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
