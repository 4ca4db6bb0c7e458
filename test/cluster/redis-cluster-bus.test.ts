import { setTimeout as delay } from 'node:timers/promises';
import { busContract } from './bus-contract.ts';
import { noRedis, openBus, startRedis } from './redis-server.ts';

busContract('RedisBus on a Redis Cluster', noRedis, async () => {
  const redis = await startRedis([
    '--cluster-enabled',
    'yes',
    '--cluster-announce-ip',
    '127.0.0.1',
  ]);
  await redis.client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
  while (!String(await redis.client.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) {
    await delay(20);
  }
  return {
    open: () => openBus(`cluster://127.0.0.1:${redis.port}`),
    flush: async () => {
      await redis.client.flushall();
    },
    pass: (ms) => delay(ms),
    close: () => redis.close(),
  };
});
