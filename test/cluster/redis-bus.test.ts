import { setTimeout as delay } from 'node:timers/promises';
import type { Bus } from '../../src/cluster/bus.ts';
import { openRedisBus } from '../../src/cluster/redis-bus.ts';
import { parseBusUrls } from '../../src/cluster/redis-url.ts';
import { busContract } from './bus-contract.ts';
import { noRedis, startRedis } from './redis-server.ts';

/** Opens a bus and waits until it is connected. */
export async function openBus(url: string): Promise<Bus> {
  const bus = openRedisBus({ address: parseBusUrls([url]), cluster: 'test' });
  while (!bus.isUp) await delay(5);
  return bus;
}

busContract('RedisBus', noRedis, async () => {
  const redis = await startRedis();
  return {
    open: () => openBus(`redis://127.0.0.1:${redis.port}`),
    flush: async () => {
      await redis.client.flushall();
    },
    // Redis has its own clock.
    pass: (ms) => delay(ms),
    close: () => redis.close(),
  };
});
