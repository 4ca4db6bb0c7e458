import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIp, parseIp } from '../../src/base/ip.ts';
import { parseIpv4, parseIpv6 } from '../../src/base/parse-address.ts';

/** Texts that are addresses or nearly so. */
const nearlyAddress = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.tuple(fc.ipV6(), fc.constantFrom(':', '.', '%1', ' ', '::')).map((pair) => pair.join('')),
  fc
    .array(
      fc.tuple(
        fc.constantFrom('0', '1', '01', '255', '256', '1.2.3.4', 'fFfF', 'abcde', 'g', '', '%'),
        fc.constantFrom(':', ':', '::', '.', ':::'),
      ),
      { maxLength: 9 },
    )
    .map((pairs) => pairs.flat().slice(0, -1).join('')),
);

test('parseIpv4() takes exactly the dotted quads', () => {
  fc.assert(
    fc.property(nearlyAddress, (text) => {
      const expected = isIPv4(text)
        ? text.split('.').reduce((word, octet) => word * 256 + Number(octet), 0)
        : -1;
      assert.equal(parseIpv4(text), expected);
    }),
    { numRuns: 1000 },
  );
});

test('parseIpv6() takes exactly what the platform takes for IPv6, and reads it the same', () => {
  const firstWord = (address: string) => Number.parseInt(address.split(':')[0] || '0', 16);
  fc.assert(
    fc.property(nearlyAddress, (text) => {
      const octets = parseIpv6(text);
      assert.equal(octets !== undefined, isIPv6(text) && !text.includes('%'), text);
      if (octets === undefined) return;
      // The URL parser has its own reader, and prints in the canonical form.
      const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
      const parsed = parseIp(text);
      assert(parsed !== undefined);
      assert.equal(formatIp(parsed), canonical);
      assert.equal(((octets[0] ?? 0) << 8) | (octets[1] ?? 0), firstWord(canonical));
    }),
    { numRuns: 1000 },
  );
});

test('parseIp() reads a dotted quad at the end of an IPv6 address', () => {
  const table = [
    ['::192.0.2.33', '::c000:221'],
    ['::ffff:192.0.2.33', '::ffff:c000:221'],
    ['2001:db8:122:344::192.0.2.33', '2001:db8:122:344::c000:221'],
    ['1:2:3:4:5:6:192.0.2.33', '1:2:3:4:5:6:c000:221'],
  ] as const;
  for (const [text, canonical] of table) {
    const address = parseIp(text);
    assert(address !== undefined, text);
    assert.equal(formatIp(address), canonical);
  }
  assert.equal(parseIp('1:2:3:4:5:6:7:192.0.2.33'), undefined);
  assert.equal(parseIp('192.0.2.33::'), undefined);
});

test('parseIp() refuses zone ids, short quads, leading zeros and other bases', () => {
  for (const text of [
    '',
    'fe80::1%eth0',
    '127.1',
    '0x7f000001',
    '010.0.0.1',
    '1.2.3.4.5',
    '1.2.3.',
  ]) {
    assert.equal(parseIp(text), undefined, text);
  }
});
