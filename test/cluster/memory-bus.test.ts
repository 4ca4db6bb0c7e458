import { VirtualClock } from '../../src/base/clock.ts';
import { MemoryBus, MemoryBusServer } from '../../src/cluster/memory-bus.ts';
import { busContract } from './bus-contract.ts';
import { settle } from './harness.ts';

busContract('MemoryBus', false, async () => {
  const clock = new VirtualClock();
  const server = new MemoryBusServer(clock);
  return {
    open: async () => new MemoryBus(server),
    flush: async () => server.flush(),
    pass: async (ms) => {
      await settle();
      clock.advance(ms);
    },
    close: async () => undefined,
  };
});
