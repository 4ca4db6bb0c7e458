import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MeridianError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { Random } from '../../src/base/random.ts';
import { createCluster } from '../../src/cluster/cluster.ts';
import { readHeartbeat } from '../../src/cluster/membership.ts';
import { nodeKeys, World } from './harness.ts';

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
  const beat = {
    ...{ id: 'a', role: 'node', url: '', version: '1', digest: 'd', startedAt: 's', since: 't' },
    ...{ position: { term: 1, sequence: 2 }, more: { any: 'thing' } },
  };
  const read = (value: unknown) => readHeartbeat(Buffer.from(JSON.stringify(value)));
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
  fc.assert(fc.property(fc.uint8Array(), (bytes) => assert.equal(readHeartbeat(bytes), undefined)));
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
