import assert from 'node:assert/strict';
import { limits } from '../../src/base/limits.ts';
import { generateClusterKeys, readClusterKeys } from '../../src/cluster/keys.ts';
import { Envelope } from '../../src/cluster/messages.ts';
import { chainHash } from '../../src/store/chain.ts';
import { contentOf } from '../store/replica-contract.ts';
import { dialOf, inWorld } from './harness.ts';

inWorld(
  'a follower that was away catches up by the log, and keeps all of the history',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    const n = await world.add('n', 'node');
    await world.change(a, 1);
    await world.untilSame();
    n.bus.fault = () => 'refuse';
    for (let dial = 2; dial <= 30; dial++) await world.change(a, dial);
    assert.equal(dialOf(n), 1);
    n.bus.fault = () => undefined;
    await world.untilSame();
    assert.deepEqual(contentOf(n.store), contentOf(a.store));
  },
);

inWorld('a follower that was away for long catches up by a snapshot', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const n = await world.add('n', 'node');
  await world.change(a, 1);
  await world.untilSame();
  n.bus.fault = () => 'refuse';
  for (let dial = 2; dial <= 2 * limits.snapshotEveryRevisions + 40; dial++) {
    await world.change(a, dial % 100);
    await world.advance(25);
  }
  const oldest = world.server.content.log[0]?.position.sequence ?? 0;
  assert.ok(oldest > 2, 'the log was trimmed');
  n.bus.fault = () => undefined;
  await world.untilSame();
  assert.ok(n.logged.includes('caught up by a snapshot'));
  // The snapshot's history continues what was there: nothing of it is lost.
  assert.deepEqual(contentOf(n.store), contentOf(a.store));
  assert.equal(n.store.verify(), undefined);
  assert.equal(n.cluster.counters.gaps, 1);
});

inWorld(
  'what is not signed by the cluster is refused, counted, and passed over by a snapshot',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    const n = await world.add('n', 'node');
    await world.change(a, 1);
    await world.untilSame();
    const stranger = new Envelope('test', readClusterKeys(generateClusterKeys().privatePem, 'x'));
    const { log } = world.server.content;
    n.bus.fault = () => 'refuse';
    await world.change(a, 2);
    const last = log.at(-1);
    assert.ok(last !== undefined);
    const message = a.cluster.envelope.openLog(last.position, last.bytes);
    const forged = stranger.seal('log', message);
    log[log.length - 1] = { position: last.position, bytes: forged };
    n.bus.fault = () => undefined;
    await world.untilSame();
    assert.ok(n.cluster.counters.unsigned > 0);
    assert.ok(n.logged.some((line) => /not signed by this cluster; it is refused/.test(line)));
    assert.ok(n.logged.includes('caught up by a snapshot'));
    assert.equal(dialOf(n), 2);
  },
);

inWorld(
  'who has the wrong key says so once of each thing, not each time it looks',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    await world.change(a, 1);
    const stranger = new Envelope('test', readClusterKeys(generateClusterKeys().privatePem, 'x'));
    for (const entry of world.server.content.log) {
      Object.assign(entry, { bytes: stranger.seal('log', { kind: 'term' }) });
    }
    const manifest = stranger.seal('snapshot', { kind: 'snapshot' });
    const n = await world.add('n', 'node');
    n.bus.snapshot = async () => ({ position: a.cluster.position(), manifest });
    await world.advance(5000);
    const said = n.logged.filter((line) => /not signed by this cluster/.test(line));
    assert.equal(new Set(said).size, said.length, said.join('\n'));
    assert.ok(n.cluster.counters.unsigned > 5);
  },
);

inWorld('an entry of another cluster, kind or position is refused', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  await world.change(a, 1);
  const entry = world.server.content.log.at(-1);
  assert.ok(entry !== undefined);
  const { envelope } = a.cluster;
  assert.ok(envelope.openLog(entry.position, entry.bytes) !== undefined);
  const elsewhere = { ...entry.position, sequence: 2 };
  assert.equal(envelope.openLog(elsewhere, entry.bytes), undefined);
  assert.equal(envelope.open('snapshot', entry.bytes), undefined);
  const { privatePem } = generateClusterKeys();
  const keys = readClusterKeys(privatePem, 'x');
  const sealed = new Envelope('one', keys).seal('log', { kind: 'term' });
  assert.equal(new Envelope('two', keys).open('log', sealed), undefined);
  assert.deepEqual(new Envelope('one', keys).open('log', sealed), { kind: 'term' });
});

inWorld('a revision that is too large for one entry travels in chunks', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const n = await world.add('n', 'node');
  await world.change(a, 1);
  const names = Array.from({ length: 12_000 }, (_, index) => `h${index}.example.com.`);
  const rrset = JSON.stringify({ ttl: 300, values: ['192.0.2.1'] });
  const soa = JSON.stringify({ ttl: 300, values: ['ns1.example.com. h.example.com. 1 1 1 1 1'] });
  const ns = JSON.stringify({ ttl: 300, values: ['ns1.example.com.'] });
  const put = (owner: string, type: string, body: string) =>
    ({ kind: 'rrset', id: `example.com./${owner}/${type}`, body }) as const;
  const change = a.controller.apply(
    [
      { kind: 'zone', id: 'example.com.', body: '{}' },
      put('example.com.', 'SOA', soa),
      put('example.com.', 'NS', ns),
      put('ns1.example.com.', 'A', rrset),
      ...names.map((owner) => put(owner, 'A', rrset)),
    ],
    { actor: 'x', summary: 'y' },
  );
  assert.equal((await world.during(change)).revision, 2);
  const entry = world.server.content.log.find(({ position }) => position.sequence === 2);
  assert.ok(entry !== undefined && entry.bytes.length < 2000);
  await world.untilSame();
  assert.equal(n.controller.configuration().zones.get('example.com.')?.nodes.size, 12_002);
  assert.deepEqual(contentOf(n.store), contentOf(a.store));
  // A snapshot follows it soon, for those who come after its chunks have gone.
  await world.advance(3000);
  assert.deepEqual(world.server.content.snapshots[0]?.position.sequence, 2);
  const late = await world.add('late', 'node');
  await world.untilSame();
  assert.equal(late.controller.configuration().zones.get('example.com.')?.nodes.size, 12_002);
});

