import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from '../../src/base/ip.ts';
import { stickyHash } from '../../src/policy/pick.ts';
import { weightThresholds } from '../../src/policy/program.ts';

const hashOf = (text: string): number => {
  const ip = parseIp(text)!;
  return stickyHash(ip.family, ip.words[0], ip.words[1]);
};

test('stickyHash() is one value per /24 and another for its neighbour', () => {
  assert.equal(hashOf('192.0.2.1'), hashOf('192.0.2.254'));
  assert.notEqual(hashOf('192.0.2.1'), hashOf('192.0.3.1'));
});

test('stickyHash() is one value per /56 and another for its neighbour', () => {
  assert.equal(hashOf('2001:db8:0:ff00::1'), hashOf('2001:db8:0:ffff:ffff::'));
  assert.notEqual(hashOf('2001:db8:0:ff00::1'), hashOf('2001:db8:0:fe00::1'));
  assert.notEqual(hashOf('2001:db8::1'), hashOf('2001:db9::1'));
});

test('stickyHash() tells the family in its lowest bit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), fc.nat(), (w0, w1) => {
      assert.equal(stickyHash(4, w0, 0) & 1, 0);
      assert.equal(stickyHash(6, w0, w1) & 1, 1);
    }),
  );
});

test('weightThresholds() rise to the end and follow the weights', () => {
  assert.deepEqual([...weightThresholds([1, 2, 1])], [0x4000_0000, 0xc000_0000, 0xffff_ffff]);
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 }),
      (weights) => {
        const thresholds = weightThresholds(weights);
        assert.equal(thresholds.at(-1), 0xffff_ffff);
        for (const [index, threshold] of thresholds.entries()) {
          assert.ok(threshold >= (thresholds[index - 1] ?? 0));
        }
      },
    ),
  );
});
