import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { loadUdpBatch } from '../../native/udp_batch/udp-batch.ts';
import { collectAll } from '../base/shared-memory.ts';

/** A larger heap is in use for the most part, and takes seconds to go through. */
const maxHeapBytes = 256 * 1024 * 1024;

/**
 * How much a small heap may grow, relative to what lives in it, before all of it is gone through again,
 * percent. V8 by itself takes 10 while collecting is a small part of the work; each of the fleet's reports
 * then adds to two full collections a second, a fifth of a core in all (bench/fleet.ts).
 */
const growingPercent = 100;

/**
 * Gives back what only the start needed: texts and objects that images and maps were compiled from,
 * a third of the memory of a small node. Neither V8 nor the C library does so by itself before
 * memory runs short. Holds up this thread for about a tenth of a second, and no thread that answers.
 * From then on a small heap is collected less often.
 */
export function settleMemory(): void {
  if (getHeapStatistics().total_heap_size <= maxHeapBytes) {
    collectAll();
    setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
  }
  const found = loadUdpBatch();
  if ('addon' in found) found.addon.trimMemory();
}
