import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { BusError } from '../../src/cluster/bus.ts';
import { BusSight } from '../../src/cluster/bus-sight.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { by, codesOf, put } from '../control/fixtures.ts';
import { dialOf, inWorld } from './harness.ts';

inWorld('the first controller leads after heartbeats had time to tell of others', async (world) => {
  const a = await world.add('a');
  const tookMs = await world.until('a leads', () => a.cluster.lease() !== undefined);
  assert.ok(tookMs >= 2000 && tookMs < 4000, `${tookMs} ms`);
  const { term, sequence } = a.cluster.position();
  assert.deepEqual([term, sequence], [a.cluster.lease()?.term, 0]);
  assert.equal(await world.change(a, 10), 1);
  assert.deepEqual(world.server.content.head?.position, { term, sequence: 1 });
});

inWorld('a change reaches every standby and node, and their stores are the same', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const b = await world.add('b');
  const n = await world.add('n', 'node');
  await world.change(a, 10);
  await world.change(a, 20);
  await world.untilSame();
  assert.deepEqual([dialOf(b), dialOf(n)], [20, 20]);
  assert.equal(b.store.replicated(2)?.term, a.cluster.lease()?.term);
  assert.equal(n.store.verify(), undefined);
});

inWorld('a standby refuses changes and names the leader', async (world) => {
  await world.add('a');
  await world.untilLed();
  const b = await world.add('b');
  await world.advance(1000);
  assert.deepEqual(await codesOf(world.change(b, 1)), ['E_NOT_LEADER']);
  await assert.rejects(
    world.change(b, 1),
    /controller a leads; send the change to https:\/\/a\.example/,
  );
  assert.deepEqual(b.cluster.leader(), {
    id: 'a',
    url: 'https://a.example',
    term: b.cluster.position().term,
    isSelf: false,
  });
  assert.equal(b.store.latest(), 0);
});

inWorld('a node refuses changes', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const n = await world.add('n', 'node');
  await world.change(a, 1);
  await world.untilSame();
  assert.deepEqual(await codesOf(world.change(n, 2)), ['E_NOT_LEADER']);
});

inWorld(
  'a standby takes over within 10 s of the end of the leader, with all it had',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    const b = await world.add('b');
    await world.add('c');
    for (let n = 1; n <= 5; n++) await world.change(a, n);
    const { term } = a.cluster.position();
    await a.kill();
    const tookMs = await world.until('another leads', () => world.leader() !== undefined);
    assert.ok(tookMs < 10_000, `${tookMs} ms`);
    const leader = await world.untilLed();
    assert.equal(dialOf(leader), 5);
    assert.ok(leader.cluster.position().term > term);
    assert.equal(await world.change(leader, 6), 6);
    await world.untilSame();
    assert.equal(dialOf(b), 6);
  },
);

inWorld('a standby takes over at once from a leader that stops in good order', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const b = await world.add('b');
  await world.advance(1000);
  await a.cluster.close();
  const tookMs = await world.until('b leads', () => b.cluster.lease() !== undefined);
  assert.ok(tookMs < 1200, `${tookMs} ms`);
});

inWorld('a leader stops trusting its lease before the bus gives it away', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const b = await world.add('b');
  await world.advance(1000);
  a.bus.fault = () => 'lose';
  let overlapped = false;
  await world.until('b leads', () => {
    overlapped ||= a.cluster.lease() !== undefined && b.cluster.lease() !== undefined;
    return b.cluster.lease() !== undefined;
  });
  assert.equal(overlapped, false);
  assert.deepEqual(await codesOf(world.change(a, 1)), ['E_NO_BUS']);
  assert.equal(await world.change(b, 2), 1);
  a.bus.fault = () => undefined;
  await world.untilSame();
  assert.equal(dialOf(a), 2);
  assert.equal(world.leader(), b);
});

