import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import type { Bus, Lease } from '../../src/cluster/bus.ts';
import { generateClusterKeys, readClusterKeys } from '../../src/cluster/keys.ts';
import { MemoryBus, MemoryBusServer } from '../../src/cluster/memory-bus.ts';
import { Envelope } from '../../src/cluster/messages.ts';
import { TableFollower } from '../../src/cluster/table-follower.ts';
import type { TableContent } from '../../src/cluster/table-message.ts';
import { TablePublisher } from '../../src/cluster/table-publisher.ts';

const { privatePem, publicPem } = generateClusterKeys();
const signing = new Envelope('test', readClusterKeys(privatePem, 'key'));
const verifying = new Envelope('test', readClusterKeys(publicPem, 'pub'));

/** Lets everything happen that waits for nothing but promises. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise<void>((done) => setImmediate(done));
}

type Test = { after(callback: () => void | Promise<void>): void };

/** A bus, a way to lead on it, and a table that is published. */
async function stage(t: Test) {
  const clock = new VirtualClock();
  const server = new MemoryBusServer(clock);
  const bus = new MemoryBus(server);
  const values = new Map<string, unknown>();
  const held: { lease: Lease | undefined } = { lease: undefined };
  const lead = async (holder: string, knownTerm = 0) => {
    await bus.resign(held.lease ?? { holder: '', term: 0 });
    const position = { term: knownTerm, sequence: 0 };
    const reply = await bus.lead({ holder, url: '', knownTerm, position, ttlMs: 3_600_000 });
    assert.equal(reply.outcome, 'led');
    if (reply.outcome === 'led') held.lease = { holder, term: reply.term };
  };
  await lead('one');
  const parts = { table: 'health', bus, envelope: signing, clock, log: silentLog } as const;
  const publisher = new TablePublisher({
    ...parts,
    lease: () => held.lease,
    all: () => values,
    beatMs: limits.tableBeatMs,
  });
  t.after(() => publisher.close());
  /** Changes values, and tells the publisher of them. */
  const put = (entries: Record<string, unknown>) => {
    for (const [key, value] of Object.entries(entries)) {
      if (value === null) values.delete(key);
      else values.set(key, value);
    }
    publisher.change(Object.entries(entries));
  };
  return { clock, server, bus, values, held, lead, publisher, put };
}

/** A follower with a bus of its own, and the table as it has it. */
function follow(
  t: Test,
  clock: VirtualClock,
  server: MemoryBusServer,
  leastTerm = 0,
  log: Log = silentLog,
) {
  const bus = new MemoryBus(server);
  const table = new Map<string, unknown>();
  const taken: TableContent[] = [];
  const follower = new TableFollower({
    table: 'health',
    bus,
    envelope: verifying,
    clock,
    log,
    leastTerm: () => leastTerm,
    take: (content) => {
      taken.push(content);
      if (content.full) table.clear();
      for (const [key, value] of content.entries) {
        if (value === null) table.delete(key);
        else table.set(key, value);
      }
    },
  });
  t.after(async () => {
    await bus.close();
    await follower.close();
  });
  return { bus, table, taken, follower };
}

test('a follower gets the whole table, then what moves, and nothing twice', async (t) => {
  const { clock, server, publisher, put, values } = await stage(t);
  values.set('a', 1).set('b', 2);
  publisher.lead();
  await settle();
  const { table, taken, follower } = follow(t, clock, server);
  await settle();
  assert.deepEqual([...table], Object.entries({ a: 1, b: 2 }));
  put({ b: 3 });
  put({ b: 3, a: 1 });
  put({ a: null });
  await settle();
  assert.deepEqual([...table], [['b', 3]]);
  assert.deepEqual(
    taken.map(({ full, entries }) => [full, entries.length]),
    [
      [true, 2],
      [false, 1],
      [false, 1],
    ],
  );
  assert.deepEqual(follower.counters, { unsigned: 0, stale: 0, gaps: 0 });
});

