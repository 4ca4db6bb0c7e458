import { setTimeout as delay } from 'node:timers/promises';
import { busContract } from './bus-contract.ts';
import { noRedis, openBus, startRedis } from './redis-server.ts';

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
