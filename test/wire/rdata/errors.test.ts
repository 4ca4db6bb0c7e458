import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../../src/base/errors.ts';
import { errorOf } from './rdata-of.ts';

const table: readonly (readonly [record: string, code: ErrorCode, message: RegExp])[] = [
  ['A', 'E_RDATA_SYNTAX', /A misses its address; write A <address>/],
  ['A 192.0.2.1 192.0.2.2', 'E_RDATA_SYNTAX', /"192.0.2.2" too many; write A <address>/],
  ['A 192.0.2.256', 'E_RDATA_SYNTAX', /"192.0.2.256" is not an IPv4 address/],
  ['A 192.0.2', 'E_RDATA_SYNTAX', /not an IPv4 address/],
  ['A 192.0.02.1', 'E_RDATA_SYNTAX', /not an IPv4 address/],
  ['A 2001:db8::1', 'E_RDATA_SYNTAX', /use AAAA for it/],
  ['AAAA 192.0.2.1', 'E_RDATA_SYNTAX', /use A for it/],
  ['AAAA 2001:db8::1::2', 'E_RDATA_SYNTAX', /not an IPv6 address/],
  ['MX 10', 'E_RDATA_SYNTAX', /misses its exchange; write MX <preference> <exchange>/],
  [
    'MX mail 10',
    'E_RDATA_SYNTAX',
    /preference "mail" is not a number; write a number from 0 to 65535/,
  ],
  ['MX 65536 mail', 'E_RDATA_RANGE', /preference "65536" is out of range; write 0 to 65535/],
  ['MX -1 mail', 'E_RDATA_SYNTAX', /"-1" is not a number/],
  ['MX 10 a..b', 'E_NAME_SYNTAX', /MX exchange: name "a..b" has an empty label/],
  [`NS ${'a'.repeat(64)}`, 'E_NAME_TOO_LONG', /NS host: name "a+" has a label over 63 octets/],
  ['SOA ns1 host@a.com. 1 2 3 4 5', 'E_RDATA_SYNTAX', /mail address; write host\.a\.com\./],
  ['SOA ns1 j.doe@a.com 1 2 3 4 5', 'E_RDATA_SYNTAX', /write j\\\.doe\.a\.com\./],
  ['SOA ns1 host 4294967296 2 3 4 5', 'E_RDATA_RANGE', /serial "4294967296" is out of range/],
  ['SOA ns1 host 1h 2 3 4 5', 'E_RDATA_SYNTAX', /serial "1h" is not a number/],
  ['SOA ns1 host 1 7102w 3 4 5', 'E_RDATA_RANGE', /refresh "7102w" is out of range/],
  ['SOA ns1 host 1 2x 3 4 5', 'E_RDATA_SYNTAX', /refresh "2x" .* a period as 1h30m/],
  ['SOA ns1 host 1 2 3 4', 'E_RDATA_SYNTAX', /misses its minimum/],
  [
    `TXT ${'a'.repeat(256)}`,
    'E_RDATA_RANGE',
    /is 256 octets; a string holds at most 255, split it/,
  ],
  ['TXT', 'E_RDATA_SYNTAX', /misses its text/],
  ['TXT \\300', 'E_RDATA_SYNTAX', /malformed escape/],
  ['HINFO a', 'E_RDATA_SYNTAX', /misses its os/],
  ['SRV 0 0 70000 a.', 'E_RDATA_RANGE', /port "70000" is out of range/],
  ['NAPTR 1 1 "u!" "" "" .', 'E_RDATA_SYNTAX', /flags "u!" hold more than letters and digits/],
  ['URI 1 1 ""', 'E_RDATA_SYNTAX', /target is empty/],
  ['CAA 256 issue a', 'E_RDATA_RANGE', /flags "256" is out of range; write 0 to 255/],
  ['CAA 0 is-sue a', 'E_RDATA_SYNTAX', /tag "is-sue" is not of letters and digits/],
  ['CAA 0 issue', 'E_RDATA_SYNTAX', /misses its value/],
  ['SSHFP 1 1 abcd', 'E_RDATA_SYNTAX', /digest of type 1 is 2 octets and must be 20/],
  ['SSHFP 1 2 xyz', 'E_RDATA_SYNTAX', /"xyz" is not hex/],
  ['SSHFP 1 3 abc', 'E_RDATA_SYNTAX', /odd number of hex digits/],
  ['TLSA 3 1 2 abcd', 'E_RDATA_SYNTAX', /is 2 octets and must be 64/],
  ['TLSA 3 1 0', 'E_RDATA_SYNTAX', /misses its data/],
  ['DS 1 13 2 abcd', 'E_RDATA_SYNTAX', /digest of type 2 is 2 octets and must be 32/],
  ['DS 1 FOO 2 abcd', 'E_RDATA_SYNTAX', /algorithm "FOO" is not a number; .* or its mnemonic/],
  ['DNSKEY 257 4 13 AQ==', 'E_RDATA_SYNTAX', /protocol 4 must be 3/],
  ['DNSKEY 257 3 13 A_==', 'E_RDATA_SYNTAX', /"A_==" is not Base64/],
  ['OPENPGPKEY AQ', 'E_RDATA_SYNTAX', /not Base64/],
  ['NSEC a. NOTYPE', 'E_TYPE_UNKNOWN', /types "NOTYPE" is no type/],
  ['NSEC a. STEER', 'E_TYPE_UNKNOWN', /types "STEER" is no type/],
  ['NSEC3 1 0 0 - 000', 'E_RDATA_SYNTAX', /not Base32hex/],
  ['NSEC3 1 0 0 - 01', 'E_RDATA_SYNTAX', /not Base32hex/],
  ['NSEC3 1 0 0 - 0W', 'E_RDATA_SYNTAX', /not Base32hex/],
  ['RRSIG A 5 3 1 21060207062816 20030220173103 1 a. AQ==', 'E_RDATA_RANGE', /is no moment/],
  [
    'RRSIG A 5 3 1 20030231000000 20030220173103 1 a. AQ==',
    'E_RDATA_RANGE',
    /"20030231000000" is no moment/,
  ],
  ['LOC 91 N 0 E 0', 'E_RDATA_RANGE', /latitude degrees "91" are out of range; write 0 to 90/],
  ['LOC 90 0 1 N 0 E 0', 'E_RDATA_RANGE', /latitude is over 90 degrees/],
  ['LOC 1 N 181 E 0', 'E_RDATA_RANGE', /longitude degrees "181"/],
  ['LOC 1 60 N 1 E 0', 'E_RDATA_RANGE', /minutes "60" are out of range; write 0 to 59/],
  ['LOC 1 E 1 N 0', 'E_RDATA_SYNTAX', /latitude holds "E"/],
  ['LOC 1 N 1', 'E_RDATA_SYNTAX', /longitude is cut short/],
  ['LOC 1 N 1 E', 'E_RDATA_SYNTAX', /misses its altitude/],
  ['LOC 1 N 1 E 42849672.96m', 'E_RDATA_RANGE', /altitude "42849672.96m" is out of range/],
  ['LOC 1 N 1 E -100000.01m', 'E_RDATA_RANGE', /altitude "-100000.01m" is out of range/],
  ['LOC 1 N 1 E 0 90000000.01m', 'E_RDATA_RANGE', /size "90000000.01m" is out of range/],
  ['LOC 1 N 1 E 0 1 2 3 4', 'E_RDATA_SYNTAX', /"4" too many/],
  ['A \\# 3 0a0000', 'E_RDATA_SYNTAX', /A rdata of 3 octets is malformed at its address/],
  ['A \\# 5 0a00000000', 'E_RDATA_SYNTAX', /1 octets too many/],
  ['A \\# 3 0a000001', 'E_RDATA_SYNTAX', /announces 3 octets and gives 4/],
  ['A \\# 4 0a0000', 'E_RDATA_SYNTAX', /announces 4 octets and gives 3/],
  ['A \\#', 'E_RDATA_SYNTAX', /misses its length/],
  ['A \\# x', 'E_RDATA_RANGE', /length "x" is not a number from 0 to 65535/],
  ['MX \\# 4 000ac00c', 'E_RDATA_SYNTAX', /malformed at its exchange/],
  ['SOA \\# 2 0000', 'E_RDATA_SYNTAX', /malformed at its serial/],
  ['TYPE999 \\# 1 0', 'E_RDATA_SYNTAX', /odd number of hex digits/],
  ['TYPE999 abc', 'E_RDATA_SYNTAX', /TYPE999 has no text form here; write \\# <length> <hex>/],
  ['TYPE999', 'E_RDATA_SYNTAX', /no text form/],
  ['STEER', 'E_RDATA_SYNTAX', /misses its service/],
  ['STEER ""', 'E_RDATA_SYNTAX', /service is empty/],
  [`STEER ${'a'.repeat(64)}`, 'E_RDATA_RANGE', /is 64 octets/],
];

describe('parse() refuses', () => {
  for (const [record, code, message] of table) {
    test(`${record.length > 60 ? `${record.slice(0, 60)}…` : record} with ${code}`, () => {
      const error = errorOf(record);
      assert.match(error.message, message);
      assert.equal(error.code, code);
    });
  }

  test('rdata over 65,535 octets with E_RDATA_RANGE', () => {
    const record = `TXT${` ${'a'.repeat(255)}`.repeat(257)}`;
    assert.equal(errorOf(record).code, 'E_RDATA_RANGE');
    assert.match(errorOf(record).message, /over 65535 octets/);
  });

  test('long values without repeating them whole', () => {
    assert(errorOf(`A ${'x'.repeat(10_000)}`).message.length < 200);
    assert(errorOf(`TXT ${'x'.repeat(10_000)}`).message.length < 250);
  });

  test('control characters without repeating them raw', () => {
    assert.match(errorOf('A \u001b[31m').message, /"\\u\{1b\}\[31m"/);
  });
});
