import assert from 'node:assert/strict';
import { test } from 'node:test';
import { halfSipHash13, sipHash24 } from '../../src/server/siphash.ts';

/** Octets 0, 1, 2 … as little-endian words, zeros behind. */
function counting(bytes: number): Int32Array {
  const octets = new Uint8Array((bytes + 16) & ~7).map((_, at) => (at < bytes ? at : 0));
  return Int32Array.from({ length: octets.length / 4 }, (_, word) =>
    new DataView(octets.buffer).getInt32(word * 4, true),
  );
}

/** The output as octets, as the reference implementation prints it. */
function hashHex(bytes: number): string {
  const out = new Int32Array(2);
  sipHash24(counting(16), 0, counting(bytes), bytes, out);
  const view = new DataView(new ArrayBuffer(8));
  view.setInt32(0, out[0] ?? 0, true);
  view.setInt32(4, out[1] ?? 0, true);
  return Buffer.from(view.buffer).toString('hex');
}

// The key is 00 01 … 0f, the input 00 01 …: the paper's Appendix A (15 octets) and the vectors of its
// reference implementation.
const vectors: readonly (readonly [number, string])[] = [
  [0, '310e0edd47db6f72'],
  [1, 'fd67dc93c539f874'],
  [2, '5a4fa9d909806c0d'],
  [7, '37d1018bf50002ab'],
  [8, '6224939a79f5f593'],
  [15, 'e545be4961ca29a1'],
  [16, 'db9bc2577fcc2a3f'],
  [20, '98eea21af25cd6be'],
  [32, 'ce7cf2722f512771'],
  [63, '724506eb4c328a95'],
];

for (const [bytes, hex] of vectors) {
  test(`sipHash24() of ${bytes} octets as in the reference implementation`, () => {
    assert.equal(hashHex(bytes), hex);
  });
}

test('sipHash24() reads its key where it is told', () => {
  const out = new Int32Array(2);
  sipHash24(Int32Array.of(9, 9, ...counting(16)), 2, counting(15), 15, out);
  assert.deepEqual(
    [...out].map((half) => (half >>> 0).toString(16)),
    ['49be45e5', 'a129ca61'],
  );
});

test('halfSipHash13() of 8 octets as in the Linux kernel (lib/tests/siphash_kunit.c)', () => {
  const hash = halfSipHash13(0x03020100, 0x07060504, 0x03020100, 0x07060504);
  assert.equal(hash >>> 0, 0x577999b1);
});

test('halfSipHash13() spreads neighbours over all sets', () => {
  const sets = new Int32Array(256);
  for (let address = 0; address < 65_536; address += 1) {
    sets[halfSipHash13(0x1234, 0x5678, 0xc0000000 + address, 0) & 255]! += 1;
  }
  // 256 each on average, with a standard deviation of 16.
  assert.ok(Math.min(...sets) > 176 && Math.max(...sets) < 336, `${[...sets]}`);
});
