import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MeridianError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { Random } from '../../src/base/random.ts';
import { createCluster } from '../../src/cluster/cluster.ts';
import type { Heartbeat } from '../../src/cluster/cluster-types.ts';
import { readHeartbeat, writeHeartbeat } from '../../src/cluster/membership.ts';
import { Envelope } from '../../src/cluster/messages.ts';
import { by, exampleWrites } from '../control/fixtures.ts';
import { controllerKeys, nodeKeys, World } from './harness.ts';

test('nodes() shows who lives and where each stands, and forgets who is gone', async () => {
  const world = new World();
  const a = await world.add('a');
  await world.untilLed();
  const n = await world.add('n', 'node');
  await world.change(a, 1);
  await world.untilSame();
  await world.advance(1100);
  const seen = (of: typeof a) =>
    of.cluster
      .nodes()
      .map(({ id, role, url, position, digest }) => [id, role, url, position, digest]);
  const position = a.cluster.position();
  const digest = a.store.digest();
  const both = [
    ['a', 'controller', 'https://a.example', position, digest],
    ['n', 'node', 'https://n.example', position, digest],
  ];
  assert.deepEqual(seen(a).sort(), both);
  assert.deepEqual(seen(n).sort(), both);
  await n.kill();
  await world.advance(6500);
  assert.deepEqual(
    a.cluster.nodes().map(({ id }) => id),
    ['a'],
  );
  await world.close();
});

test('a node that stops in good order is gone at once', async () => {
  const world = new World();
  const a = await world.add('a');
  await world.untilLed();
  const n = await world.add('n', 'node');
  await world.advance(1100);
  assert.equal(a.cluster.nodes().length, 2);
  await n.cluster.close();
  await world.advance(1100);
  assert.equal(a.cluster.nodes().length, 1);
  await world.close();
});

test('readHeartbeat() takes no bytes but a heartbeat', () => {
  const envelope = new Envelope('test', nodeKeys);
  const beat = {
    ...{ id: 'a', role: 'node', url: '', version: '1', digest: 'd', startedAt: 's', since: 't' },
    ...{ position: { term: 1, sequence: 2 }, more: { any: 'thing' } },
  };
  const read = (value: unknown) => readHeartbeat(Buffer.from(JSON.stringify(value)), envelope);
  assert.deepEqual(read(beat), beat);
  for (const wrong of [
    { ...beat, role: 'king' },
    { ...beat, position: { term: -1, sequence: 2 } },
    { ...beat, position: { term: 1 } },
    { ...beat, id: 7 },
    { ...beat, more: null },
    { ...beat, more: { long: 'x'.repeat(5000) } },
    [],
    null,
  ]) {
    assert.equal(read(wrong), undefined);
  }
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) =>
      assert.equal(readHeartbeat(bytes, envelope), undefined),
    ),
  );
});

const stand: Heartbeat = {
  ...{
    id: 'x',
    role: 'controller',
    url: '',
    version: '1',
    digest: 'd',
    startedAt: 's',
    since: 't',
  },
  ...{ position: { term: 1, sequence: 2 }, more: {} },
};

test('readHeartbeat() believes of a controller only what is signed by the cluster', () => {
  const ours = new Envelope('test', controllerKeys);
  const signed = writeHeartbeat(stand, ours);
  assert.deepEqual(readHeartbeat(signed, new Envelope('test', nodeKeys)), stand);
  assert.equal(readHeartbeat(Buffer.from(JSON.stringify(stand)), ours), undefined);
  assert.equal(readHeartbeat(signed, new Envelope('other', controllerKeys)), undefined);
  const elsewhere = ours.seal('reports', stand);
  assert.equal(readHeartbeat(elsewhere, ours), undefined);
});

test('a forged standby makes no write wait, and is counted', async () => {
  const world = new World();
  const a = await world.add('a');
  await world.untilLed();
  const forged = Buffer.from(JSON.stringify({ ...stand, position: { term: 9e12, sequence: 99 } }));
  await a.bus.beat('x', forged, 60_000);
  await world.advance(1100);
  assert.deepEqual(
    a.cluster.nodes().map(({ id }) => id),
    ['a'],
  );
  assert.ok(a.cluster.counters.unsigned > 0);
  // The clock stands still: waiting for a standby would never end.
  const { warnings } = await a.controller.apply(exampleWrites(), by);
  assert.ok(warnings.every(({ code }) => code !== 'E_NO_REPLICA'));
  await world.close();
});

test('forged words of nodes cost a leader one term a minute at most', async () => {
  const world = new World();
  const a = await world.add('a');
  await world.untilLed();
  const terms = new Set<number>();
  const node = { ...stand, role: 'node' as const };
  for (let second = 0; second < 50; second += 1) {
    const term = world.clock.epochMs() + 1_000_000 + second;
    const position = { term, sequence: 0 };
    await a.bus.beat('x', Buffer.from(JSON.stringify({ ...node, position })), 60_000);
    await world.advance(1000);
    const lease = a.cluster.lease();
    if (lease !== undefined) terms.add(lease.term);
  }
  assert.equal(terms.size, 2, 'the first claim is heeded, those after it are not');
  await world.close();
});

test('createCluster() refuses a controller that cannot sign', async () => {
  const world = new World();
  const a = await world.add('a');
  const { clock } = world;
  const parts = {
    ...{ role: 'controller' as const, name: 'test', id: 'x', url: '', version: '1', clock },
    ...{ bus: a.bus, store: a.store, keys: nodeKeys, random: new Random(1), log: silentLog },
    orphans: { keep: () => undefined },
  };
  assert.throws(
    () => createCluster(parts),
    (error) => error instanceof MeridianError && error.code === 'E_CLUSTER_KEY',
  );
  createCluster({ ...parts, role: 'node' });
  await world.close();
});
