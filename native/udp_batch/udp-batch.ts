import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseIp } from '../../src/base/ip.ts';
import { addonPath } from './addon-path.ts';
import {
  defaultBufferBytes,
  idleTurnMs,
  type UdpAddress,
  type UdpBackend,
  type UdpOptions,
  type UdpService,
} from './udp-backend.ts';
import { peerWords, statusAt, type UdpViews, viewUdpMemory } from './udp-memory.ts';

/**
 * The functions of udp_batch.c. Ids of batches are positive numbers that mean the same in all threads
 * of the process and are not used again soon.
 */
export interface UdpBatch {
  /**
   * Opens a batch: all its sockets, or none. `addresses` has 8 words each (family, address, port,
   * ipv6Only, socket to take a copy of or 0) and takes the chosen ports and the sockets. Throws an Error with `code`, `errno` and `syscall`.
   */
  open(
    addresses: Int32Array,
    settings: Int32Array,
    slots: Uint8Array<SharedArrayBuffer>,
    lengths: Int32Array<SharedArrayBuffer>,
    peers: Int32Array<SharedArrayBuffer>,
    counters: Float64Array<SharedArrayBuffer>,
    requests: Uint8Array<SharedArrayBuffer>,
  ): number;
  /**
   * Sends the answers in the first `answered` slots and waits for requests. Returns how many came, 0
   * when woken or after `idleTurnMs`, -1 when stopped and drained.
   */
  exchange(id: number, answered: number): number;
  /** Ends the exchange that blocks, or the next; false when there is no such batch. Any thread. */
  wake(id: number): boolean;
  /** Makes exchanges return what is queued and then -1; false without such a batch. Any thread. */
  stop(id: number): boolean;
  /** Closes a batch of this thread; false when it has no such. */
  close(id: number): boolean;
  /** Undefined when AF_XDP can be had; else the call that failed and its error. */
  probeXdp(): string | undefined;
  /**
   * Gives this thread time slices of so many µs (100 to 100,000), so that it runs soon after it
   * wakes; false where that cannot be. Before Linux 6.12 it changes nothing.
   */
  shortenSlices(micros: number): boolean;
  /** Gives memory that was freed back to the system; false when there was none. */
  trimMemory(): boolean;
}

/** The addon, or a sentence that says why there is none. */
export type LoadedUdpBatch = { readonly addon: UdpBatch } | { readonly reason: string };

let loaded: LoadedUdpBatch | undefined;

/** Loads the addon once a thread. */
export function loadUdpBatch(): LoadedUdpBatch {
  loaded ??= load();
  return loaded;
}

function load(): LoadedUdpBatch {
  if (process.platform !== 'linux')
    return { reason: `it needs Linux, this is ${process.platform}` };
  if (!existsSync(addonPath)) {
    return { reason: `${addonPath} was not built; run node native/udp_batch/build.ts` };
  }
  try {
    return { addon: createRequire(import.meta.url)(addonPath) as UdpBatch };
  } catch (error) {
    return { reason: `it cannot be loaded: ${error instanceof Error ? error.message : error}` };
  }
}

/**
 * Opens sockets whose datagrams move in batches. Throws an Error with a `code` such as EADDRINUSE,
 * EACCES or EADDRNOTAVAIL, or ERR_UDP_BATCH when the addon cannot be loaded.
 */
export function openBatch(options: UdpOptions): UdpBackend {
  return open('batch', options, 0);
}

/**
 * Opens the same sockets, and takes requests off the interfaces that have the addresses by AF_XDP
 * before the kernel's IP sees them (native/udp_batch/xdp.h). Throws as `openBatch` does, and when no
 * interface can be had.
 */
export function openXdp(options: UdpOptions): UdpBackend {
  try {
    return open('xdp', options, Math.max(1, options.threads ?? 1));
  } catch (error) {
    const { code, syscall = '', message } = error as NodeJS.ErrnoException;
    if (!/bpf|XDP/.test(syscall)) throw error;
    const remedy =
      code === 'EBUSY'
        ? 'another program is on the interface or its queue (see ip link); take it off, or'
        : 'the interface or its driver cannot;';
    throw Object.assign(new Error(`${message}: ${remedy} serve with --io batch`), {
      code,
      syscall,
    });
  }
}

function open(name: 'batch' | 'xdp', options: UdpOptions, xdpShares: number): UdpBackend {
  const found = loadUdpBatch();
  if (!('addon' in found)) {
    throw Object.assign(new Error(`udp_batch: ${found.reason}`), { code: 'ERR_UDP_BATCH' });
  }
  const views = viewUdpMemory(options.memory);
  const words = Int32Array.from(options.addresses.flatMap(addressWords));
  const id = found.addon.open(
    words,
    Int32Array.of(
      views.slotCount,
      views.slotBytes,
      views.payloadBytes,
      options.reusePort ? 1 : 0,
      options.receiveBufferBytes ?? defaultBufferBytes,
      options.sendBufferBytes ?? defaultBufferBytes,
      options.busyPollMicros ?? 0,
      options.sleepMicros ?? 0,
      idleTurnMs,
      xdpShares,
    ),
    views.bytes,
    views.lengths,
    views.peers,
    views.counters,
    views.requestBytes,
  );
  Atomics.store(views.status, statusAt.batchId, id);
  return {
    name,
    addresses: options.addresses.map(({ descriptor: _, ...address }, at) => ({
      ...address,
      port: words[at * 8 + 5]!,
    })),
    descriptors: options.addresses.map((_, at) => words[at * 8 + 7]!),
    views,
    serve: async (service) => {
      try {
        serveBatches(found.addon, id, views, service);
      } finally {
        Atomics.store(views.status, statusAt.batchId, 0);
        found.addon.close(id);
      }
    },
  };
}

function addressWords({ host, port, ipv6Only, descriptor }: UdpAddress): number[] {
  const address = parseIp(host);
  if (address === undefined) {
    throw Object.assign(new TypeError(`"${host}" is no IP address`), { code: 'EINVAL' });
  }
  return [
    address.family,
    ...address.words.map((word) => word | 0),
    port,
    ipv6Only === false ? 0 : 1,
    descriptor ?? 0,
  ];
}

function serveBatches(addon: UdpBatch, id: number, views: UdpViews, service: UdpService): void {
  const { status, lengths, slotBytes, payloadBytes } = views;
  let seenSignals = Number.NaN;
  for (let received = 0; received >= 0; ) {
    received = addon.exchange(id, received);
    status[statusAt.turns]! += 1;
    // Before the answers, so that no request that came after a wake meets what was there before.
    const signals = Atomics.load(status, statusAt.signals);
    if (signals !== seenSignals) {
      seenSignals = signals;
      if (!service.turn()) addon.stop(id);
    }
    for (let slot = 0; slot < received; slot += 1) {
      const bytes = lengths[slot]!;
      if (bytes === 0) continue;
      status[statusAt.busySlot] = slot + 1;
      lengths[slot] = service.answer(slot * slotBytes, bytes, payloadBytes, slot * peerWords);
    }
    status[statusAt.busySlot] = 0;
  }
}
