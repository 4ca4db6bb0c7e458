import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadUdpBatch, openBatch, type UdpBatch } from '../../native/udp_batch/udp-batch.ts';
import { createUdpMemory, statusAt, viewUdpMemory } from '../../native/udp_batch/udp-memory.ts';

const found = loadUdpBatch();
const skip = 'addon' in found ? false : found.reason;
const addon = ('addon' in found ? found.addon : {}) as UdpBatch;

/** Arguments that open a batch of 4 slots on a port of 127.0.0.1. */
function goodArguments(): Parameters<UdpBatch['open']> {
  const views = viewUdpMemory(createUdpMemory(512, 4));
  return [
    Int32Array.of(4, 0x7f000001, 0, 0, 0, 0, 0, 0),
    Int32Array.of(4, views.slotBytes, 512, 0, 0, 0, 0, 0, 10, 0),
    views.bytes,
    views.lengths,
    views.peers,
    views.counters,
    views.requestBytes,
  ];
}

/** The same as a plain array, with one argument replaced. */
function replaced(at: number, value: unknown): Parameters<UdpBatch['open']> {
  return goodArguments().toSpliced(at, 1, value as never) as Parameters<UdpBatch['open']>;
}

const shared = <Bytes extends number>(bytes: Bytes) => new SharedArrayBuffer(bytes);

const badArguments: Readonly<Record<string, [number, unknown]>> = {
  'addresses that are no view': [0, 'here'],
  'addresses of another type': [0, new Uint32Array(8)],
  'no address': [0, new Int32Array(0)],
  'half an address': [0, new Int32Array(10)],
  'an unknown family': [0, Int32Array.of(5, 0, 0, 0, 0, 0, 0, 0)],
  'a port beyond 65535': [0, Int32Array.of(4, 0x7f000001, 0, 0, 0, 65_536, 0, 0)],
  'a socket below 0': [0, Int32Array.of(4, 0x7f000001, 0, 0, 0, 0, 0, -1)],
  'too many addresses': [0, new Int32Array(8 * 257)],
  'too few settings': [1, new Int32Array(9)],
  'a negative setting': [1, Int32Array.of(4, 576, 512, 0, -1, 0, 0, 0, 10, 0)],
  'no slots': [1, Int32Array.of(0, 576, 512, 0, 0, 0, 0, 0, 10, 0)],
  'too many slots': [1, Int32Array.of(257, 576, 512, 0, 0, 0, 0, 0, 10, 0)],
  'more slots than memory': [1, Int32Array.of(5, 576, 512, 0, 0, 0, 0, 0, 10, 0)],
  'slots longer than memory': [1, Int32Array.of(4, 577, 512, 0, 0, 0, 0, 0, 10, 0)],
  'a payload longer than a slot': [1, Int32Array.of(4, 576, 577, 0, 0, 0, 0, 0, 10, 0)],
  'slots that are not shared': [2, new Uint8Array(4 * 576)],
  'short slots': [2, new Uint8Array(shared(4 * 576 - 1))],
  'lengths of another type': [3, new Float32Array(shared(16))],
  'short lengths': [3, new Int32Array(shared(12))],
  'short peers': [4, new Int32Array(shared(4 * 12 * 4 - 4))],
  'short counters': [5, new Float64Array(shared(48))],
  'a DataView': [5, new DataView(shared(64))],
  'short requests': [6, new Uint8Array(shared(4 * 576 - 1))],
  nothing: [6, undefined],
};

for (const [what, [at, value]] of Object.entries(badArguments)) {
  test(`open() refuses ${what}`, { skip }, () => {
    assert.throws(() => addon.open(...replaced(at, value)), { code: 'ERR_INVALID_ARG_VALUE' });
  });
}

test('open() gives the chosen port, and an id for exchange() until close()', { skip }, () => {
  const args = goodArguments();
  const id = addon.open(...args);
  assert.ok(id > 0 && (args[0][5] ?? 0) > 0);
  assert.equal(addon.exchange(id, 0), 0);
  assert.equal(addon.close(id), true);
  assert.equal(addon.close(id), false);
  assert.throws(() => addon.exchange(id, 0), { code: 'ERR_INVALID_ARG_VALUE' });
});

