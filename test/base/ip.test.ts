import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatIp,
  formatPrefix,
  fromBytes,
  maskIp,
  parseIp,
  parsePrefix,
  prefixHolds,
  sameIp,
  toBytes,
  unmapIp,
} from '../../src/base/ip.ts';

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** Often with long runs of zeros. */
const address = fc.oneof(
  octets(4),
  octets(16),
  octets(16).map((bytes) => bytes.map((octet) => (octet < 200 ? 0 : octet))),
);

test('formatIp() and parseIp() are inverse, and so are toBytes() and fromBytes()', () => {
  fc.assert(
    fc.property(address, (bytes) => {
      const ip = fromBytes(bytes);
      assert.deepEqual([...toBytes(ip)], [...bytes]);
      assert.deepEqual(parseIp(formatIp(ip)), ip);
    }),
  );
});

test('formatIp() prints IPv6 in its canonical form (RFC 5952 §4)', () => {
  const forms = [
    ['2001:0DB8::0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:0:0:0:0:0', '1::'],
  ];
  for (const [written, canonical] of forms) {
    const ip = parseIp(written ?? '') ?? assert.fail(written);
    assert.equal(formatIp(ip), canonical);
  }
});

test('parseIp() refuses what is no address', () => {
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '01.2.3.4',
    'fe80::1%eth0',
    ':::',
    'a',
  ]) {
    assert.equal(parseIp(text), undefined, text);
  }
});

test('maskIp() clears the bits beyond the length and no others', () => {
  fc.assert(
    fc.property(address, fc.integer({ min: 0, max: 128 }), (bytes, wanted) => {
      const length = Math.min(wanted, bytes.length * 8);
      const masked = toBytes(maskIp(fromBytes(bytes), length));
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const of = (list: Uint8Array) => ((list[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
        assert.equal(of(masked), bit < length ? of(bytes) : 0);
      }
    }),
  );
});

test('parsePrefix() reads what formatPrefix() prints, and prefixHolds() what lies inside', () => {
  fc.assert(
    fc.property(address, address, fc.integer({ min: 0, max: 128 }), (bytes, other, wanted) => {
      const length = Math.min(wanted, bytes.length * 8);
      const ip = fromBytes(bytes);
      const prefix = { address: maskIp(ip, length), length };
      assert.deepEqual(parsePrefix(formatPrefix(prefix)), prefix);
      assert.ok(prefixHolds(prefix, ip));
      const stranger = fromBytes(other);
      const inside =
        stranger.family === ip.family && sameIp(maskIp(stranger, length), prefix.address);
      assert.equal(prefixHolds(prefix, stranger), inside);
    }),
  );
});

test('parsePrefix() refuses bits beyond the length and lengths that are none', () => {
  const bad = [
    '192.0.2.1/24',
    '192.0.2.0/33',
    '::/129',
    '192.0.2.0/',
    '192.0.2.0/-1',
    '::/1e1',
    '/8',
  ];
  for (const text of bad) assert.equal(parsePrefix(text), undefined, text);
  assert.equal(parsePrefix('192.0.2.1')?.length, 32);
  assert.equal(parsePrefix('2001:db8::1')?.length, 128);
});

test('unmapIp() takes the IPv4 address out of ::ffff:0:0/96 alone (RFC 4291 §2.5.5.2)', () => {
  const unmapped = (text: string) => formatIp(unmapIp(parseIp(text) ?? assert.fail(text)));
  assert.equal(unmapped('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(unmapped('::192.0.2.1'), '::c000:201');
  assert.equal(unmapped('2001:db8::ffff:c000:201'), '2001:db8::ffff:c000:201');
  assert.equal(unmapped('192.0.2.1'), '192.0.2.1');
});