inWorld(
  'revisions of a leader that the cluster lost with the bus are kept aside',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    const b = await world.add('b');
    await world.change(a, 1);
    await world.untilSame();
    const dump = world.server.dump();
    await b.kill();
    await world.advance(6000);
    await world.change(a, 2);
    await world.change(a, 3);
    const { term } = a.cluster.position();
    // a and what the bus had of it are lost together.
    await a.kill();
    world.server.restore(dump);
    world.server.content.lease = undefined;
    world.server.content.nodes.clear();
    const b2 = await world.add('b', 'controller', b.store);
    await world.until('b leads', () => b2.cluster.lease() !== undefined);
    await world.change(b2, 9);
    const a2 = await world.add('a', 'controller', a.store);
    await world.untilSame();
    assert.equal(dialOf(a2), 9);
    assert.deepEqual(
      a2.orphans.map(({ number, term, summary }) => [number, term, summary]),
      [
        [2, term, 'test'],
        [3, term, 'test'],
      ],
    );
    assert.match(a2.orphans[1]?.changes[0]?.after ?? '', /"dial":3/);
    assert.equal(a2.cluster.counters.orphaned, 2);
    assert.ok(a2.logged.some((line) => /the cluster does not have it/.test(line)));
    assert.equal(a2.store.verify(), undefined);
  },
);

inWorld('a store never goes back, whatever the bus is put back to', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const n = await world.add('n', 'node');
  const dumps = [world.server.dump()];
  for (let dial = 1; dial <= 5; dial++) {
    await world.change(a, dial);
    await world.untilSame();
    dumps.push(world.server.dump());
  }
  await a.kill();
  const before = n.cluster.position();
  for (const dump of dumps) {
    world.server.restore(dump);
    await world.advance(3000);
    assert.deepEqual(n.cluster.position(), before);
    assert.equal(dialOf(n), 5);
  }
});

inWorld('an empty cluster never replaces a configuration', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const n = await world.add('n', 'node');
  await world.change(a, 1);
  await world.untilSame();
  await a.kill();
  world.server.flush();
  // A controller that lost its disk starts the cluster anew.
  await world.add('blank');
  await world.until('the blank one leads', () => world.leader() !== undefined, 30_000);
  await world.advance(5000);
  assert.equal(dialOf(n), 1);
  assert.equal(n.store.latest(), 1);
});

inWorld('a follower that can get no further has the leader write a snapshot', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  for (let dial = 1; dial <= 3; dial++) await world.change(a, dial);
  await world.advance(3000);
  // Somebody deletes the log and the chunks of the snapshot, as an eviction does.
  world.server.content.log = [];
  world.server.content.chunks.clear();
  const n = await world.add('n', 'node');
  await world.untilSame();
  assert.equal(dialOf(n), 3);
  assert.deepEqual(contentOf(n.store), contentOf(a.store));
});

inWorld(
  'a snapshot with one chunk changed is refused, and the store stays as it was',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    await world.change(a, 1);
    await a.kill();
    const again = await world.add('a', 'controller', a.store);
    await world.untilLed();
    await world.advance(1000);
    world.server.content.log = [];
    const forge = () => {
      for (const { chunks } of world.server.content.chunks.values()) {
        for (const [index, bytes] of chunks)
          chunks.set(
            index,
            bytes.map((byte) => byte ^ 1),
          );
      }
    };
    again.bus.announce = async () => ({ outcome: 'done' });
    forge();
    const n = await world.add('n', 'node');
    await world.advance(5000);
    assert.equal(n.store.latest(), 0);
    assert.ok(
      n.logged.some((line) => /the snapshot could not be taken.*missing or damaged/.test(line)),
    );
  },
);

inWorld('a store that cannot be written is tried again, and misses nothing', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const n = await world.add('n', 'node');
  await world.change(a, 1);
  await world.untilSame();
  const { commit } = n.store;
  n.store.commit = () => {
    throw new Error('disk full');
  };
  await world.change(a, 2);
  await world.change(a, 3);
  await world.advance(2000);
  assert.equal(dialOf(n), 1);
  assert.ok(n.logged.some((line) => /could not be followed: disk full/.test(line)));
  n.store.commit = commit;
  await world.untilSame();
  assert.deepEqual(contentOf(n.store), contentOf(a.store));
});

inWorld('a revision that continues another past is not taken', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const n = await world.add('n', 'node');
  await world.change(a, 1);
  await world.untilSame();
  const { term } = n.cluster.position();
  const previousHash = 'f'.repeat(64);
  const body = '{"latitude":1,"longitude":2,"dial":66}';
  const head = {
    ...{ number: 2, at: '2026-01-02T03:04:05.000Z', actor: 'x', summary: 'y' },
    changes: [{ kind: 'region', id: 'eu', before: null, after: body } as const],
  };
  const revision = { ...head, term, previousHash, hash: chainHash(previousHash, head) };
  const bytes = a.cluster.envelope.seal('log', { kind: 'revision', term, revision });
  world.server.content.log.push({ position: { term, sequence: 2 }, bytes });
  world.server.added();
  await world.advance(3000);
  assert.deepEqual([n.store.latest(), dialOf(n)], [1, 1]);
  assert.ok(n.cluster.counters.gaps > 0);
});
