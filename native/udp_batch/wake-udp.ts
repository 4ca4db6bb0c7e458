import { loadUdpBatch } from './udp-batch.ts';
import { statusAt, type UdpViews } from './udp-memory.ts';

/**
 * Makes the backend that works on the memory call `turn` soon, in whatever thread it is: within
 * milliseconds if idle, else after the present batch. Post messages first.
 */
export function wakeUdp({ status }: UdpViews): void {
  Atomics.add(status, statusAt.signals, 1);
  Atomics.notify(status, statusAt.signals);
  const batchId = Atomics.load(status, statusAt.batchId);
  if (batchId === 0) return;
  const loaded = loadUdpBatch();
  if ('addon' in loaded) loaded.addon.wake(batchId);
}