test('open() leaves no socket behind when one of several cannot be bound', { skip }, () => {
  const args = goodArguments();
  const id = addon.open(...args);
  const port = args[0][5] ?? 0;
  assert.equal(addon.close(id), true);
  const free = [4, 0x7f000001, 0, 0, 0, port, 0, 0];
  const foreign = [4, 0xc6336401 | 0, 0, 0, 0, 0, 0, 0]; // 198.51.100.1
  assert.throws(() => addon.open(...replaced(0, Int32Array.of(...free, ...foreign))), {
    code: 'EADDRNOTAVAIL',
    syscall: 'bind',
    message: /^bind EADDRNOTAVAIL 198\.51\.100\.1:0: /,
  });
  const again = addon.open(...replaced(0, Int32Array.of(...free)));
  assert.equal(addon.close(again), true);
});

test('exchange() refuses more answers than requests', { skip }, () => {
  const id = addon.open(...goodArguments());
  for (const answered of [1, -1, 1e9]) {
    assert.throws(() => addon.exchange(id, answered), { code: 'ERR_OUT_OF_RANGE' });
  }
  addon.close(id);
});

test('exchange() returns -1 for good after stop()', { skip }, () => {
  const id = addon.open(...goodArguments());
  assert.equal(addon.stop(id), true);
  assert.equal(addon.exchange(id, 0), -1);
  assert.equal(addon.exchange(id, 0), -1);
  addon.close(id);
});

test('wake() makes exchange() return, and is remembered once', { skip }, () => {
  const args = goodArguments();
  args[1][8] = 5000;
  const id = addon.open(...args);
  const begin = performance.now();
  for (let at = 0; at < 3; at += 1) assert.equal(addon.wake(id), true);
  assert.equal(addon.exchange(id, 0), 0);
  assert.ok(performance.now() - begin < 2500);
  addon.close(id);
});

test('wake(), stop() and close() know no id of the past, nor any other number', { skip }, () => {
  const past = addon.open(...goodArguments());
  addon.close(past);
  const present = addon.open(...goodArguments());
  assert.notEqual(present, past);
  for (const id of [past, 0, -1, -present, present + 1, 1023, 2 ** 31 - 1]) {
    assert.equal(addon.wake(id), false);
    assert.equal(addon.stop(id), false);
    assert.equal(addon.close(id), false);
  }
  assert.throws(() => addon.wake('1' as never), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.equal(addon.close(present), true);
});

test('open() fails when a thousand batches are open, and works again afterwards', { skip }, () => {
  const ids: number[] = [];
  let code = '';
  try {
    while (ids.length < 2000) ids.push(addon.open(...goodArguments()));
  } catch (error) {
    code = (error as NodeJS.ErrnoException).code ?? '';
  }
  for (const id of ids) assert.equal(addon.close(id), true);
  assert.equal(code, 'EMFILE');
  assert.equal(addon.close(addon.open(...goodArguments())), true);
});

test('openBatch() refuses what is no IP address', { skip }, () => {
  const memory = createUdpMemory(512);
  const addresses = [{ host: 'localhost', port: 0 }];
  assert.throws(() => openBatch({ addresses, memory }), { code: 'EINVAL', message: /"localhost"/ });
});

test('openBatch() tells wakers its id, and takes it back when it is over', { skip }, async () => {
  const memory = createUdpMemory(512);
  const backend = openBatch({ addresses: [{ host: '127.0.0.1', port: 0 }], memory });
  const { status } = viewUdpMemory(memory);
  const id = status[statusAt.batchId] ?? 0;
  assert.equal(addon.wake(id), true);
  await backend.serve({ answer: () => 0, turn: () => false });
  assert.equal(status[statusAt.batchId], 0);
  assert.equal(addon.wake(id), false);
});

test('serve() closes its sockets when the service throws', { skip }, async () => {
  const memory = createUdpMemory(512);
  const backend = openBatch({ addresses: [{ host: '127.0.0.1', port: 0 }], memory });
  const turn = () => {
    throw new Error('a bug');
  };
  await assert.rejects(backend.serve({ answer: () => 0, turn }), /a bug/);
  openBatch({ addresses: backend.addresses, memory: createUdpMemory(512) })
    .serve({ answer: () => 0, turn: () => false })
    .catch(assert.ifError);
});
