import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { silentLog } from '../../src/base/log.ts';
import { generateClusterKeys, readClusterKeys } from '../../src/cluster/keys.ts';
import { MemoryBus, MemoryBusServer } from '../../src/cluster/memory-bus.ts';
import { Envelope } from '../../src/cluster/messages.ts';
import { Relay } from '../../src/cluster/relay.ts';

const keys = readClusterKeys(generateClusterKeys().privatePem, 'key');
const envelope = new Envelope('test', keys);

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise<void>((done) => setImmediate(done));
}

type Test = { after(callback: () => void | Promise<void>): void };

function relayOn(t: Test, server: MemoryBusServer, id: string, more: { alone?: boolean } = {}) {
  const bus = new MemoryBus(server);
  const taken: unknown[] = [];
  const relay = new Relay({
    ...{ stream: 'reports', bus, envelope, id, log: silentLog },
    clock: server.clock,
    hasOthers: () => more.alone !== true,
    take: (item) => taken.push(item),
  });
  t.after(async () => {
    await bus.close();
    await relay.close();
  });
  return { bus, relay, taken };
}

test('Relay passes things on to every other controller, in order, and not back to itself', async (t) => {
  const server = new MemoryBusServer(new VirtualClock());
  const [one, two, three] = ['1', '2', '3'].map((id) => relayOn(t, server, id));
  await settle();
  for (const item of ['a', 'b', 'c']) one?.relay.pass(item);
  await settle();
  assert.deepEqual(two?.taken, ['a', 'b', 'c']);
  assert.deepEqual(three?.taken, ['a', 'b', 'c']);
  assert.deepEqual(one?.taken, []);
});

test('Relay passes octets on as they were, and refuses any that were changed', async (t) => {
  const server = new MemoryBusServer(new VirtualClock());
  const [one, two] = ['1', '2'].map((id) => relayOn(t, server, id));
  await settle();
  const octets = Buffer.from(Array.from({ length: 7000 }, (_, at) => (at * 7) & 255));
  one?.relay.pass({ value: 1 });
  one?.relay.pass(octets);
  one?.relay.pass(new Uint8Array());
  await settle();
  const taken = two?.taken.map((one) => (one instanceof Uint8Array ? Buffer.from(one) : one));
  assert.deepEqual(taken, [{ value: 1 }, octets, Buffer.alloc(0)]);
  const sealed = envelope.seal('reports', { from: '3', items: [] }, [octets]);
  for (const at of [0, 1, 64, 65, 66, 70, sealed.length - 1]) {
    const forged = Uint8Array.from(sealed);
    forged[at] = (forged[at] ?? 0) ^ 1;
    assert.equal(envelope.openAll('reports', forged), undefined, `octet ${at}`);
  }
  assert.equal(envelope.openAll('reports', sealed.subarray(0, sealed.length - 1)), undefined);
  assert.equal(envelope.openAll('samples', sealed), undefined);
  assert.deepEqual(
    envelope.openAll('reports', sealed)?.octets.map((one) => Buffer.from(one)),
    [octets],
  );
});

test('Relay sends nothing while there is nobody else', async (t) => {
  const server = new MemoryBusServer(new VirtualClock());
  const { relay } = relayOn(t, server, '1', { alone: true });
  relay.pass('a');
  await settle();
  assert.equal(server.content.streams.get('reports')?.messages.length ?? 0, 0);
});

test('Relay refuses what the cluster has not signed', async (t) => {
  const server = new MemoryBusServer(new VirtualClock());
  const { relay, taken } = relayOn(t, server, '1');
  await settle();
  const stranger = new Envelope('test', readClusterKeys(generateClusterKeys().privatePem, 'x'));
  const bus = new MemoryBus(server);
  await bus.post('reports', stranger.seal('reports', { from: '2', items: ['forged'] }));
  await bus.post('reports', envelope.seal('samples', { from: '2', items: ['misplaced'] }));
  await bus.post('reports', new Uint8Array(3));
  await bus.post('reports', envelope.seal('reports', { from: '2', items: ['good'] }));
  await settle();
  assert.deepEqual(taken, ['good']);
  assert.equal(relay.counters.unsigned, 3);
});

test('Relay sheds the oldest of what waits, and goes on after an outage', async (t) => {
  const server = new MemoryBusServer(new VirtualClock());
  const one = relayOn(t, server, '1');
  const two = relayOn(t, server, '2');
  await settle();
  one.bus.fault = () => 'refuse';
  for (let item = 0; item < limits.relayedItems + 5; item += 1) one.relay.pass(item);
  await settle();
  assert.ok(one.relay.counters.shed >= 5);
  one.bus.fault = () => undefined;
  one.relay.pass('after');
  await settle();
  assert.equal(two.taken.at(-1), 'after');
});
