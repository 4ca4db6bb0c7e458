import assert from 'node:assert/strict';
import { limits } from '../../src/base/limits.ts';
import { codesOf, put } from '../control/fixtures.ts';
import { contentOf } from '../store/replica-contract.ts';
import { dialOf, inWorld, type TestMember } from './harness.ts';

/** Lets the next append of a member go wrong in a way, once. */
function failOnce(member: TestMember, operation: string, fault: 'refuse' | 'lose' | 'lose-answer') {
  let left = 1;
  member.bus.fault = (name) => (name === operation && left-- > 0 ? fault : undefined);
}

inWorld(
  'a change whose append was lost is in doubt, taken back, and can be sent again',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    await world.change(a, 1);
    const before = contentOf(a.store);
    failOnce(a, 'append', 'lose');
    assert.deepEqual(await codesOf(world.change(a, 2, 'key')), ['E_IN_DOUBT']);
    // Only the term is another: a new one makes sure that the bus will not take it later.
    assert.deepEqual({ ...contentOf(a.store), term: before.term }, before);
    assert.equal(dialOf(a), 1);
    await world.untilLed();
    assert.equal(await world.change(a, 2, 'key'), 2);
    assert.equal(dialOf(a), 2);
  },
);

inWorld(
  'a change in doubt that the bus has after all comes back, with its answer',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    const n = await world.add('n', 'node');
    await world.change(a, 1);
    failOnce(a, 'append', 'lose-answer');
    assert.deepEqual(await codesOf(world.change(a, 2, 'key')), ['E_IN_DOUBT']);
    await world.untilSame();
    assert.deepEqual([dialOf(a), dialOf(n)], [2, 2]);
    // The first answer, and no second change.
    assert.equal(await world.change(a, 2, 'key'), 2);
    assert.equal(a.store.latest(), 2);
    assert.equal(await world.change(a, 3), 3);
    await world.untilSame();
    assert.deepEqual(contentOf(n.store), contentOf(a.store));
  },
);

inWorld('an append that comes late, after its term was ended, changes nothing', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  await world.change(a, 1);
  const { append } = a.bus;
  let late = (): Promise<unknown> => assert.fail('nothing was appended');
  a.bus.append = (...args) => {
    late = () => append.apply(a.bus, args);
    a.bus.append = append;
    failOnce(a, 'append', 'lose');
    return append.apply(a.bus, args);
  };
  assert.deepEqual(await codesOf(world.change(a, 2)), ['E_IN_DOUBT']);
  await world.untilLed();
  assert.equal(((await late()) as { outcome: string }).outcome, 'fenced');
  assert.equal(await world.change(a, 3), 2);
  assert.equal(dialOf(a), 3);
});

inWorld(
  'a change that stands in the log is in doubt for who hears of it too late',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    await world.change(a, 1);
    const { append } = a.bus;
    a.bus.append = async (...args) => {
      a.bus.append = append;
      const reply = await append.apply(a.bus, args);
      assert.equal(reply.outcome, 'done');
      // As when the process stands still: nothing is heard meanwhile, and the lease ends.
      a.bus.fault = () => 'refuse';
      world.clock.advance(limits.leaseMs);
      a.bus.fault = () => undefined;
      return reply;
    };
    assert.deepEqual(await codesOf(world.change(a, 2, 'key')), ['E_IN_DOUBT']);
    await world.untilLed();
    // It comes back from the log, with its answer.
    assert.equal(await world.change(a, 2, 'key'), 2);
    assert.equal(a.store.latest(), 2);
  },
);

inWorld('a change that never left is refused without doubt', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  failOnce(a, 'append', 'refuse');
  assert.deepEqual(await codesOf(world.change(a, 1)), ['E_NO_BUS']);
  assert.equal(a.store.latest(), 0);
  assert.equal(await world.change(a, 1), 1);
});

inWorld('changes are refused, and queries answered, while the bus is gone', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  await world.change(a, 1);
  a.bus.fault = () => 'refuse';
  await world.advance(5000);
  assert.deepEqual(await codesOf(world.change(a, 2)), ['E_NO_BUS']);
  assert.equal(dialOf(a), 1);
  await world.advance(3_600_000 / 60);
  a.bus.fault = () => undefined;
  const tookMs = await world.until('a leads again', () => a.cluster.lease() !== undefined);
  assert.ok(tookMs < 4000, `${tookMs} ms`);
  assert.equal(await world.change(a, 2), 2);
});

inWorld('a dry run works on a standby', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const b = await world.add('b');
  await world.change(a, 1);
  await world.untilSame();
  const writes = [put('region', 'eu', { latitude: 1, longitude: 2, dial: 7 })];
  const dry = await b.controller.apply(writes, { actor: 'x', summary: 'y', dryRun: true });
  assert.equal(dry.changes.length, 1);
});

