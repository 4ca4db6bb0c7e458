import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import type { Heartbeat } from '../../src/cluster/cluster-types.ts';
import { readHeartbeat } from '../../src/cluster/membership.ts';
import { MemoryBus, MemoryBusServer } from '../../src/cluster/memory-bus.ts';
import { Envelope } from '../../src/cluster/messages.ts';
import { Served } from '../../src/cluster/served.ts';
import type { ServedBy } from '../../src/control/cluster-view.ts';
import { nodeKeys } from './harness.ts';

const envelope = new Envelope('test', nodeKeys);

function heartbeat(id: string, serving: number): Heartbeat {
  return {
    ...{ id, role: 'node', url: '', version: '0', digest: '' },
    position: { term: 1, sequence: serving },
    startedAt: '2026-01-01T00:00:00Z',
    since: '2026-01-01T00:00:00Z',
    more: { serving },
  } as Heartbeat;
}

/** Members that say what they serve; the list of heartbeats is only read when the test says so. */
function stage() {
  const clock = new VirtualClock();
  const bus = new MemoryBus(new MemoryBusServer(clock));
  let nodes: readonly Heartbeat[] = [];
  const served = new Served({ bus, clock, envelope, nodes: () => nodes });
  const say = (id: string, serving: number) =>
    bus.beat(id, Buffer.from(JSON.stringify(heartbeat(id, serving))), 60_000);
  const read = async () => {
    const beats = await bus.nodes();
    nodes = beats
      .map(({ bytes }) => readHeartbeat(bytes, envelope))
      .filter((node) => node !== undefined);
  };
  return { clock, bus, served, say, read };
}

const settle = () => new Promise<void>((done) => setImmediate(done));

test('Served.by() counts who serves a revision and names who does not', async () => {
  const { served, say, read } = stage();
  await say('a', 4);
  await say('b', 3);
  await read();
  assert.deepEqual(served.by(4), { serving: 1, live: 2, missing: ['b'], at: null });
  assert.deepEqual(served.by(3), { serving: 2, live: 2, missing: [], at: null });
});

test('Served.look() notes when a revision was first served by all', async () => {
  const { clock, served, say, read } = stage();
  await say('a', 1);
  await read();
  served.look(1);
  await say('a', 3);
  await read();
  clock.advance(5000);
  served.look(3);
  const at = new Date(clock.epochMs()).toISOString();
  clock.advance(5000);
  served.look(3);
  assert.equal(served.by(3).at, at);
  assert.equal(served.by(2).at, at);
  // What was served before this process looked has no time.
  assert.equal(served.by(1).at, null);
});

test('Served.wait() resolves as soon as the last member serves the revision', async () => {
  const { clock, served, say } = stage();
  await say('a', 2);
  await say('b', 1);
  let found: unknown;
  void served.wait(2, 10_000).then((result) => {
    found = result;
  });
  await settle();
  clock.advance(1000);
  await settle();
  assert.equal(found, undefined);
  await say('b', 2);
  for (let turn = 0; turn < 5; turn += 1) {
    clock.advance(20);
    await settle();
  }
  const { serving, live, missing } = found as unknown as ServedBy;
  assert.deepEqual([serving, live, missing], [2, 2, []]);
});

test('Served.wait() ends with what is missing when time is over, also without a bus', async () => {
  const { clock, bus, served, say, read } = stage();
  await say('a', 1);
  await read();
  const finish = async (waiting: Promise<{ missing: readonly string[] }>) => {
    let missing: readonly string[] | undefined;
    void waiting.then((result) => {
      missing = result.missing;
    });
    for (let turn = 0; turn < 10 && missing === undefined; turn += 1) {
      await settle();
      clock.advance(20);
    }
    return missing;
  };
  assert.deepEqual(await finish(served.wait(2, 100)), ['a']);
  bus.fault = () => 'refuse';
  assert.deepEqual(await finish(served.wait(1, 100)), ['unknown']);
});
