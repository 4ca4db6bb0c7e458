/**
 * The memory that datagrams move through, shared by the thread that answers and the one that watches
 * over it. All words are of the machine's byte order.
 *
 *   slots    │ slot 0 │ slot 1 │ …            each: message, then padding to a multiple of 64 octets
 *   requests │ each request as it came, in the slots' places: what a crash leaves to look at
 *   control  │ status 16 words │ counters 24 doubles │ lengths 1 word a slot │ peers 12 words a slot
 *
 *   status   │ 0 signals │ 1 batch id │ 2 slot being answered, plus 1 │ 3 turns │ …
 *   peer     │ 0 family (4, 6) │ 1–4 address │ 5 port │ 6 flags │ 7 socket │ 8–11 address asked │
 *
 * A length is the request's until it is answered, then the answer's; 0 means that nothing is sent.
 */

/** Words of `status`. */
export const statusAt = {
  /** Grows with every wake; waited on by the node:dgram backend. */
  signals: 0,
  /** The addon's id of the open batch, for `wake`; 0 without one. */
  batchId: 1,
  /** Which slot is being answered, plus 1; 0 between answers. What a crash leaves here caused it. */
  busySlot: 2,
  /** Grows with every batch and every idle turn: a thread that is alive never lets it stand. */
  turns: 3,
} as const;

/** Doubles of `counters`; all only grow. */
export const udpCounterAt = {
  received: 0,
  sent: 1,
  /** Answers that the kernel did not take: congestion, no route, the address is gone. */
  unsent: 2,
  /** Requests from port 0, or to a broadcast or multicast address. */
  ignored: 3,
  /** Requests longer than a slot. */
  truncated: 4,
  /** Requests that the kernel dropped since a socket's buffer was full; 0 where it does not say. */
  kernelDrops: 5,
  /** Batches with at least one request. */
  batches: 6,
  /**
   * Of sampled requests: µs from receiving them to handing over their answers, summed; and from
   * `latency` on requests by that time, `latencyBuckets` counters (`latencyBoundMicros`).
   */
  latencyMicros: 7,
  latency: 8,
} as const;

/** Counters of sampled requests by latency. */
export const latencyBuckets = 16;

/** What latencies of a bucket are below, in µs: 4, 8 … 65,536, and without bound in the last. */
export function latencyBoundMicros(bucket: number): number {
  return bucket === latencyBuckets - 1 ? Number.POSITIVE_INFINITY : 4 * 2 ** bucket;
}

/** Of so many requests, or batches, the latency of one is looked at. */
export const sampledEvery = 16;

/** Words of one slot in `peers`. */
export const peerWords = 12;

/** Offsets in a slot's words of `peers`. */
export const peerAt = { family: 0, address: 1, port: 5, flags: 6, socket: 7, asked: 8 } as const;

/** Flag of a request whose tail is lost, since it was longer than a slot. */
export const truncatedFlag = 1;

/** Octets behind every message that may be read and written, so that whole words can be. */
export const slotPaddingBytes = 8;

const statusWords = 16;
const counterDoubles = udpCounterAt.latency + latencyBuckets;

/** What `createUdpMemory` makes; can be sent to other threads. */
export interface UdpMemory {
  readonly slots: SharedArrayBuffer;
  /** As large as `slots`. */
  readonly requests: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  /** 1 to 256. */
  readonly slotCount: number;
  /** Octets from one slot to the next: a multiple of 64. */
  readonly slotBytes: number;
  /** Longest message, in octets. */
  readonly payloadBytes: number;
}

/** The parts of a UdpMemory. */
export interface UdpViews extends UdpMemory {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly requestBytes: Uint8Array<SharedArrayBuffer>;
  readonly status: Int32Array<SharedArrayBuffer>;
  readonly counters: Float64Array<SharedArrayBuffer>;
  readonly lengths: Int32Array<SharedArrayBuffer>;
  readonly peers: Int32Array<SharedArrayBuffer>;
}

/**
 * Makes the memory for batches of `slotCount` messages (default 64; 1 to 256) of `payloadBytes`
 * octets (1 to 65,535).
 */
export function createUdpMemory(payloadBytes: number, slotCount = 64): UdpMemory {
  const slotBytes = (payloadBytes + slotPaddingBytes + 63) & ~63;
  const controlBytes = statusWords * 4 + counterDoubles * 8 + slotCount * (1 + peerWords) * 4;
  return {
    slots: new SharedArrayBuffer(slotBytes * slotCount),
    requests: new SharedArrayBuffer(slotBytes * slotCount),
    control: new SharedArrayBuffer(controlBytes),
    slotCount,
    slotBytes,
    payloadBytes,
  };
}

/** Opens the parts of the memory. */
export function viewUdpMemory(memory: UdpMemory): UdpViews {
  const { control, slotCount } = memory;
  const countersAt = statusWords * 4;
  const lengthsAt = countersAt + counterDoubles * 8;
  return {
    ...memory,
    bytes: new Uint8Array(memory.slots),
    requestBytes: new Uint8Array(memory.requests),
    status: new Int32Array(control, 0, statusWords),
    counters: new Float64Array(control, countersAt, counterDoubles),
    lengths: new Int32Array(control, lengthsAt, slotCount),
    peers: new Int32Array(control, lengthsAt + slotCount * 4, slotCount * peerWords),
  };
}

/** Forgets a dead thread's batch and answer, for the thread that takes its place. */
export function clearUdpStatus({ status }: UdpViews): void {
  Atomics.store(status, statusAt.batchId, 0);
  Atomics.store(status, statusAt.busySlot, 0);
}

/** The request that was being answered when its thread died, or undefined when it died otherwise. */
export function interruptedRequest(views: UdpViews): Uint8Array | undefined {
  const slot = Atomics.load(views.status, statusAt.busySlot) - 1;
  if (slot < 0 || slot >= views.slotCount) return undefined;
  const at = slot * views.slotBytes;
  return new Uint8Array(views.requestBytes.subarray(at, at + views.lengths[slot]!));
}
