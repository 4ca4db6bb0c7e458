import type { ImageUpdate } from '../image/image-update.ts';
import { createCounters, sumCounters } from '../server/counters.ts';
import type { DataPlane } from '../server/data-plane.ts';

/** The data plane of a process that answers no queries: what is compiled is checked and goes nowhere. */
export function noDataPlane(): DataPlane {
  const image: ImageUpdate = { epoch: 0, revision: 0, zones: [], services: [], maps: [] };
  const counters = sumCounters([createCounters()]);
  return {
    addresses: [],
    workers: [],
    io: 'dgram',
    async publish() {},
    image: () => image,
    sockets: () => ({ addresses: [], udp: [], tcp: [] }),
    counters: () => counters,
    traffic: () => ({ zones: new Map(), members: new Map() }),
    async close() {},
  };
}
