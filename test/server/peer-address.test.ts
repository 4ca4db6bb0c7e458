import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIp, parseIp, unmapIp } from '../../src/base/ip.ts';
import { readPeerAddress } from '../../src/server/peer-address.ts';

function check(text: string): void {
  const parsed = parseIp(text);
  assert.ok(parsed, text);
  const { family, words } = unmapIp(parsed);
  const peer = new Int32Array(5);
  assert.equal(readPeerAddress(text, peer), true, text);
  assert.deepEqual([...peer], [family, ...words.map((word) => word | 0)], text);
}

test('readPeerAddress() reads what parseIp reads', () => {
  fc.assert(fc.property(fc.ipV4(), check));
  fc.assert(fc.property(fc.ipV6(), check), { numRuns: 1000 });
  const word = fc.constantFrom(0, 1, 0xffff, 0x10000, 0xffff0000, 0xffffffff);
  fc.assert(
    fc.property(fc.tuple(word, word, word, word), (words) => check(formatIp({ family: 6, words }))),
  );
});

test('readPeerAddress() leaves zone ids out and unmaps IPv4', () => {
  const peer = new Int32Array(5);
  assert.equal(readPeerAddress('fe80::1%eth0', peer), true);
  assert.deepEqual([...peer], [6, 0xfe800000 | 0, 0, 0, 1]);
  assert.equal(readPeerAddress('::ffff:192.0.2.1', peer), true);
  assert.deepEqual([...peer], [4, 0xc0000201 | 0, 0, 0, 0]);
});

test('readPeerAddress() refuses what is no address', () => {
  const peer = new Int32Array(5);
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.256',
    '1:2:3',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    'g::',
    '1:',
    ':1',
  ]) {
    assert.equal(readPeerAddress(text, peer), false, text);
  }
  fc.assert(fc.property(fc.string(), (text) => void readPeerAddress(text, peer)));
});
