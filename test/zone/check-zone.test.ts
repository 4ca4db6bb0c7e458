import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../src/base/errors.ts';
import { limits } from '../../src/base/limits.ts';
import { STEER } from '../../src/wire/types.ts';
import { checkZone } from '../../src/zone/check-zone.ts';
import { zoneOf } from '../../src/zone/edit-zone.ts';
import { readZoneText } from '../../src/zone/read-zone.ts';

/** Three lines that make any text a whole zone; the text begins at line 4. */
const apex = '$TTL 9\n@ SOA ns.example.net. host.example.net. 1 2 3 4 5\n@ NS ns.example.net.\n';

/** Problems as `line code`, warnings with `w` before the code. */
function check(text: string): string[] {
  const { problems } = readZoneText(text, { origin: 'example.com', file: 'x' });
  return problems.map(({ code, where, severity }) => {
    return `${where?.split(':')[1] ?? '-'} ${severity === 'warning' ? 'w ' : ''}${code}`;
  });
}

const many = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

const rules: readonly (readonly [string, string, string[]])[] = [
  ['CNAME beside A', 'a CNAME b\na A 192.0.2.1', ['4 E_ZONE_CNAME_CONFLICT']],
  ['CNAME beside STEER', 'a STEER web\na CNAME b', ['5 E_ZONE_CNAME_CONFLICT']],
  [
    'CNAME beside TXT of the same name in capitals',
    'a CNAME b\nA TXT x',
    ['4 E_ZONE_CNAME_CONFLICT'],
  ],
  ['CNAME at the apex', '@ CNAME b', ['4 E_ZONE_CNAME_CONFLICT']],
  ['two CNAMEs', 'a CNAME b\na CNAME c', ['4 E_ZONE_CNAME_CONFLICT']],
  ['the same CNAME twice', 'a CNAME b\na CNAME B', ['5 w E_ZONE_DUPLICATE']],
  ['CNAME beside DNAME', 'a CNAME b\na DNAME c', ['4 E_ZONE_CNAME_CONFLICT']],
  ['CNAME beside its RRSIG and NSEC', 'a CNAME b\na NSEC b CNAME RRSIG NSEC', []],
  ['two DNAMEs', 'a DNAME b.example.net.\na DNAME c.example.net.', ['4 E_ZONE_DNAME_CONFLICT']],
  ['DNAME beside A', 'a DNAME b.example.net.\na A 192.0.2.1', []],
  [
    'DNAME beside NS below the apex',
    'a DNAME b.example.net.\na NS ns.example.net.',
    ['4 E_ZONE_DNAME_CONFLICT', '4 w E_ZONE_OCCLUDED'],
  ],
  [
    'data below a DNAME',
    'a DNAME b.example.net.\nc.b.a A 192.0.2.1\nba A 192.0.2.1',
    ['5 E_ZONE_DNAME_CONFLICT'],
  ],
  ['DNAME at the apex', '@ DNAME example.net.', []],
  [
    'data below a DNAME at the apex',
    '@ DNAME example.net.\nwww A 192.0.2.1',
    ['5 E_ZONE_DNAME_CONFLICT'],
  ],
  ['DNAME at a wildcard', '*.a DNAME b.example.net.', ['4 w E_ZONE_DNAME_CONFLICT']],
  ['a second SOA', '@ SOA a.example.net. b.example.net. 2 2 3 4 5', ['2 E_ZONE_SOA']],
  [
    'the same SOA twice',
    '@ SOA ns.example.net. host.example.net. 1 2 3 4 5',
    ['4 w E_ZONE_DUPLICATE'],
  ],
  ['SOA below the apex', 'a SOA a.example.net. b.example.net. 1 2 3 4 5', ['4 E_ZONE_SOA']],
  ['NS at a wildcard', '*.a NS ns.example.net.', ['4 w E_ZONE_NS']],
  ['NS without an address in the zone', '@ NS ns', ['3 w E_ZONE_GLUE']],
  ['NS whose address a wildcard gives', '@ NS ns.b\n*.b A 192.0.2.1', []],
  ['NS that is steered', '@ NS ns\nns STEER web', []],
  ['NS that is a CNAME', '@ NS ns\nns CNAME a\na A 192.0.2.1', ['3 w E_ZONE_TARGET']],
  [
    'MX and SRV to a CNAME',
    'a MX 1 b\n_x._tcp SRV 0 0 1 b\nb CNAME c.example.net.',
    ['4 w E_ZONE_TARGET', '5 w E_ZONE_TARGET'],
  ],
  ['MX to nowhere', 'a MX 1 b', ['4 w E_ZONE_TARGET']],
  ['null MX and absent service', 'a MX 0 .\n_x._tcp SRV 0 0 0 .', []],
  [
    'MX to an address',
    'a MX 1 192.0.2.1\nb MX 1 192.0.2.1.',
    ['4 w E_ZONE_TARGET', '5 w E_ZONE_TARGET'],
  ],
  ['a delegation without glue', 'a NS ns.a', ['4 w E_ZONE_GLUE']],
  ['a delegation with glue', 'a NS ns.a\nns.a AAAA 2001:db8::1', []],
  ['a delegation to itself with glue', 'a NS a\na A 192.0.2.1', []],
  ['a delegation to a server of another delegation', 'a NS ns.b\nb NS ns.b\nns.b A 192.0.2.1', []],
  [
    'a delegation to a server that another delegation would have to name',
    'a NS x.b\nb NS ns.example.net.',
    [],
  ],
  [
    'data at and below a zone cut',
    'a NS ns.example.net.\na TXT x\nb.a A 192.0.2.1\nc.b.a MX 1 @',
    ['5 w E_ZONE_OCCLUDED', '6 w E_ZONE_OCCLUDED', '7 w E_ZONE_OCCLUDED', '7 w E_ZONE_TARGET'],
  ],
  [
    'a delegation below a delegation',
    'a NS ns.example.net.\nb.a NS ns.example.net.',
    ['5 w E_ZONE_OCCLUDED'],
  ],
  ['DS at a delegation', 'a NS ns.example.net.\na DS 1 8 2 00', ['5 E_RDATA_SYNTAX']],
  ['a CNAME to itself', 'a CNAME a', ['4 w E_ZONE_ALIAS']],
  [
    'a loop of CNAMEs',
    'a CNAME b\nb CNAME a\nc CNAME a',
    ['4 w E_ZONE_ALIAS', '5 w E_ZONE_ALIAS', '6 w E_ZONE_ALIAS'],
  ],
  ['a loop by a wildcard', '*.w CNAME x.w', ['4 w E_ZONE_ALIAS']],
  ['a wildcard beside a loop', '*.w CNAME x.w\nx.w A 192.0.2.1', []],
  ['a chain of eight CNAMEs', many(8, (index) => `a${index} CNAME a${index + 1}`), []],
  ['a chain of nine', many(9, (index) => `a${index} CNAME a${index + 1}`), ['4 w E_ZONE_ALIAS']],
  ['a CNAME out of the zone', 'a CNAME b.example.net.', []],
  ['DS without a delegation', `a DS 1 8 2 ${'00'.repeat(32)}`, ['4 w E_ZONE_DS']],
  ['DS at the apex', `@ DS 1 8 2 ${'00'.repeat(32)}`, ['4 w E_ZONE_DS']],
  ['STEER beside A', 'a STEER web\na A 192.0.2.1', ['4 E_ZONE_STEER_CONFLICT']],
  ['STEER beside AAAA', 'a AAAA 2001:db8::1\na STEER web', ['5 E_ZONE_STEER_CONFLICT']],
  ['two STEERs', 'a STEER web\na STEER api', ['4 E_ZONE_STEER_CONFLICT']],
  ['STEER beside other types', '@ STEER web\n@ MX 0 .\n@ TXT x\n@ HTTPS 1 .', []],
  ['STEER at a zone cut', 'a NS ns.example.net.\na STEER web', ['5 E_ZONE_STEER']],
  ['STEER below a zone cut', 'a NS ns.example.net.\n*.b.a STEER web', ['5 E_ZONE_STEER']],
  ['an owner with the origin twice', 'www.example.com A 192.0.2.1', ['4 w E_ZONE_DOT']],
  ['a target with the origin twice', 'a CNAME www.example.com', ['4 w E_ZONE_DOT']],
  ['an RRset at its limit', many(limits.rrsPerRrset, (index) => `a TXT ${index}`), []],
  [
    'an RRset over its limit',
    many(limits.rrsPerRrset + 50, (index) => `a TXT ${index}`),
    ['4 E_ZONE_RRSET_TOO_LARGE'],
  ],
  [
    'an RRset over a message',
    many(50, (index) => `a TXT ${index}${` ${'x'.repeat(250)}`.repeat(6)}`),
    ['4 E_ZONE_RRSET_TOO_LARGE'],
  ],
];

