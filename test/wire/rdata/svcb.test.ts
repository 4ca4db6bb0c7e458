import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { rdataCodec } from '../../../src/wire/rdata/registry.ts';
import { rrTypes } from '../../../src/wire/types.ts';
import { errorOf, hexOf, textOf } from './rdata-of.ts';

const fooCom = '03666f6f076578616d706c6503636f6d00';
const fooOrg = '03666f6f076578616d706c65036f726700';

describe('RFC 9460 Appendix D.1 and D.2', () => {
  const table: readonly (readonly [record: string, hex: string])[] = [
    ['HTTPS 0 foo.example.com.', `0000 ${fooCom}`],
    ['SVCB 1 .', '0001 00'],
    ['SVCB 16 foo.example.com. port=53', `0010 ${fooCom} 0003 0002 0035`],
    ['SVCB 1 foo.example.com. key667=hello', `0001 ${fooCom} 029b 0005 68656c6c6f`],
    [
      'SVCB 1 foo.example.com. key667="hello\\210qoo"',
      `0001 ${fooCom} 029b 0009 68656c6c6fd2716f6f`,
    ],
    [
      'SVCB 1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"',
      `0001 ${fooCom} 0006 0020 20010db8000000000000000000000001 20010db8000000000000000000530001`,
    ],
    [
      'SVCB 1 example.com. ipv6hint="2001:db8:122:344::192.0.2.33"',
      '0001 076578616d706c6503636f6d00 0006 0010 20010db8012203440000 0000c0000221',
    ],
    [
      'SVCB 16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1',
      `0010 ${fooOrg} 0000 0004 0001 0004 0001 0009 02 6832 05 68332d3139 0004 0004 c0000201`,
    ],
    [
      'SVCB 16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"',
      `0010 ${fooOrg} 0001 000c 08 665c6f6f2c626172 02 6832`,
    ],
    [
      'SVCB 16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2',
      `0010 ${fooOrg} 0001 000c 08 665c6f6f2c626172 02 6832`,
    ],
  ];
  for (const [record, hex] of table) {
    test(`${record} has its wire form and survives printing`, () => {
      assert.equal(hexOf(record), hex.replaceAll(' ', ''));
      assert.equal(hexOf(`${record.split(' ')[0]} ${textOf(record)}`), hex.replaceAll(' ', ''));
    });
  }
});

describe('RFC 9460 Appendix D.3: what must be refused', () => {
  const table: readonly (readonly [params: string, why: RegExp])[] = [
    ['key123=abc key123=def', /key123 twice; remove one/],
    ['mandatory', /mandatory value "" is not a key/],
    ['alpn', /alpn value "" has a protocol id of 0 octets/],
    ['port', /port value "" is no port/],
    ['ipv4hint', /ipv4hint value "" is not an IPv4 address/],
    ['ipv6hint', /ipv6hint value "" is not an IPv6 address/],
    ['no-default-alpn=abc', /no-default-alpn takes no value/],
    ['mandatory=key123', /lists key123, which is not there/],
    ['mandatory=mandatory', /lists "mandatory" itself/],
    ['mandatory=key123,key123 key123=abc', /lists key123 twice/],
  ];
  for (const [params, why] of table) {
    test(`SVCB 1 foo.example.com. ${params}`, () => {
      assert.match(errorOf(`SVCB 1 foo.example.com. ${params}`).message, why);
    });
  }
});

