import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** V8's own function of that name. */
type Collector = (options?: { type: 'major'; flavor: 'last-resort' }) => void;

/** Less shared memory than this is not worth a collection, octets. */
const minCollectBytes = 64 * 1024 * 1024;

let letGoBytes = 0;
let collect: Collector | undefined;

/**
 * Says that this thread let go of shared memory. V8 does not count SharedArrayBuffers as pressure: a
 * thread that makes little other garbage keeps all that it ever saw until memory runs out. So we
 * count, and collect when what was let go is much beside the thread's heap; in a worker, whose heap is
 * small, that takes a few milliseconds. Returns whether it collected.
 */
export function letGoOfShared(bytes: number): boolean {
  letGoBytes += bytes;
  if (letGoBytes < minCollectBytes) return false;
  if (letGoBytes < getHeapStatistics().used_heap_size / 2) return false;
  letGoBytes = 0;
  collect ??= findCollector();
  collect();
  return true;
}

/** Collects everything that can be, and gives back the memory; takes a while. */
export function collectAll(): void {
  collect ??= findCollector();
  collect({ type: 'major', flavor: 'last-resort' });
}

function findCollector(): Collector {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collector;
}
