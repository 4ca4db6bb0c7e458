import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  createUdpMemory,
  interruptedRequest,
  slotPaddingBytes,
  statusAt,
  viewUdpMemory,
} from '../../native/udp_batch/udp-memory.ts';

test('createUdpMemory() leaves each message its padding, in slots of whole cache lines', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 65_535 }),
      fc.integer({ min: 1, max: 256 }),
      (n, slots) => {
        const { slotBytes, payloadBytes, slotCount, bytes } = viewUdpMemory(
          createUdpMemory(n, slots),
        );
        assert.equal(slotBytes % 64, 0);
        assert.ok(
          slotBytes >= payloadBytes + slotPaddingBytes && slotBytes < n + slotPaddingBytes + 64,
        );
        assert.equal(bytes.length, slotBytes * slotCount);
      },
    ),
    { numRuns: 50 },
  );
});

test('viewUdpMemory() makes views that fill the memory without overlapping', () => {
  const views = viewUdpMemory(createUdpMemory(1232, 64));
  const parts = [views.status, views.counters, views.lengths, views.peers];
  let end = 0;
  for (const { byteOffset, byteLength } of parts) {
    assert.equal(byteOffset, end);
    end += byteLength;
  }
  assert.equal(end, views.control.byteLength);
});

test('viewUdpMemory() shows all threads the same memory', () => {
  const memory = createUdpMemory(512, 2);
  viewUdpMemory(memory).peers[3] = 7;
  assert.equal(viewUdpMemory(structuredClone(memory)).peers[3], 7);
});

test('interruptedRequest() gives the request of the busy slot, or none', () => {
  const views = viewUdpMemory(createUdpMemory(512, 4));
  assert.equal(interruptedRequest(views), undefined);
  views.requestBytes.set([1, 2, 3], 2 * views.slotBytes);
  views.lengths[2] = 3;
  views.status[statusAt.busySlot] = 3;
  assert.deepEqual(interruptedRequest(views), Uint8Array.of(1, 2, 3));
  views.status[statusAt.busySlot] = 5;
  assert.equal(interruptedRequest(views), undefined);
});