inWorld(
  'an old leader that believes in its lease is fenced, and its change taken back',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    const b = await world.add('b');
    await world.change(a, 1);
    await world.untilSame();
    // The lease goes to b while a still trusts it.
    world.server.content.lease = undefined;
    const led = await b.bus.lead({
      holder: 'b/other',
      url: 'https://b.example',
      knownTerm: a.cluster.position().term,
      position: b.cluster.position(),
      ttlMs: 5000,
    });
    assert.equal(led.outcome, 'led');
    assert.ok(a.cluster.lease() !== undefined);
    assert.deepEqual(await codesOf(world.change(a, 2)), ['E_NOT_LEADER']);
    assert.equal(a.store.latest(), 1);
    assert.equal(dialOf(a), 1);
    assert.equal(a.cluster.counters.undone, 1);
  },
);

inWorld('terms rise over FLUSHALL, and everything is published again', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const n = await world.add('n', 'node');
  await world.change(a, 1);
  await world.change(a, 2);
  await world.untilSame();
  const before = a.cluster.position();
  world.server.flush();
  await world.until('a leads again', () => (a.cluster.lease()?.term ?? 0) > before.term);
  const after = { ...before, term: a.cluster.lease()?.term };
  assert.deepEqual(world.server.content.head?.position, after);
  await world.untilSame();
  assert.deepEqual(n.cluster.position(), after);
  assert.equal(await world.change(a, 3), 3);
  const late = await world.add('late', 'node');
  await world.untilSame();
  assert.equal(dialOf(late), 3);
});

inWorld(
  'a bus put back to an earlier state is filled again, and nothing is lost',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    const n = await world.add('n', 'node');
    await world.change(a, 1);
    const dump = world.server.dump();
    for (let dial = 2; dial <= 6; dial++) await world.change(a, dial);
    await world.untilSame();
    world.server.restore(dump);
    await world.until('the bus is as far again', () => {
      return world.server.content.head?.position.sequence === 6;
    });
    assert.equal(await world.change(await world.untilLed(), 7), 7);
    await world.untilSame();
    assert.deepEqual([n.store.latest(), dialOf(n)], [7, 7]);
    assert.equal(n.store.verify(), undefined);
  },
);

inWorld(
  'a change on a bus that lost revisions is refused, not published out of order',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    await world.change(a, 1);
    const dump = world.server.dump();
    await world.change(a, 2);
    world.server.restore(dump);
    assert.deepEqual(await codesOf(world.change(a, 3)), ['E_NO_BUS']);
    assert.equal(a.store.latest(), 2);
    await world.advance(3000);
    assert.equal(await world.change(await world.untilLed(), 3), 3);
  },
);

inWorld('a standby that knows of a controller with more waits for it', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const b = await world.add('b');
  await world.change(a, 1);
  await world.untilSame();
  await world.advance(1500);
  // b hears heartbeats, but no longer the log; then the bus loses what b does not have.
  b.bus.fault = (operation) => (operation === 'entries' ? 'refuse' : undefined);
  await world.advance(2500);
  const dump = world.server.dump();
  await world.change(a, 2);
  await world.advance(1500);
  await a.kill();
  world.server.restore(dump);
  world.server.content.lease = undefined;
  b.bus.fault = () => undefined;
  const tookMs = await world.until('b leads', () => b.cluster.lease() !== undefined);
  assert.ok(tookMs >= 15_000, `${tookMs} ms`);
});

inWorld('waiting for a controller with more begins when the bus is back', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const b = await world.add('b');
  await world.change(a, 1);
  await world.untilSame();
  b.bus.fault = (operation) => (operation === 'entries' ? 'refuse' : undefined);
  const dump = world.server.dump();
  await world.change(a, 2);
  await world.advance(1500);
  await a.kill();
  world.server.restore(dump);
  world.server.content.lease = undefined;
  b.bus.fault = () => undefined;
  await world.advance(3000);
  b.bus.fault = () => 'refuse';
  await world.advance(20_000);
  assert.equal(b.cluster.lease(), undefined);
  b.bus.fault = () => undefined;
  const tookMs = await world.until('b leads', () => b.cluster.lease() !== undefined);
  assert.ok(tookMs >= 15_000, `${tookMs} ms`);
});

