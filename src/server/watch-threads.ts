import { statusAt, type UdpViews } from '../../native/udp_batch/udp-memory.ts';
import type { Clock } from '../base/clock.ts';

/** How often the threads are looked at. */
const lookMs = 500;

/** Looks in a row that find a thread at the same answer, after which it is stuck: an answer takes µs. */
const stuckLooks = 4;

/**
 * Calls `stuck` with the index of a thread that has been at one answer for about two seconds: a loop
 * without end, which nothing but ending the thread stops. Returns a function that ends the watch.
 */
export function watchThreads(
  threads: readonly UdpViews[],
  clock: Clock,
  stuck: (index: number) => void,
): () => void {
  const seen = threads.map(() => ({ turns: -1, slot: 0, looks: 0 }));
  let cancel = () => {};
  const look = () => {
    threads.forEach(({ status }, index) => {
      const before = seen[index]!;
      const turns = Atomics.load(status, statusAt.turns);
      const slot = Atomics.load(status, statusAt.busySlot);
      const isSame = slot !== 0 && slot === before.slot && turns === before.turns;
      const looks = isSame ? before.looks + 1 : 0;
      seen[index] = { turns, slot, looks: looks === stuckLooks ? 0 : looks };
      if (looks === stuckLooks) stuck(index);
    });
    cancel = clock.setTimer(lookMs, look);
  };
  look();
  return () => cancel();
}