describe('SVCB parameters', () => {
  const refused: readonly (readonly [params: string, why: RegExp])[] = [
    ['alpn=h2,,h3', /protocol id of 0 octets/],
    [`alpn=${'a'.repeat(256)}`, /protocol id of 256 octets/],
    ['alpn="h2\\\\"', /lone backslash/],
    ['no-default-alpn', /stands without alpn/],
    ['port=65536', /"65536" is no port; write a number from 0 to 65535/],
    ['port=1,2', /"1,2" is no port/],
    ['port=\\053', /is no port/],
    ['ipv4hint=192.0.2.1,', /value "" is not an IPv4 address/],
    ['ipv4hint=::1', /"::1" is not an IPv4 address/],
    ['ipv6hint=192.0.2.1', /is not an IPv6 address/],
    ['ech=a', /not Base64/],
    ['ech', /ech has no value/],
    ['dohpath=/dns-query', /no path with the variable dns/],
    ['dohpath=dns-query{?dns}', /no path with the variable dns/],
    ['dohpath="/\\255{?dns}"', /no path with the variable dns/],
    ['ohttp=1', /takes no value/],
    ['ALPN=h2', /parameter "ALPN" is not known/],
    ['key65535=a', /parameter "key65535" is not known/],
    ['key065=a', /parameter "key065" is not known/],
    ['=x', /parameter "" is not known/],
    ['key3=a', /port has 1 octets and not 2/],
    ['key1=h2', /alpn has a protocol id that is cut short/],
    ['key3=ab port=1', /port twice/],
  ];
  for (const [params, why] of refused) {
    test(`HTTPS 1 . ${params} is refused`, () => {
      assert.match(errorOf(`HTTPS 1 . ${params}`).message, why);
    });
  }

  test('are printed in the order of their keys, in quotes only where needed', () => {
    const record =
      'HTTPS 1 . key9="a b" dohpath=/q{?dns} ech=AEj+DQ== port=8443 no-default-alpn alpn=h2,h3 ohttp';
    assert.equal(
      textOf(record),
      '1 . alpn=h2,h3 no-default-alpn port=8443 ech=AEj+DQ== dohpath=/q{?dns} ohttp key9="a b"',
    );
  });

  test('of known keys may be given by number, as octets', () => {
    assert.equal(hexOf('SVCB 1 . key3="\\000\\053"'), hexOf('SVCB 1 . port=53'));
    assert.equal(hexOf('SVCB 1 . key1="\\002h2"'), hexOf('SVCB 1 . alpn=h2'));
  });

  test('may have their quotes left on by whoever cut the fields', () => {
    const codec = rdataCodec(rrTypes.SVCB);
    const fields = ['1', '.', 'alpn="h2,h3"'].map((text) => ({ text, quoted: false }));
    assert.deepEqual(
      codec.parse(fields, '.'),
      Uint8Array.from(Buffer.from(hexOf('SVCB 1 . alpn=h2,h3'), 'hex')),
    );
  });
});

describe('SVCB rdata from elsewhere', () => {
  const malformed: readonly (readonly [hex: string, why: RegExp])[] = [
    ['0001 00 0003', /malformed at its parameters/],
    ['0001 00 0003 0003 0035', /malformed at its parameters/],
    ['0001 c000', /malformed at its target/],
    ['0001 00 0003 0002 0035 0001 0003 026832', /alpn is out of order/],
    ['0001 00 0003 0002 0035 0003 0002 0035', /port is out of order or twice/],
    ['0001 00 0001 0000', /alpn has no value/],
    ['0001 00 0001 0001 00', /alpn has an empty protocol id/],
    ['0001 00 0004 0000', /ipv4hint has 0 octets/],
    ['0001 00 0004 0005 c000020100', /ipv4hint has 5 octets/],
    ['0001 00 0006 0004 c0000201', /ipv6hint has 4 octets/],
    [
      '0001 00 0000 0004 0004 0001 0001 0003 026832 0004 0004 c0000201',
      /lists its keys out of order/,
    ],
    ['0001 00 0000 0001 00', /mandatory has 1 octets/],
    ['0001 00 ffff 0000', /65535 is set aside/],
  ];
  for (const [hex, why] of malformed) {
    test(`${hex} is refused`, () => {
      const rdata = Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
      const codec = rdataCodec(rrTypes.SVCB);
      assert.match(codec.validate(rdata)?.message ?? 'taken', why);
      assert.match(codec.format(rdata), /^\\# \d+ /);
    });
  }
});