for (const [what, text, expected] of rules) {
  test(`checkZone() on ${what}: ${expected.join(', ') || 'nothing'}`, () => {
    assert.deepEqual(check(apex + text), expected);
  });
}

test('checkZone() does not miss addresses that may be in a line with an error', () => {
  const mail = '@ MX 10 mail\n';
  assert.deepEqual(check(`${apex}${mail}mail TXT x`), ['4 w E_ZONE_TARGET']);
  assert.deepEqual(check(`${apex}${mail}mail TXT x\nmail A 300.1.1.1`), ['6 E_RDATA_SYNTAX']);
  assert.deepEqual(check(`${apex}${mail}mail TXT x\nmail`), ['6 E_ZONE_SYNTAX']);
  assert.deepEqual(check(`${apex}${mail}mail TXT "x`), ['5 E_ZONE_SYNTAX']);
});

test('checkZone() words a conflict with the offending value and the remedy', () => {
  const { problems } = readZoneText(`${apex}www CNAME b\nwww A 192.0.2.1\n`, {
    origin: 'example.com',
    file: 'zones/example.com.zone',
  });
  assert.deepEqual(problems.map(formatProblem), [
    'zones/example.com.zone:4: CNAME at "www" beside A; remove one (E_ZONE_CNAME_CONFLICT)',
  ]);
});

test('checkZone() checks zones that no file was read for', () => {
  const origin = 'example.com.';
  const name = (text: string) => new TextEncoder().encode(text);
  const zone = zoneOf(origin, [
    ['example.net.', { owner: 'example.net.', type: 1, ttl: 9, rdatas: [new Uint8Array(4)] }],
    ['a.example.com.', { owner: 'a.example.com.', type: STEER, ttl: 9, rdatas: [name('Web')] }],
    [
      'b.example.com.',
      { owner: 'b.example.com.', type: 1, ttl: undefined, rdatas: [new Uint8Array(4)] },
    ],
    ['c.example.com.', { owner: 'c.example.com.', type: 1, ttl: 1e6, rdatas: [new Uint8Array(4)] }],
    ['d.example.com.', { owner: 'd.example.com.', type: 255, ttl: 1, rdatas: [new Uint8Array(4)] }],
  ]);
  assert.deepEqual(
    checkZone(zone)
      .map(({ code }) => code)
      .sort(),
    [
      'E_ZONE_NS',
      'E_ZONE_OUTSIDE',
      'E_ZONE_SOA',
      'E_ZONE_STEER',
      'E_ZONE_TTL',
      'E_ZONE_TTL_RANGE',
      'E_ZONE_TYPE',
    ],
  );
});
