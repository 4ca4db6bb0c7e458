import type { UdpBackend, UdpOptions } from '../../native/udp_batch/udp-backend.ts';
import { loadUdpBatch, openBatch, openXdp } from '../../native/udp_batch/udp-batch.ts';
import { openDgram } from './udp-dgram.ts';

/**
 * How datagrams move: in batches through the addon, in batches off the interface (AF_XDP), or one by
 * one through node:dgram.
 */
export type UdpIo = UdpBackend['name'];

/** All choices of `--io`. */
export const udpIos: readonly UdpIo[] = ['batch', 'xdp', 'dgram'];

/** The best backend that this machine has unasked, with the reason where it is not the usual one. */
export function chooseUdpIo(): { readonly io: UdpIo; readonly reason?: string } {
  const found = loadUdpBatch();
  return 'addon' in found ? { io: 'batch' } : { io: 'dgram', reason: found.reason };
}

/** Why a backend cannot be had on this machine, with the remedy, or undefined when it can. */
export function whyNot(io: UdpIo): string | undefined {
  if (io === 'dgram') return undefined;
  const found = loadUdpBatch();
  if (!('addon' in found)) return found.reason;
  const failed = io === 'xdp' ? found.addon.probeXdp() : undefined;
  if (failed === undefined) return undefined;
  const remedy = /EPERM|EACCES/.test(failed)
    ? 'run as root, or with the capabilities CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF'
    : 'it needs Linux 5.11 or later with CONFIG_XDP_SOCKETS; serve with --io batch';
  return `AF_XDP: ${failed}; ${remedy}`;
}

/** Opens a backend; throws as `openBatch`, `openXdp` and `openDgram` do. */
export async function openUdpBackend(io: UdpIo, options: UdpOptions): Promise<UdpBackend> {
  if (io === 'dgram') return await openDgram(options);
  return io === 'xdp' ? openXdp(options) : openBatch(options);
}

/** µs that an answering thread runs before another of its core may: the least that Linux takes. */
const sliceMicros = 100;

/**
 * Lets this thread run soon after a request wakes it, even while the main thread, the engine's compilers or
 * another process are busy on its core: by default they may finish slices of some milliseconds first.
 */
export function shortenSlices(): void {
  const found = loadUdpBatch();
  if ('addon' in found) found.addon.shortenSlices(sliceMicros);
}
