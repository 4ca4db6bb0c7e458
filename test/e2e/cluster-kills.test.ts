import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Asking } from './support/asking.ts';
import {
  type ClusterMember,
  leaderOf,
  startCluster,
  untilServed,
  webTraffic,
  webZone,
} from './support/cluster.ts';
import { missing } from './support/processes.ts';
import { assertNothingLost, untilCaughtUp, untilSame } from './support/whole-truth.ts';
import { laneRecords, Writers } from './support/writers.ts';

const skip = missing('redis-server', 'redis-cli');
const files = {
  zone: `${webZone}${laneRecords}`,
  traffic: webTraffic(1, '127.0.9.1', '127.0.9.2'),
};

/** A cluster under writes, with somebody who asks each node. */
async function startScene(t: TestContext) {
  const cluster = await startCluster(t, files);
  const one = await cluster.add('one', 'controller');
  const two = await cluster.add('two', 'controller');
  const nodes = [await cluster.add('n1', 'node'), await cluster.add('n2', 'node')];
  const controllers = [one, two];
  assert.equal((await leaderOf(controllers)).name, 'one');
  for (const node of nodes) await untilServed(node, 'www.cluster.test', 'A', ['127.0.9.1']);
  const writers = new Writers(t, controllers);
  const askings = new Map<ClusterMember, Asking>();
  const ask = async (node: ClusterMember) => {
    const { name, running } = node;
    const before = askings.get(node);
    askings.set(node, await Asking.start(t, { name, port: running.port }, writers, before));
  };
  for (const node of nodes) await ask(node);
  await writers.more(20);
  return { cluster, controllers, nodes, writers, askings, ask };
}

type ClusterScene = Awaited<ReturnType<typeof startScene>>;

/** Ends the writes, and looks whether everything is where it should be. */
async function assertWhole(t: TestContext, scene: ClusterScene): Promise<void> {
  const { controllers, nodes, writers, askings } = scene;
  const members = [...controllers, ...nodes];
  await writers.end();
  t.diagnostic(writers.summary());
  t.diagnostic(`all the same after ${(await untilSame(members)).toFixed(0)} ms more`);
  await assertNothingLost(writers, members);
  for (const asking of askings.values()) {
    assert.deepEqual(await asking.end(), []);
    t.diagnostic(`${asking.asked} queries, none failed`);
  }
}

test('kill -9 of a node, the standby and the leader loses no write', { skip }, async (t) => {
  const scene = await startScene(t);
  const { controllers, nodes, writers, askings, ask } = scene;

  await t.test('a node', async (t) => {
    const [node] = nodes;
    assert.ok(node !== undefined);
    const before = askings.get(node);
    // Its own queries are lost while it is dead, and only those.
    before?.halt();
    await node.running.stop('SIGKILL');
    assert.deepEqual(await before?.end(), []);
    const ackMs = await writers.nextAckMs();
    await writers.more(10);
    await node.restart();
    // What it answers from the first moment on is no older than what it answered before.
    await ask(node);
    const startMs = performance.now();
    await untilCaughtUp([node], writers);
    const caughtUpMs = performance.now() - startMs;
    t.diagnostic(
      `a write is taken ${ackMs.toFixed(0)} ms after the death of a node; it has caught up ${caughtUpMs.toFixed(0)} ms after its start`,
    );
  });

  await t.test('the standby', async (t) => {
    const leader = await leaderOf(controllers);
    const [standby] = controllers.filter((member) => member !== leader);
    await standby?.running.stop('SIGKILL');
    t.diagnostic(`a write is taken after ${(await writers.nextAckMs()).toFixed(0)} ms`);
    await writers.more(10);
    await standby?.restart();
    await writers.more(10);
  });

  await t.test('the leader', async (t) => {
    const leader = await leaderOf(controllers);
    await leader.running.stop('SIGKILL');
    t.diagnostic(`a write is taken after ${(await writers.nextAckMs()).toFixed(0)} ms`);
    await writers.more(10);
    await leader.restart();
    await writers.more(10);
  });

  await assertWhole(t, scene);
});

test('kill -9 of Redis, and of Redis and the leader at once, loses no write', {
  skip,
}, async (t) => {
  const scene = await startScene(t);
  const { cluster, controllers, writers } = scene;
  const { redis } = cluster;

  await t.test('Redis', async (t) => {
    await redis.stop('SIGKILL');
    const startMs = performance.now();
    await redis.restart();
    const ackMs = await writers.nextAckMs();
    t.diagnostic(
      `Redis is back after ${(performance.now() - startMs - ackMs).toFixed(0)} ms, a write is taken ${ackMs.toFixed(0)} ms later`,
    );
    await writers.more(10);
  });

  await t.test('the leader and Redis: the standby has what was taken', async (t) => {
    const leader = await leaderOf(controllers);
    await Promise.all([leader.running.stop('SIGKILL'), redis.stop('SIGKILL')]);
    await redis.restart();
    t.diagnostic(
      `a write is taken ${(await writers.nextAckMs()).toFixed(0)} ms after Redis is back`,
    );
    await leader.restart();
    await writers.more(10);
  });

  await assertWhole(t, scene);
});

test('Redis put back to an old state under writes takes nothing back', { skip }, async (t) => {
  const scene = await startScene(t);
  const { cluster, nodes, writers } = scene;
  const { redis } = cluster;
  const [files, saved] = [join(redis.folder, 'appendonlydir'), join(cluster.folder, 'saved')];

  await t.test('by the files of some time ago', async (t) => {
    cpSync(files, saved, { recursive: true });
    await writers.more(40);
    await redis.stop('SIGKILL');
    rmSync(files, { recursive: true });
    cpSync(saved, files, { recursive: true });
    await redis.restart();
    const ackMs = await writers.nextAckMs();
    t.diagnostic(`old files → a write is taken after ${ackMs.toFixed(0)} ms`);
    await writers.more(10);
    await untilCaughtUp(nodes, writers);
  });

  await t.test('once more by the same files, while the leader is dead', async (t) => {
    const leader = await leaderOf(scene.controllers);
    await writers.more(10);
    await Promise.all([leader.running.stop('SIGKILL'), redis.stop('SIGKILL')]);
    rmSync(files, { recursive: true });
    cpSync(saved, files, { recursive: true });
    await redis.restart();
    const ackMs = await writers.nextAckMs();
    t.diagnostic(`old files and a dead leader → a write is taken after ${ackMs.toFixed(0)} ms`);
    await leader.restart();
    await writers.more(10);
    await untilCaughtUp(nodes, writers);
  });

  await assertWhole(t, scene);
});