inWorld('of two that know of one with more, the one with more leads first', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  // Not the order in which they would be asked.
  const c = await world.add('c');
  const b = await world.add('b');
  await world.change(a, 1);
  await world.untilSame();
  const hearsNothing = (operation: string) => (operation === 'entries' ? 'refuse' : undefined);
  const dump = world.server.dump();
  c.bus.fault = hearsNothing;
  await world.advance(2500);
  await world.change(a, 2);
  b.bus.fault = hearsNothing;
  await world.advance(2500);
  await world.change(a, 3);
  assert.deepEqual([b, c].map(dialOf), [2, 1]);
  await world.advance(1500);
  await a.kill();
  world.server.restore(dump);
  world.server.content.lease = undefined;
  b.bus.fault = c.bus.fault = () => undefined;
  const tookMs = await world.until('one of them leads', () => world.leader() !== undefined);
  assert.equal(world.leader(), b);
  assert.ok(tookMs >= 15_000 && tookMs < 20_000, `${tookMs} ms`);
  await world.untilSame();
  assert.equal(dialOf(c), 2);
});

inWorld('the one with more leads when both come back after the bus was emptied', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const b = await world.add('b');
  await world.change(a, 1);
  await world.untilSame();
  await b.kill();
  await world.advance(6000);
  await world.change(a, 2);
  await a.kill();
  world.server.flush();
  const [b2, a2] = [
    await world.add('b', 'controller', b.store),
    await world.add('a', 'controller', a.store),
  ];
  await world.untilSame();
  assert.equal(world.leader(), a2);
  assert.equal(dialOf(b2), 2);
});

inWorld('an empty controller gives way to one that has a configuration', async (world) => {
  const store = new MemoryStore();
  const alone = await import('../control/fixtures.ts').then(({ openBench }) =>
    openBench({ store }),
  );
  await alone.controller.apply(
    [{ kind: 'region', id: 'eu', body: '{"latitude":1,"longitude":2,"dial":42}' }],
    { actor: 'x', summary: 'y' },
  );
  const empty = await world.add('empty');
  await world.untilLed();
  const full = await world.add('full', 'controller', store);
  await world.until('full leads', () => full.cluster.lease() !== undefined);
  await world.untilSame();
  assert.deepEqual([dialOf(empty), dialOf(full)], [42, 42]);
  assert.equal(full.orphans.length, 0);
});

inWorld('two controllers never lead under one term, though the bus forgot it', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const b = await world.add('b');
  await world.advance(1500);
  const term = a.cluster.lease()?.term ?? 0;
  a.bus.fault = () => 'refuse';
  b.bus.fault = () => 'refuse';
  await world.advance(6000);
  // Both know of the same terms, and the bus of none.
  world.server.flush();
  const terms = new Set([term]);
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    other.bus.fault = () => 'refuse';
    one.bus.fault = () => undefined;
    await world.until('one leads', () => one.cluster.lease() !== undefined);
    terms.add(one.cluster.lease()?.term ?? 0);
    one.bus.fault = () => 'refuse';
    world.server.flush();
    await world.advance(6000);
  }
  assert.equal(terms.size, 3);
});

inWorld(
  'a leader gives way when others have followed a term that the bus forgot',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    const b = await world.add('b');
    await world.change(a, 1);
    await world.untilSame();
    await world.advance(1000);
    const dump = world.server.dump();
    a.bus.fault = () => 'refuse';
    world.server.content.lease = undefined;
    await world.until('b leads', () => b.cluster.lease() !== undefined);
    const later = b.cluster.position().term;
    // The bus goes back to the lease of a, which can reach it again.
    dump.lease = dump.lease && { ...dump.lease, expiresMs: world.clock.monotonicMs() + 4000 };
    world.server.restore(dump);
    a.bus.fault = () => undefined;
    await world.until('somebody leads under a later term', () => {
      return (world.leader()?.cluster.lease()?.term ?? 0) > later;
    });
    assert.ok((await world.change(await world.untilLed(), 2)) >= 2);
    await world.untilSame();
    assert.deepEqual([dialOf(a), dialOf(b)], [2, 2]);
  },
);

