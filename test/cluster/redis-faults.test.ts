import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bus, BusError } from '../../src/cluster/bus.ts';
import { openRedisBus } from '../../src/cluster/redis-bus.ts';
import { parseBusUrls } from '../../src/cluster/redis-url.ts';
import { noRedis, startRedis, type TestRedis } from './redis-server.ts';

const start = { term: 0, sequence: 0 };
const bytes = Buffer.from('x');

/** Runs with a redis-server and a bus on it. */
function using(
  title: string,
  check: (redis: TestRedis, bus: Bus) => Promise<void>,
  options: readonly string[] = [],
): void {
  test(`RedisBus: ${title}`, { skip: noRedis }, async () => {
    const redis = await startRedis(options);
    const bus = openBus(redis.port);
    try {
      await untilUp(bus);
      await check(redis, bus);
    } finally {
      await bus.close();
      await redis.close();
    }
  });
}

function openBus(port: number, login = ''): Bus {
  const address = parseBusUrls([`redis://${login}127.0.0.1:${port}`]);
  return openRedisBus({ address, cluster: 'test' });
}

async function untilUp(bus: Bus): Promise<void> {
  while (!bus.isUp) await delay(5);
}

const failed = (outcome: 'none' | 'unknown') => (error: unknown) => {
  assert.ok(error instanceof BusError, String(error));
  assert.equal(error.outcome, outcome, error.message);
  return true;
};

/** Leads with a head at sequence 0. */
async function lead(bus: Bus) {
  const reply = await bus.lead({
    holder: 'a/1',
    url: '',
    knownTerm: 0,
    position: start,
    ttlMs: 60_000,
  });
  assert.ok(reply.outcome === 'led');
  const lease = { holder: 'a/1', term: reply.term };
  await bus.assume(lease, { position: { term: lease.term, sequence: 0 }, bytes }, 'h0');
  return lease;
}

const append = (bus: Bus, lease: { holder: string; term: number }, sequence: number) =>
  bus.append(lease, { position: { term: lease.term, sequence }, bytes }, `h${sequence}`);

using('a server that hangs fails every operation, and blocks none for good', async (redis, bus) => {
  const lease = await lead(bus);
  await bus.entries({ term: lease.term, sequence: 0 }, 1, 1);
  const waiting = bus.entries({ term: lease.term, sequence: 0 }, 1, 2000);
  redis.process().kill('SIGSTOP');
  const all = await Promise.allSettled([bus.state(), append(bus, lease, 1), bus.nodes(), waiting]);
  for (const each of all) {
    assert.ok(each.status === 'rejected');
    failed('unknown')(each.reason);
  }
  // The connection was given up: what comes now is not queued behind what hangs.
  await assert.rejects(append(bus, lease, 2), failed('none'));
  await assert.rejects(bus.post('reports', bytes), failed('none'));
  redis.process().kill('SIGCONT');
  await untilUp(bus);
  const { head } = await bus.state();
  // Redis may have carried out what it had received before it hung; it is one of two.
  assert.ok([0, 1].includes(head?.position.sequence ?? -1));
});

using('an append that hung is not carried out under the next term', async (redis, bus) => {
  const lease = await lead(bus);
  redis.process().kill('SIGSTOP');
  await assert.rejects(append(bus, lease, 1), failed('unknown'));
  redis.process().kill('SIGCONT');
  await untilUp(bus);
  const reply = await bus.lead({
    ...{ holder: 'a/1', url: '', knownTerm: lease.term, ttlMs: 60_000 },
    position: { term: lease.term, sequence: 9 },
    replaces: lease.term,
  });
  assert.equal(reply.outcome, 'led');
  assert.equal((await append(bus, lease, 1)).outcome, 'fenced');
});

using(
  'nothing is sent while there is no server, and all goes on when one is back',
  async (redis, bus) => {
    const lease = await lead(bus);
    await redis.kill();
    while (bus.isUp) await delay(5);
    await assert.rejects(append(bus, lease, 1), failed('none'));
    await assert.rejects(bus.entries(start, 1, 1000), failed('none'));
    await redis.start();
    await untilUp(bus);
    assert.deepEqual(await bus.state(), { lease: undefined, head: undefined });
    await lead(bus);
  },
);

using(
  'a restart with an old dump takes the bus back, and appends are then refused',
  async (redis, bus) => {
    const lease = await lead(bus);
    await append(bus, lease, 1);
    await redis.client.call('SAVE');
    copyFileSync(join(redis.folder, 'dump.rdb'), join(redis.folder, 'old.rdb'));
    await append(bus, lease, 2);
    await append(bus, lease, 3);
    await redis.kill();
    copyFileSync(join(redis.folder, 'old.rdb'), join(redis.folder, 'dump.rdb'));
    await redis.start();
    await untilUp(bus);
    const { head } = await bus.state();
    assert.equal(head?.position.sequence, 1);
    assert.equal((await append(bus, lease, 4)).outcome, 'conflict');
    const renewed = await bus.renew(lease, 60_000);
    assert.deepEqual(renewed, { outcome: 'done', head });
  },
);

using('scripts that Redis has forgotten are sent again', async (redis, bus) => {
  const lease = await lead(bus);
  await redis.client.script('FLUSH');
  assert.equal((await append(bus, lease, 1)).outcome, 'done');
  await redis.client.script('FLUSH');
  assert.equal((await append(bus, lease, 1)).outcome, 'conflict');
});

using(
  'a server without memory refuses changes and still answers reads',
  async (redis, bus) => {
    const lease = await lead(bus);
    await redis.client.config('SET', 'maxmemory', '1');
    await assert.rejects(append(bus, lease, 1), failed('none'));
    assert.equal((await bus.entries(start, 1, 0)).length, 1);
    await redis.client.config('SET', 'maxmemory', '0');
    assert.equal((await append(bus, lease, 1)).outcome, 'done');
  },
  ['--maxmemory-policy', 'noeviction'],
);

using('a node with rights of its own follows, and cannot append', async (redis, bus) => {
  const keys = '{meridian:test}:';
  const reading =
    '+get +pttl +hmget +hget +hkeys +hvals +xread +xrevrange +zrevrange +time +multi +exec';
  const writing = '+evalsha +eval +hset +hdel +zadd +zrem +zrangebyscore';
  await redis.client.call(
    'ACL',
    ...['SETUSER', 'node', 'on', '>se:cret', '+info', '+ping'],
    ...`${reading} ${writing}`.split(' '),
    ...[`%R~${keys}*`, `~${keys}nodes*`],
  );
  const lease = await lead(bus);
  await append(bus, lease, 1);
  const node = openBus(redis.port, `node:${encodeURIComponent('se:cret')}@`);
  await untilUp(node);
  assert.equal((await node.entries(start, 10, 0)).length, 2);
  assert.equal((await node.state()).head?.position.sequence, 1);
  await node.beat('n', bytes, 5000);
  assert.equal((await node.nodes()).length, 1);
  await node.forget('n');
  await assert.rejects(append(node, lease, 2), /NOPERM|ACL|permission/i);
  assert.equal((await bus.state()).head?.position.sequence, 1);
  await node.close();
});

using('a wrong password is a bus that cannot be reached', async (redis, bus) => {
  await redis.client.call('ACL', 'SETUSER', 'node', 'on', '>secret', '+@all', '~*');
  const stranger = openBus(redis.port, 'node:wrong@');
  await assert.rejects(stranger.entries(start, 1, 1000), failed('none'));
  assert.equal(stranger.isUp, false);
  assert.equal(bus.isUp, true);
  await stranger.close();
});
