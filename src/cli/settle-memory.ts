import { getHeapStatistics } from 'node:v8';
import { loadUdpBatch } from '../../native/udp_batch/udp-batch.ts';
import { collectAll } from '../base/shared-memory.ts';

/** A larger heap is in use for the most part, and takes seconds to go through. */
const maxHeapBytes = 256 * 1024 * 1024;

/**
 * Gives back what only the start needed: texts and objects that images and maps were compiled from,
 * a third of the memory of a small node. Neither V8 nor the C library does so by itself before
 * memory runs short. Holds up this thread for about a tenth of a second, and no thread that answers.
 */
export function settleMemory(): void {
  if (getHeapStatistics().total_heap_size <= maxHeapBytes) collectAll();
  const found = loadUdpBatch();
  if ('addon' in found) found.addon.trimMemory();
}
