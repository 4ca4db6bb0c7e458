import { latencyBuckets, udpCounterAt } from '../../native/udp_batch/udp-memory.ts';
import { rrTypes } from '../wire/types.ts';

/** Query types counted by name; all others share `other`. */
export const countedTypes = [
  'A',
  'AAAA',
  'NS',
  'SOA',
  'CNAME',
  'MX',
  'TXT',
  'SRV',
  'PTR',
  'SVCB',
  'HTTPS',
  'DS',
  'DNSKEY',
  'CAA',
  'ANY',
] as const;

/** How a query came, by index. */
export const transports = ['udp', 'tcp', 'tls', 'https'] as const;
export const transportIndexes = { udp: 0, tcp: 1, tls: 2, https: 3 } as const;

const rcodeCount = 24;
const typesAt = transports.length;
const rcodesAt = typesAt + countedTypes.length + 1;
const eventsAt = rcodesAt + rcodeCount;

/**
 * One thread's counters: a Float64Array in shared memory that only this thread writes, so that others
 * read it at no cost to the query path. Doubles count exactly up to 2^53.
 *
 *   transports 4 │ query types 15 │ other 1 │ RCODEs 24 │ events
 */
export const counterAt = {
  transports: 0,
  types: typesAt,
  otherType: typesAt + countedTypes.length,
  rcodes: rcodesAt,
  /** Answers that a policy picked. */
  steered: eventsAt,
  truncated: eventsAt + 1,
  /** Requests that got no answer: too short, or responses themselves. */
  dropped: eventsAt + 2,
  /** Requests answered with FORMERR. */
  malformed: eventsAt + 3,
  /** Bugs that cost one query (invariant 10). */
  failures: eventsAt + 4,
  /** Answers that could not be sent, because the socket was congested or refused them. */
  unsent: eventsAt + 5,
  connections: eventsAt + 6,
  /** Connections closed because of a cap. */
  connectionsShed: eventsAt + 7,
  /** Answers over UDP suppressed by the rate limit. */
  limited: eventsAt + 8,
  /** Those of them that went out as a hint. */
  slipped: eventsAt + 9,
  length: eventsAt + 10,
} as const;

/** Query type → its counter, for types below 256. */
const typeCounters = new Uint8Array(256).fill(counterAt.otherType);
countedTypes.forEach((name, index) => {
  if (rrTypes[name] < 256) typeCounters[rrTypes[name]] = counterAt.types + index;
});
const caaCounter = counterAt.types + countedTypes.indexOf('CAA');

/** The counter of a query type. */
export function typeCounter(type: number): number {
  if (type < 256) return typeCounters[type]!;
  return type === rrTypes.CAA ? caaCounter : counterAt.otherType;
}

/** Makes a thread's counters, all zero. */
export function createCounters(): Float64Array {
  return new Float64Array(new SharedArrayBuffer(counterAt.length * 8));
}

/** The sums over all threads, dead ones included. */
export interface CounterSnapshot {
  readonly queries: Readonly<Record<(typeof transports)[number], number>>;
  /** By type name; `other` for the rest. Only queries whose question could be read. */
  readonly types: Readonly<Record<string, number>>;
  /** By RCODE number; RCODEs that never occurred are absent. */
  readonly rcodes: Readonly<Record<number, number>>;
  readonly steered: number;
  readonly truncated: number;
  readonly dropped: number;
  readonly malformed: number;
  readonly failures: number;
  readonly unsent: number;
  /** Requests that the kernel dropped since a socket's buffer was full; 0 where it does not say. */
  readonly kernelDrops: number;
  readonly connections: number;
  readonly connectionsShed: number;
  readonly limited: number;
  readonly slipped: number;
  /** Of sampled requests over UDP: from receiving one to handing its answer to the kernel. */
  readonly latency: {
    /** By bucket, see `latencyBoundMicros`. */
    readonly counts: readonly number[];
    readonly micros: number;
  };
}

/** Adds up the counters of several threads, and those of the UDP backends (`udpCounterAt`). */
export function sumCounters(
  all: readonly Float64Array[],
  udp: readonly Float64Array[] = [],
): CounterSnapshot {
  const sumUdp = (at: number) => udp.reduce((total, counters) => total + counters[at]!, 0);
  const sum = (at: number) => all.reduce((total, counters) => total + counters[at]!, 0);
  const types: Record<string, number> = { other: sum(counterAt.otherType) };
  countedTypes.forEach((name, index) => {
    types[name] = sum(counterAt.types + index);
  });
  const rcodes: Record<number, number> = {};
  for (let rcode = 0; rcode < rcodeCount; rcode += 1) {
    const count = sum(counterAt.rcodes + rcode);
    if (count > 0) rcodes[rcode] = count;
  }
  return {
    queries: { udp: sum(0), tcp: sum(1), tls: sum(2), https: sum(3) },
    types,
    rcodes,
    steered: sum(counterAt.steered),
    truncated: sum(counterAt.truncated),
    dropped: sum(counterAt.dropped) + sumUdp(udpCounterAt.ignored),
    malformed: sum(counterAt.malformed),
    failures: sum(counterAt.failures),
    unsent: sum(counterAt.unsent) + sumUdp(udpCounterAt.unsent),
    kernelDrops: sumUdp(udpCounterAt.kernelDrops),
    connections: sum(counterAt.connections),
    connectionsShed: sum(counterAt.connectionsShed),
    limited: sum(counterAt.limited),
    slipped: sum(counterAt.slipped),
    latency: {
      counts: Array.from({ length: latencyBuckets }, (_, at) => sumUdp(udpCounterAt.latency + at)),
      micros: sumUdp(udpCounterAt.latencyMicros),
    },
  };
}
