import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { maskIp, parsePrefix } from '../../src/base/ip.ts';
import {
  decodeEdnsOption,
  decodeEdnsOptions,
  type EdnsOption,
  encodeEdnsOption,
  encodeEdnsOptions,
} from '../../src/wire/edns.ts';
import { ednsOptions } from '../../src/wire/types.ts';
import { octets } from './arbitrary.ts';

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function subnet(prefixText: string, scopePrefixLength: number): EdnsOption {
  const prefix = parsePrefix(prefixText);
  assert(prefix !== undefined);
  return { kind: 'clientSubnet', prefix, scopePrefixLength };
}

describe('EDNS options on the wire', () => {
  const table: readonly (readonly [what: string, hex: string, option: EdnsOption])[] = [
    ['client subnet, IPv4 (RFC 7871 §6)', '0008 0007 0001 18 00 c00002', subnet('192.0.2.0/24', 0)],
    ['client subnet, partial octet', '0008 0007 0001 14 10 0a0010', subnet('10.0.16.0/20', 16)],
    [
      'client subnet, IPv6',
      '0008 000b 0002 38 30 20010db8abcdef',
      subnet('2001:db8:abcd:ef00::/56', 48),
    ],
    ['client subnet that tells nothing', '0008 0004 0001 00 00', subnet('0.0.0.0/0', 0)],
    ['NSID request (RFC 5001)', '0003 0000', { kind: 'nsid', identity: new Uint8Array(0) }],
    ['NSID', '0003 0002 6e31', { kind: 'nsid', identity: bytes('6e31') }],
    [
      'client cookie (RFC 7873 §4.1)',
      '000a 0008 0102030405060708',
      { kind: 'cookie', client: bytes('0102030405060708') },
    ],
    [
      'both cookies',
      '000a 0010 0102030405060708 1112131415161718',
      { kind: 'cookie', client: bytes('0102030405060708'), server: bytes('1112131415161718') },
    ],
    ['keepalive request (RFC 7828)', '000b 0000', { kind: 'tcpKeepalive' }],
    ['keepalive', '000b 0002 0064', { kind: 'tcpKeepalive', timeout100Ms: 100 }],
    ['padding (RFC 7830)', '000c 0003 000000', { kind: 'padding', paddingBytes: 3 }],
    [
      'extended error (RFC 8914)',
      '000f 0005 0016 c3a921',
      { kind: 'extendedError', infoCode: 22, text: '\u00e9!' },
    ],
    ['an unknown option', 'fde9 0001 07', { kind: 'other', code: 65001, data: bytes('07') }],
  ];
  for (const [what, hex, option] of table) {
    test(`decodeEdnsOptions() and encodeEdnsOptions() agree on ${what}`, () => {
      assert.deepEqual(decodeEdnsOptions(bytes(hex)), [option]);
      assert.deepEqual(encodeEdnsOptions([option]), bytes(hex));
    });
  }
});

describe('decodeEdnsOption() takes as "other" what is malformed', () => {
  const table: readonly (readonly [what: string, code: number, hex: string])[] = [
    ['client subnet with bits beyond its prefix', ednsOptions.CLIENT_SUBNET, '0001 14 00 0a0011'],
    ['client subnet with too many octets', ednsOptions.CLIENT_SUBNET, '0001 10 00 0a0000'],
    ['client subnet with too few octets', ednsOptions.CLIENT_SUBNET, '0001 18 00 0a00'],
    ['client subnet cut short', ednsOptions.CLIENT_SUBNET, '0001 00'],
    ['client subnet over 32 bits', ednsOptions.CLIENT_SUBNET, '0001 21 00 0a00000000'],
    ['client subnet with a scope over 32 bits', ednsOptions.CLIENT_SUBNET, '0001 08 21 0a'],
    ['client subnet of an unknown family', ednsOptions.CLIENT_SUBNET, '0003 08 00 0a'],
    ['cookie of 7 octets', ednsOptions.COOKIE, '01020304050607'],
    ['cookie of 9 octets', ednsOptions.COOKIE, '010203040506070809'],
    ['cookie of 41 octets', ednsOptions.COOKIE, '00'.repeat(41)],
    ['keepalive of 1 octet', ednsOptions.TCP_KEEPALIVE, '00'],
    ['padding with content', ednsOptions.PADDING, '0001'],
    ['extended error of 1 octet', ednsOptions.EXTENDED_ERROR, '00'],
    ['extended error that is not UTF-8', ednsOptions.EXTENDED_ERROR, '0000ff'],
  ];
  for (const [what, code, hex] of table) {
    test(what, () => {
      assert.deepEqual(decodeEdnsOption(code, bytes(hex)), {
        kind: 'other',
        code,
        data: bytes(hex),
      });
    });
  }
});

test('decodeEdnsOptions() is undefined when an option runs over the end', () => {
  assert.equal(decodeEdnsOptions(bytes('0003 00')), undefined);
  assert.equal(decodeEdnsOptions(bytes('0003 0001')), undefined);
  assert.deepEqual(decodeEdnsOptions(new Uint8Array(0)), []);
});

test('encodeEdnsOption() clears the bits beyond the prefix', () => {
  const whole = parsePrefix('192.0.2.255/32');
  assert(whole !== undefined);
  const prefix = { address: whole.address, length: 24 };
  const { data } = encodeEdnsOption({ kind: 'clientSubnet', prefix, scopePrefixLength: 0 });
  assert.deepEqual(data, bytes('0001 18 00 c00002'));
  assert.notDeepEqual(maskIp(whole.address, 24), whole.address);
});

test('encodeEdnsOption() gives back the octets that decodeEdnsOption() read, whatever they are', () => {
  const code = fc.oneof(fc.constantFrom(...Object.values(ednsOptions)), fc.nat(65535));
  fc.assert(
    fc.property(code, octets(44), (optionCode, data) => {
      const encoded = encodeEdnsOption(decodeEdnsOption(optionCode, data));
      assert.deepEqual(encoded, { code: optionCode, data });
    }),
    { numRuns: 500 },
  );
});
