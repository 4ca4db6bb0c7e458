import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIp, fromBytes } from '../../src/base/ip.ts';
import {
  collect,
  formatEndpoint,
  parseCount,
  parseEndpoint,
  parseGeoFlag,
  parseText,
} from '../../src/cli/flags.ts';

test('parseEndpoint() reads what formatEndpoint() prints', () => {
  const octets = fc
    .constantFrom(4, 16)
    .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
  fc.assert(
    fc.property(octets, fc.integer({ min: 0, max: 65_535 }), (bytes, port) => {
      const endpoint = { host: formatIp(fromBytes(bytes)), port };
      assert.deepEqual(parseEndpoint(formatEndpoint(endpoint)), endpoint);
    }),
  );
  assert.deepEqual(parseEndpoint('[2001:db8::53]:53'), { host: '2001:db8::53', port: 53 });
  assert.deepEqual(parseEndpoint('[0:0::0]:53'), { host: '::', port: 53 });
});

test('parseEndpoint() refuses names, bare IPv6 addresses and ports that are none', () => {
  const bad = [
    '',
    ':53',
    '192.0.2.1',
    'localhost:53',
    '2001:db8::1:53',
    '1.2.3.4:65536',
    '1.2.3.4:x',
  ];
  for (const text of bad) assert.throws(() => parseEndpoint(text), /is not ADDR:PORT/, text);
});

test('parseGeoFlag() reads KIND=FILE, with = in the name of the file', () => {
  assert.deepEqual(parseGeoFlag('city=a=b.mmdb'), { kind: 'city', path: 'a=b.mmdb' });
  for (const text of ['', 'city', 'city=', 'town=x.mmdb', '=x']) {
    assert.throws(() => parseGeoFlag(text), /is not KIND=FILE/, text);
  }
});

test('parseCount() takes whole numbers within bounds', () => {
  const parse = parseCount(1, 256);
  assert.deepEqual([parse('1'), parse('256')], [1, 256]);
  for (const text of ['0', '257', '-1', '1.5', '1e2', '', ' 1', '0x10']) {
    assert.throws(() => parse(text), /from 1 to 256/, text);
  }
});

test('collect() keeps every value of an option that is given several times', () => {
  const parse = collect(Number);
  assert.deepEqual(parse('2', parse('1', undefined)), [1, 2]);
});

test('parseText() counts octets, not characters', () => {
  assert.equal(parseText(4)('fra1'), 'fra1');
  for (const text of ['', 'fra12', 'äöü']) {
    assert.throws(() => parseText(4)(text), /the text has [056] octets; use 1 to 4/, text);
  }
});