test('a publisher with nothing to say still says that it lives, and the age of the table tells', async (t) => {
  const { clock, server, publisher } = await stage(t);
  publisher.lead();
  await settle();
  const { follower, taken } = follow(t, clock, server);
  await settle();
  clock.advance(limits.tableBeatMs - 1);
  await settle();
  assert.equal(taken.length, 1);
  assert.equal(follower.ageMs, limits.tableBeatMs - 1);
  clock.advance(1);
  await settle();
  assert.equal(follower.ageMs, 0);
  assert.deepEqual(taken[1]?.entries, []);
  publisher.close();
  clock.advance(60_000);
  await settle();
  assert.equal(follower.ageMs, 60_000);
});

test('a message that is lost on the way is made good by the whole table', async (t) => {
  const { clock, server, bus, publisher, put } = await stage(t);
  publisher.lead();
  await settle();
  const { table, follower } = follow(t, clock, server);
  await settle();
  bus.fault = (operation) => (operation === 'publish' ? 'refuse' : undefined);
  put({ lost: 1 });
  await settle();
  bus.fault = () => undefined;
  put({ later: 2 });
  await settle();
  clock.advance(500);
  await settle();
  assert.deepEqual(Object.fromEntries(table), { lost: 1, later: 2 });
  assert.equal(follower.counters.unsigned, 0);
});

test('a follower that missed messages fetches the whole table', async (t) => {
  const { clock, server, publisher, put } = await stage(t);
  publisher.lead();
  await settle();
  const { bus, table, follower } = follow(t, clock, server);
  await settle();
  put({ a: 1 });
  await settle();
  bus.fault = () => 'refuse';
  // The reader notices with its next read.
  clock.advance(limits.busWaitMs);
  await settle();
  put({ a: 2 });
  await settle();
  server.content.tables.get('health')?.log.splice(0);
  publisher.refresh();
  await settle();
  bus.fault = () => undefined;
  clock.advance(1000);
  await settle();
  assert.deepEqual(Object.fromEntries(table), { a: 2 });
  put({ b: 1 });
  await settle();
  assert.deepEqual(Object.fromEntries(table), { a: 2, b: 1 });
  assert.equal(follower.counters.unsigned, 0);
});

test('a table of an earlier term, or of an old dump, never replaces a later one', async (t) => {
  const { clock, server, publisher, put, lead, held, values } = await stage(t);
  values.set('a', 'old');
  publisher.lead();
  await settle();
  const dump = server.dump();
  await lead('two', 1);
  values.set('a', 'new');
  publisher.lead();
  await settle();
  const { table, follower } = follow(t, clock, server);
  await settle();
  assert.equal(table.get('a'), 'new');
  server.restore(dump);
  put({ a: 'newer' });
  clock.advance(limits.busWaitMs);
  await settle();
  assert.equal(table.get('a'), 'new');
  const { term } = follower.position;
  assert.equal(term, held.lease?.term);
  // A process that starts now knows from its store that the term is past.
  const late = follow(t, clock, server, term);
  await settle();
  assert.equal(late.table.size, 0);
  assert.ok(late.follower.counters.stale >= 1);
});

