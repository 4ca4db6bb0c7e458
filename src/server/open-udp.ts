import type { UdpBackend, UdpOptions } from '../../native/udp_batch/udp-backend.ts';
import { loadUdpBatch, openBatch } from '../../native/udp_batch/udp-batch.ts';
import { openDgram } from './udp-dgram.ts';

/** How datagrams move: in batches through the addon, or one by one through node:dgram. */
export type UdpIo = UdpBackend['name'];

/** All choices of `--io`. */
export const udpIos: readonly UdpIo[] = ['batch', 'dgram'];

/** The best backend that this machine has, with the reason where it is not the best there is. */
export function chooseUdpIo(): { readonly io: UdpIo; readonly reason?: string } {
  const found = loadUdpBatch();
  return 'addon' in found ? { io: 'batch' } : { io: 'dgram', reason: found.reason };
}

/** Why a backend cannot be had on this machine, or undefined when it can. */
export function whyNot(io: UdpIo): string | undefined {
  const found = loadUdpBatch();
  return io === 'batch' && 'reason' in found ? found.reason : undefined;
}

/** Opens a backend; throws as `openBatch` and `openDgram` do. */
export async function openUdpBackend(io: UdpIo, options: UdpOptions): Promise<UdpBackend> {
  return io === 'batch' ? openBatch(options) : await openDgram(options);
}