inWorld(
  'an old leader that sees its lease again after another led hears who has what first',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    const b = await world.add('b');
    const c = await world.add('c');
    await world.change(a, 1);
    await world.untilSame();
    const { commit, confirmTerm } = a.store;
    a.store.commit = a.store.confirmTerm = () => {
      throw new Error('disk full');
    };
    // Another bus takes over, without a lease, for so short a time that a reads no heartbeats there.
    const first = world.server.dump();
    a.bus.fault = (operation) => (operation === 'nodes' ? 'refuse' : undefined);
    world.server.content.lease = undefined;
    const others = [b, c];
    const leads = () => others.find(({ cluster }) => cluster.lease() !== undefined);
    await world.until('a standby leads', () => leads() !== undefined);
    const leader = leads();
    assert.ok(leader !== undefined);
    assert.equal(await world.change(leader, 2), 2);
    await world.until('a is fenced', () => a.cluster.lease() === undefined);
    world.server.restore(first);
    a.bus.fault = () => undefined;
    Object.assign(a.store, { commit, confirmTerm });
    await world.untilSame();
    assert.deepEqual(others.map(dialOf), [2, 2]);
    assert.equal(dialOf(a), 2);
    assert.deepEqual(
      world.members.flatMap(({ orphans }) => orphans),
      [],
    );
  },
);

test('BusSight tells a bus that goes forward from one that has gone back', () => {
  const sight = new BusSight();
  const head = (term: number, sequence: number) => ({ position: { term, sequence } });
  sight.seeHead(undefined, 0);
  sight.seeLease({ term: 7 }, 0);
  sight.seeHead(head(7, 4), 0);
  sight.seeLease(undefined, 100);
  sight.seeLease({ term: 9 }, 200);
  sight.seeHead(head(9, 3), 200);
  assert.equal(sight.sameForMs(300), Number.POSITIVE_INFINITY);
  sight.seeLease({ term: 7 }, 400);
  assert.equal(sight.sameForMs(1000), 600);
  sight.seeLease({ term: 7 }, 1000);
  assert.equal(sight.sameForMs(1000), 600);
  sight.seeHead(head(9, 2), 1200);
  assert.equal(sight.sameForMs(1500), 300);
  sight.seeHead(undefined, 1600);
  sight.seeHead(undefined, 1700);
  assert.equal(sight.sameForMs(1700), 100);
});

inWorld(
  'nobody waits for a dead leader because of a change that it was taking back',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    const b = await world.add('b');
    await world.change(a, 1);
    await world.untilSame();
    const append = Promise.withResolvers<never>();
    a.bus.append = () => append.promise;
    const change = a.controller.apply([put('region', 'eu', { latitude: 1, longitude: 2 })], by);
    change.catch(() => undefined);
    await world.until('the change is stored', () => a.store.latest() === 2);
    // The lease is lost while the change is under way, and heartbeats go on.
    b.bus.fault = (operation) => (operation === 'state' ? 'refuse' : undefined);
    world.server.content.lease = undefined;
    await world.until('it has noticed', () => a.cluster.lease() === undefined);
    await world.advance(limits.heartbeatMs + 100);
    const killed = a.kill();
    append.reject(new BusError('append: gone', 'unknown'));
    await killed;
    b.bus.fault = () => undefined;
    const tookMs = await world.until('the other leads', () => b.cluster.lease() !== undefined);
    assert.ok(tookMs < 5000, `${tookMs} ms`);
  },
);
