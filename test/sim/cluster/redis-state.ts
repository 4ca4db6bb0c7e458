import type {
  Head,
  LogEntry,
  StreamMessage,
  StreamName,
  TableMessage,
  TableName,
} from '../../../src/cluster/bus.ts';
import type { Position } from '../../../src/cluster/position.ts';

/** A lease as the server keeps it: until when, by true time. */
export interface HeldLease {
  readonly holder: string;
  readonly term: number;
  readonly url: string;
  readonly untilMs: number;
}

export interface SnapshotRecord {
  readonly position: Position;
  readonly group: string;
  readonly manifest: Uint8Array;
}

/** One table: its last position, the newest full message, and the stream of messages. */
export interface TableState {
  readonly last: Position;
  readonly full: TableMessage | undefined;
  readonly messages: readonly TableMessage[];
}

/** Everything that the bus holds. Never changed in place, so that an old state is a reference. */
export interface RedisState {
  readonly lease: HeldLease | undefined;
  readonly counter: number;
  readonly head: Head | undefined;
  readonly log: readonly LogEntry[];
  readonly snapshots: readonly SnapshotRecord[];
  /** `group/index`. */
  readonly chunks: ReadonlyMap<string, Uint8Array>;
  readonly tables: ReadonlyMap<TableName, TableState>;
  readonly streams: ReadonlyMap<StreamName, readonly StreamMessage[]>;
  readonly nodes: ReadonlyMap<string, { readonly bytes: Uint8Array; readonly untilMs: number }>;
}

/** What FLUSHALL leaves. */
export const emptyRedis: RedisState = {
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