test('a message that is not signed by the cluster, or stands in another place, is refused', async (t) => {
  const { clock, server, publisher, held, values } = await stage(t);
  values.set('a', 1);
  publisher.lead();
  await settle();
  const warned: string[] = [];
  const log = { ...silentLog, warn: (_: object, text: string) => void warned.push(text) };
  const { table, follower } = follow(t, clock, server, 0, log);
  await settle();
  const stranger = new Envelope('test', readClusterKeys(generateClusterKeys().privatePem, 'x'));
  const bus: Bus = new MemoryBus(server);
  const lease = held.lease as Lease;
  const { term } = lease;
  const content = { full: false, term, sequence: 2, entries: [['a', 'forged']] };
  const position = { term, sequence: 2 };
  const bytes = stranger.seal('health', content);
  await bus.publish(lease, 'health', { position, full: false, bytes });
  await settle();
  assert.equal(table.get('a'), 1);
  assert.equal(follower.counters.unsigned, 1);
  // Signed, but for another position and another table.
  const moved = { position: { term, sequence: 3 }, full: false };
  await bus.publish(lease, 'health', { ...moved, bytes: signing.seal('health', content) });
  await settle();
  const other = { position: { term, sequence: 4 }, full: false };
  const wrong = signing.seal('latency', { ...content, sequence: 4 });
  await bus.publish(lease, 'health', { ...other, bytes: wrong });
  await settle();
  assert.equal(table.get('a'), 1);
  // Said once, not of each.
  assert.equal(warned.length, 1);
  assert.match(warned[0] ?? '', /the table health is not signed by this cluster.*--cluster-key/);
});

test('a publisher whose lease was in doubt for a moment tells the whole table afterwards', async (t) => {
  const { clock, server, publisher, put, held } = await stage(t);
  publisher.lead();
  await settle();
  const { table } = follow(t, clock, server);
  await settle();
  const { lease } = held;
  held.lease = undefined;
  put({ a: 1 });
  clock.advance(limits.tableBeatMs);
  await settle();
  assert.equal(table.size, 0);
  held.lease = lease;
  clock.advance(limits.tableBeatMs);
  await settle();
  assert.deepEqual([...table], [['a', 1]]);
});

test('a publisher that no longer leads says nothing', async (t) => {
  const { clock, server, publisher, put, held, bus } = await stage(t);
  publisher.lead();
  await settle();
  const { taken } = follow(t, clock, server);
  await settle();
  const before = taken.length;
  held.lease = undefined;
  put({ a: 1 });
  clock.advance(60_000);
  await settle();
  assert.equal(taken.length, before);
  const last = await bus.table('health');
  assert.equal(last?.position.sequence, 1);
});

test('what moves while the lease is in doubt is told when it is trusted again', async (t) => {
  const { clock, server, publisher, held, put } = await stage(t);
  publisher.lead();
  await settle();
  const { table } = follow(t, clock, server);
  await settle();
  const { lease } = held;
  held.lease = undefined;
  put({ moved: 1 });
  held.lease = lease;
  clock.advance(500);
  await settle();
  assert.deepEqual([...table], [['moved', 1]]);
});

test('a follower reads again what came after the whole table that closed a gap', async (t) => {
  const { clock, server, publisher, put } = await stage(t);
  publisher.lead();
  await settle();
  const { table, follower } = follow(t, clock, server);
  await settle();
  // The follower is not woken until there is much to read.
  const { added } = server;
  server.added = () => {};
  publisher.refresh();
  await settle();
  for (const value of [1, 2, 3]) {
    put({ [`key ${value}`]: value });
    await settle();
  }
  // The stream was trimmed: it begins right behind the whole table.
  const log = server.content.tables.get('health')?.log ?? [];
  log.splice(0, log.findLastIndex(({ full }) => full) + 1);
  server.added = added;
  server.added();
  await settle();
  assert.deepEqual(Object.fromEntries(table), { 'key 1': 1, 'key 2': 2, 'key 3': 3 });
  assert.equal(follower.position.sequence, 5);
});

test('refetch() takes the whole table again, and what came after it', async (t) => {
  const { clock, server, publisher, put } = await stage(t);
  publisher.lead();
  await settle();
  put({ a: 1 });
  await settle();
  const { taken, follower } = follow(t, clock, server);
  await settle();
  assert.deepEqual(
    taken.map(({ sequence }) => sequence),
    [1, 2],
  );
  follower.refetch();
  put({ b: 2 });
  await settle();
  assert.deepEqual(
    taken.map(({ sequence }) => sequence),
    [1, 2, 1, 2, 3],
  );
});