inWorld('the answer waits until a standby has stored the change', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const b = await world.add('b');
  await world.advance(1500);
  const change = a.controller.apply([put('region', 'eu', { latitude: 1, longitude: 2 })], {
    actor: 'x',
    summary: 'y',
  });
  const result = await world.during(change);
  assert.deepEqual(result.warnings, []);
  assert.equal(b.store.latest(), 1);
});

inWorld(
  'a standby that does not confirm costs two seconds and a warning, no more',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    const b = await world.add('b');
    await world.advance(1500);
    b.bus.fault = (operation) => (operation === 'entries' ? 'refuse' : undefined);
    const startMs = world.clock.monotonicMs();
    const change = a.controller.apply([put('region', 'eu', { latitude: 1, longitude: 2 })], {
      actor: 'x',
      summary: 'y',
    });
    const result = await world.during(change);
    assert.deepEqual(
      result.warnings.map(({ code, severity }) => [code, severity]),
      [['E_NO_REPLICA', 'warning']],
    );
    const tookMs = world.clock.monotonicMs() - startMs;
    assert.ok(tookMs >= 2000 && tookMs <= 2200, `${tookMs} ms`);
  },
);

inWorld(
  'a standby that was waited for in vain is not waited for again until it speaks',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    const b = await world.add('b');
    await world.advance(1500);
    const apply = async (dial: number) => {
      const startMs = world.clock.monotonicMs();
      const write = put('region', 'eu', { latitude: 1, longitude: 2, dial });
      const change = a.controller.apply([write], { actor: 'x', summary: 'y' });
      const { warnings } = await world.during(change);
      return {
        codes: warnings.map(({ code }) => code),
        tookMs: world.clock.monotonicMs() - startMs,
      };
    };
    b.bus.fault = (operation) => (operation === 'entries' ? 'refuse' : undefined);
    assert.ok((await apply(1)).tookMs >= 2000);
    for (const dial of [2, 3]) {
      const { codes, tookMs } = await apply(dial);
      assert.deepEqual(codes, ['E_NO_REPLICA']);
      assert.ok(tookMs < 100, `${tookMs} ms`);
    }
    b.bus.fault = () => undefined;
    await world.untilSame();
    // It has caught up and said so: its word is waited for again.
    const { codes } = await apply(4);
    assert.deepEqual(codes, []);
    assert.equal(b.store.latest(), 4);
  },
);

inWorld('nobody is waited for where there is no standby', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  await world.add('n', 'node');
  await world.advance(1500);
  const startMs = world.clock.monotonicMs();
  await world.change(a, 1);
  assert.ok(world.clock.monotonicMs() - startMs < 100);
});

inWorld('a region that a change lent goes back once, by whoever leads then', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const b = await world.add('b');
  const at = new Date(world.clock.epochMs() + 60_000).toISOString();
  const body = { latitude: 1, longitude: 2, dial: 0, expiry: { at, dial: 100, state: 'active' } };
  await world.during(a.controller.apply([put('region', 'eu', body)], { actor: 'x', summary: 'y' }));
  await world.untilSame();
  await a.kill();
  await world.advance(80_000);
  assert.equal(dialOf(b), 100);
  assert.equal(b.store.latest(), 2);
  assert.equal(b.store.revision(2)?.actor, 'expiry');
  assert.ok(!b.logged.some((line) => /could not be restored/.test(line)));
});

inWorld(
  'a refused change that cannot be taken back holds up all others until it is',
  async (world) => {
    const a = await world.add('a');
    await world.untilLed();
    const n = await world.add('n', 'node');
    await world.change(a, 1);
    const { undo } = a.store;
    a.store.undo = () => {
      throw new Error('disk full');
    };
    failOnce(a, 'append', 'refuse');
    await assert.rejects(world.change(a, 2), /disk full/);
    await assert.rejects(world.change(a, 3), /disk full/);
    await world.advance(8000);
    a.store.undo = undo;
    await world.untilLed();
    assert.equal(await world.change(a, 4), 2);
    await world.untilSame();
    assert.deepEqual([dialOf(a), dialOf(n)], [4, 4]);
    assert.deepEqual(contentOf(n.store), contentOf(a.store));
  },
);

inWorld('a lease is made to last for a large change, and is renewed for no less', async (world) => {
  const a = await world.add('a');
  await world.untilLed();
  const leftMs = () => (world.server.content.lease?.expiresMs ?? 0) - world.clock.monotonicMs();
  await a.cluster.replication.prepare(100);
  assert.ok(leftMs() <= 5000);
  await a.cluster.replication.prepare(1_000_000);
  assert.ok(leftMs() > 104_000, `${leftMs()} ms`);
  await world.advance(4000);
  assert.ok(leftMs() > 99_000, `${leftMs()} ms`);
  await world.advance(110_000);
  assert.ok(leftMs() <= 5000, `${leftMs()} ms`);
  assert.ok(a.cluster.lease() !== undefined);
});
