import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RedisLink } from '../../src/cluster/redis-link.ts';
import { parseBusUrls } from '../../src/cluster/redis-url.ts';
import { noRedis, startRedis } from './redis-server.ts';

const skip = noRedis;
const commandMs = 300;

test('RedisLink hears the answer that came while this thread stood still', { skip }, async () => {
  const redis = await startRedis();
  const address = parseBusUrls([`redis://127.0.0.1:${redis.port}`]);
  const link = new RedisLink({ address, commandMs, onFailure() {} });
  try {
    await link.ready(5000);
    const answer = link.send('ping');
    // It is sent, and its time runs out before the loop comes to read.
    await new Promise(setImmediate);
    const endMs = performance.now() + 3 * commandMs;
    while (performance.now() < endMs);
    assert.equal(String(await answer), 'PONG');
    assert.equal(link.isUp, true);
  } finally {
    link.close();
    await redis.close();
  }
});

test('RedisLink says which right a transaction lacked', { skip }, async () => {
  const redis = await startRedis();
  await redis.client.call('acl', 'setuser', 'poor', 'on', '>pw', '~mine*', '+@all');
  const address = parseBusUrls([`redis://poor:pw@127.0.0.1:${redis.port}`]);
  const link = new RedisLink({ address, commandMs: 2000, onFailure() {} });
  try {
    await link.ready(5000);
    await assert.rejects(link.together([['get', 'other']]), /multi: NOPERM/);
  } finally {
    link.close();
    await redis.close();
  }
});
