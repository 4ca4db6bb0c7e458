import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatName } from '../../../src/wire/names.ts';
import { additionalNames, rdataCodec, rdataNames } from '../../../src/wire/rdata/registry.ts';
import { typeName, typeNumber } from '../../../src/wire/type-names.ts';
import { isRdataError, rrTypes } from '../../../src/wire/types.ts';
import { parseRecord } from './rdata-of.ts';

function rdataOf(record: string): [type: number, rdata: Uint8Array] {
  const rdata = parseRecord(record);
  if (isRdataError(rdata)) assert.fail(rdata.message);
  return [typeNumber(record.split(' ')[0] ?? '') ?? -1, rdata];
}

test('rdataNames() lets only names of RFC 1035 types be compressed (RFC 3597 §4)', () => {
  const records = [
    'NS a.',
    'CNAME a.',
    'SOA a. a. 1 2 3 4 5',
    'PTR a.',
    'MX 1 a.',
    'MB a.',
    'MG a.',
    'MR a.',
    'MINFO a. a.',
    'RP a. a.',
    'AFSDB 1 a.',
    'RT 1 a.',
    'PX 1 a. a.',
    'KX 1 a.',
    'SRV 1 2 3 a.',
    'NAPTR 1 2 "" "" "" a.',
    'DNAME a.',
    'SVCB 1 a.',
    'HTTPS 1 a.',
    'NSEC a. A',
    'RRSIG A 5 1 1 1 1 1 a. AQ==',
  ];
  const compressible = new Set<string>();
  for (const record of records) {
    const [type, rdata] = rdataOf(record);
    const names = rdataNames(type, rdata);
    assert.equal(names.length, record.split(' ').filter((word) => word === 'a.').length, record);
    for (const name of names) {
      assert.equal(formatName(rdata, name.at), 'a.');
      assert.equal(name.bytes, 3);
      if (name.compressible) compressible.add(typeName(type));
    }
  }
  const expected = ['NS', 'CNAME', 'SOA', 'PTR', 'MX', 'MB', 'MG', 'MR', 'MINFO'];
  assert.deepEqual([...compressible], expected);
});

test('rdataNames() finds nothing in types without names or without a codec', () => {
  assert.deepEqual(rdataNames(rrTypes.A, Uint8Array.of(1, 97, 0, 0)), []);
  assert.deepEqual(rdataNames(999, Uint8Array.of(1, 97, 0)), []);
});

describe('additionalNames()', () => {
  const table: readonly (readonly [record: string, names: readonly string[]])[] = [
    ['NS ns1.a.', ['ns1.a.']],
    ['MX 10 Mail.a.', ['Mail.a.']],
    ['MX 0 .', []],
    ['SRV 1 2 3 s.a.', ['s.a.']],
    ['SRV 1 2 3 .', []],
    ['NAPTR 1 1 "S" "" "" s.a.', ['s.a.']],
    ['NAPTR 1 1 "a" "" "" s.a.', ['s.a.']],
    ['NAPTR 1 1 "u" "" "!a!b!" .', []],
    ['NAPTR 1 1 "" "" "" next.a.', []],
    ['NAPTR 1 1 "sx" "" "" next.a.', []],
    ['HTTPS 1 svc.a. alpn=h2', ['svc.a.']],
    ['SVCB 0 svc.a.', ['svc.a.']],
    ['HTTPS 1 .', []],
    ['CNAME a.', []],
    ['SOA a. b. 1 2 3 4 5', []],
    ['PTR a.', []],
  ];
  for (const [record, names] of table) {
    test(`of ${record} are ${names.join(' ') || 'none'}`, () => {
      const [type, rdata] = rdataOf(record);
      assert.deepEqual(
        additionalNames(type, rdata).map((name) => formatName(name)),
        names,
      );
    });
  }
});

test('rdataCodec() validates what a type demands', () => {
  assert.equal(rdataCodec(rrTypes.A).validate(Uint8Array.of(1, 2, 3, 4)), undefined);
  assert.equal(rdataCodec(rrTypes.A).validate(Uint8Array.of(1, 2, 3))?.code, 'E_RDATA_SYNTAX');
  assert.equal(rdataCodec(rrTypes.TXT).validate(new Uint8Array(0))?.code, 'E_RDATA_SYNTAX');
  assert.equal(rdataCodec(rrTypes.TXT).validate(Uint8Array.of(0)), undefined);
  assert.equal(rdataCodec(999).validate(new Uint8Array(65_535)), undefined);
  assert.equal(rdataCodec(999).validate(new Uint8Array(65_536))?.code, 'E_RDATA_RANGE');
});

describe('validate() refuses', () => {
  const nsec = '016100';
  const table: readonly (readonly [what: string, type: number, hex: string])[] = [
    ['LOC of another version', rrTypes.LOC, '01121613 80000000 80000000 00989680'],
    ['LOC with a size digit over 9', rrTypes.LOC, '00a01613 80000000 80000000 00989680'],
    ['LOC with a size exponent over 9', rrTypes.LOC, '001a1613 80000000 80000000 00989680'],
    ['LOC beyond the pole', rrTypes.LOC, '00121613 934fd901 80000000 00989680'],
    ['LOC beyond 180 degrees', rrTypes.LOC, '00121613 80000000 a69fb201 00989680'],
    ['NSEC with a window twice', rrTypes.NSEC, `${nsec} 000140 000140`],
    ['NSEC with windows out of order', rrTypes.NSEC, `${nsec} 010140 000140`],
    ['NSEC with an empty window', rrTypes.NSEC, `${nsec} 0000`],
    ['NSEC with a window over 32 octets', rrTypes.NSEC, `${nsec} 0021 ${'01'.repeat(33)}`],
    ['NSEC with a window that ends with zeros', rrTypes.NSEC, `${nsec} 00024000`],
    ['NSEC with a window cut short', rrTypes.NSEC, `${nsec} 000240`],
    ['NSEC3 without a next hash', rrTypes.NSEC3, '01 00 0000 00 00'],
    ['CAA with an empty tag', rrTypes.CAA, '00 00 61'],
    ['CAA with a hyphen in its tag', rrTypes.CAA, '00 03 612d61 61'],
    ['a TXT string cut short', rrTypes.TXT, '02 61'],
    ['a compression pointer', rrTypes.NS, 'c00c'],
  ];
  for (const [what, type, hex] of table) {
    test(what, () => {
      const rdata = Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
      assert.equal(rdataCodec(type).validate(rdata)?.code, 'E_RDATA_SYNTAX');
    });
  }

  test('LOC only beyond the pole, not at it', () => {
    const rdata = Uint8Array.from(Buffer.from('00121613934fd9008000000000989680', 'hex'));
    assert.equal(rdataCodec(rrTypes.LOC).validate(rdata), undefined);
  });
});
