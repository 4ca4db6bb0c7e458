import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadUdpBatch } from '../../native/udp_batch/udp-batch.ts';

const found = loadUdpBatch();
const skip = 'addon' in found ? false : found.reason;
const addon = 'addon' in found ? found.addon : undefined;

test('shortenSlices() is taken by the kernel', { skip }, () => {
  assert.equal(addon?.shortenSlices(100), true);
});

for (const micros of [0, -1, 'soon']) {
  test(`shortenSlices() refuses ${micros}`, { skip }, () => {
    assert.throws(() => addon?.shortenSlices(micros as number), { code: 'ERR_INVALID_ARG_VALUE' });
  });
}
