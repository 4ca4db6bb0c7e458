import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatProblem, type Problem } from '../../src/base/errors.ts';
import { limits } from '../../src/base/limits.ts';
import { rdataCodec } from '../../src/wire/rdata/registry.ts';
import { typeName } from '../../src/wire/type-names.ts';
import { readZoneText } from '../../src/zone/read-zone.ts';
import type { ZoneReading } from '../../src/zone/zone.ts';

/** Two lines that make any text a whole zone. */
const apex = '@ 60 SOA ns.example.net. host.example.net. 1 2 3 4 5\n@ 60 NS ns.example.net.\n';

function read(text: string, files: Readonly<Record<string, string>> = {}): ZoneReading {
  return readZoneText(text, {
    origin: 'example.com',
    file: 'zones/x.zone',
    readInclude: (path) => {
      return files[path] ?? { code: 'E_ZONE_INCLUDE', message: `"${path}" is not there; mend it` };
    },
  });
}

/** Each record as `owner ttl type rdata`, the apex's SOA and NS left out. */
function records({ zone, problems }: ZoneReading): string[] {
  assert.ok(zone, problems.map(formatProblem).join('\n'));
  const lines: string[] = [];
  for (const [key, node] of zone.nodes) {
    for (const rrset of node.values()) {
      if (key === zone.origin && (rrset.type === 6 || rrset.type === 2)) continue;
      const codec = rdataCodec(rrset.type);
      for (const rdata of rrset.rdatas) {
        lines.push(`${rrset.owner} ${rrset.ttl} ${typeName(rrset.type)} ${codec.format(rdata)}`);
      }
    }
  }
  return lines;
}

const lines = (problems: readonly Problem[]) => problems.map(formatProblem);

const understood: readonly (readonly [string, string, string[]])[] = [
  [
    'relative and absolute owners',
    'a 9 A 192.0.2.1\nb.example.com. 9 A 192.0.2.1',
    ['a.example.com. 9 A 192.0.2.1', 'b.example.com. 9 A 192.0.2.1'],
  ],
  ['@ as the origin', '@ 9 A 192.0.2.1', ['example.com. 9 A 192.0.2.1']],
  [
    'blank owners as the previous one',
    'a 9 A 192.0.2.1\n\n  9 A 192.0.2.2\n\t9 MX 1 @',
    [
      'a.example.com. 9 A 192.0.2.1',
      'a.example.com. 9 A 192.0.2.2',
      'a.example.com. 9 MX 1 example.com.',
    ],
  ],
  [
    'the case of owners',
    'WwW 9 A 192.0.2.1\nwww 9 A 192.0.2.2',
    ['WwW.example.com. 9 A 192.0.2.1', 'WwW.example.com. 9 A 192.0.2.2'],
  ],
  [
    'escaped owners, in one spelling',
    'a\\.b 9 TXT x\na\\046b 9 A 192.0.2.1\n\\(\\032\\255 9 TXT y',
    [
      'a\\.b.example.com. 9 TXT "x"',
      'a\\.b.example.com. 9 A 192.0.2.1',
      '\\(\\032\\255.example.com. 9 TXT "y"',
    ],
  ],
  [
    'a name that only looks as if it were in the zone',
    '$TTL 9\na\\.example.com A 192.0.2.1',
    ['a\\.example.com.example.com. 9 A 192.0.2.1'],
  ],
  [
    'TTL and class in either order',
    'a 9 IN A 192.0.2.1\nb IN 9 A 192.0.2.1\nc class1 9 a 192.0.2.1',
    [
      'a.example.com. 9 A 192.0.2.1',
      'b.example.com. 9 A 192.0.2.1',
      'c.example.com. 9 A 192.0.2.1',
    ],
  ],
  [
    'TTL units in either case',
    'a 1h30m A 192.0.2.1\nb 1D A 192.0.2.1\nc 0 A 192.0.2.1',
    [
      'a.example.com. 5400 A 192.0.2.1',
      'b.example.com. 86400 A 192.0.2.1',
      'c.example.com. 0 A 192.0.2.1',
    ],
  ],
  [
    '$TTL for what follows it',
    '$TTL 7\na A 192.0.2.1\n$TTL 8\nb A 192.0.2.1\nc 9 A 192.0.2.1\nd A 192.0.2.1',
    [
      'a.example.com. 7 A 192.0.2.1',
      'b.example.com. 8 A 192.0.2.1',
      'c.example.com. 9 A 192.0.2.1',
      'd.example.com. 8 A 192.0.2.1',
    ],
  ],
  [
    'the last TTL stated where there is no $TTL',
    'a 9 A 192.0.2.1\nb A 192.0.2.1',
    ['a.example.com. 9 A 192.0.2.1', 'b.example.com. 9 A 192.0.2.1'],
  ],
  [
    'STEER with its own TTL or none, whatever $TTL says',
    '$TTL 7\na STEER web\nb 30 STEER web',
    ['a.example.com. undefined STEER web', 'b.example.com. 30 STEER web'],
  ],
  [
    '$ORIGIN, absolute and relative',
    '$TTL 9\n$ORIGIN b\na A 192.0.2.1\n$ORIGIN C\na A 192.0.2.1\n$ORIGIN example.com.\na A 192.0.2.1',
    [
      'a.b.example.com. 9 A 192.0.2.1',
      'a.C.b.example.com. 9 A 192.0.2.1',
      'a.example.com. 9 A 192.0.2.1',
    ],
  ],
  [
    '$ORIGIN inside rdata and for @',
    '$TTL 9\na A 192.0.2.1\n$ORIGIN a\n@ TXT x\nb PTR c\n',
    [
      'a.example.com. 9 A 192.0.2.1',
      'a.example.com. 9 TXT "x"',
      'b.a.example.com. 9 PTR c.a.example.com.',
    ],
  ],
  [
    'the previous owner across $ORIGIN',
    '$TTL 9\na A 192.0.2.1\n$ORIGIN b\n  TXT x\na TXT y',
    ['a.example.com. 9 A 192.0.2.1', 'a.example.com. 9 TXT "x"', 'a.b.example.com. 9 TXT "y"'],
  ],
  [
    'unknown types and generic rdata',
    '$TTL 9\na TYPE65280 \\# 3 01 0203\nb A \\# 4 C0000201\nc TYPE1 192.0.2.1',
    [
      'a.example.com. 9 TYPE65280 \\# 3 010203',
      'b.example.com. 9 A 192.0.2.1',
      'c.example.com. 9 A 192.0.2.1',
    ],
  ],
  [
    'quotes, escapes and octets beyond ASCII in text',
    '$TTL 9\na TXT "b;c" d\\ e "\\"" "ü"',
    ['a.example.com. 9 TXT "b;c" "d e" "\\"" "\\195\\188"'],
  ],
  [
    'service parameters with quoted values',
    '$TTL 9\na HTTPS 1 . alpn="h2,h3" port=53',
    ['a.example.com. 9 HTTPS 1 . alpn=h2,h3 port=53'],
  ],
  [
    'types by names that could be owners',
    '$TTL 9\na A 192.0.2.1\nin IN A 192.0.2.1\nmx MX 1 a',
    [
      'a.example.com. 9 A 192.0.2.1',
      'in.example.com. 9 A 192.0.2.1',
      'mx.example.com. 9 MX 1 a.example.com.',
    ],
  ],
  [
    'wildcards',
    '$TTL 9\n*.a A 192.0.2.1\n*.b STEER web',
    ['*.a.example.com. 9 A 192.0.2.1', '*.b.example.com. undefined STEER web'],
  ],
];

for (const [what, text, expected] of understood) {
  test(`readZoneText() understands ${what}`, () => {
    const reading = read(apex + text);
    assert.deepEqual(records(reading), expected);
  });
}

test('readZoneText() skips a byte order mark and takes CRLF', () => {
  const reading = read(`\ufeff${apex}a 9 A 192.0.2.1`.replaceAll('\n', '\r\n'));
  assert.deepEqual(records(reading), ['a.example.com. 9 A 192.0.2.1']);
  assert.deepEqual(reading.problems, []);
});

test('readZoneText() takes the origin in any spelling and reads the root zone', () => {
  const root = '@ 9 SOA a. b. 1 2 3 4 5\n@ 9 NS a.root\na.root 9 A 192.0.2.1\n';
  assert.deepEqual(records(readZoneText(root, { origin: '.', file: 'x' })), [
    'a.root. 9 A 192.0.2.1',
  ]);
  assert.equal(
    readZoneText(apex, { origin: 'EXAMPLE.com.', file: 'x' }).zone?.origin,
    'example.com.',
  );
  assert.equal(
    readZoneText(apex, { origin: 'a..b', file: 'x' }).problems[0]?.code,
    'E_NAME_SYNTAX',
  );
});

test('readZoneText() tells where each RRset begins', () => {
  const { zone } = read(`${apex}a 9 A 192.0.2.1\na 9 A 192.0.2.2\n`);
  assert.equal(zone?.nodes.get('a.example.com.')?.get(1)?.where, 'zones/x.zone:3');
});

test('readZoneText() gives records without any TTL the minimum of the SOA (RFC 2308 §4)', () => {
  const soa = '@ SOA ns.example.net. host.example.net. 1 2 3 4 77\n@ NS ns.example.net.\n';
  const reading = read(`a A 192.0.2.1\na 9 TXT x\n${soa}`);
  assert.deepEqual(records(reading), ['a.example.com. 77 A 192.0.2.1', 'a.example.com. 9 TXT "x"']);
  assert.deepEqual(lines(reading.problems), [
    "zones/x.zone:1: warning: one RRset has no TTL and no $TTL before; the SOA's minimum of 77 counts, write $TTL on the first line (E_ZONE_TTL)",
  ]);
  const high = read(soa.replace('77', '700000'));
  assert.equal(high.zone, undefined);
  assert.match(lines(high.problems).join(), /700000 is too high/);
});

test('readZoneText() merges duplicates and takes the lowest TTL, with warnings', () => {
  const reading = read(`${apex}a 9 MX 1 B\na 9 MX 1 b\na 5 MX 2 b\nb 9 A 192.0.2.1\n`);
  assert.deepEqual(records(reading), [
    'a.example.com. 5 MX 1 B.example.com.',
    'a.example.com. 5 MX 2 b.example.com.',
    'b.example.com. 9 A 192.0.2.1',
  ]);
  assert.deepEqual(lines(reading.problems), [
    'zones/x.zone:4: warning: MX at "a" is there already, first at zones/x.zone:3; remove one (E_ZONE_DUPLICATE)',
    'zones/x.zone:5: warning: TTL 5 of MX at "a" differs from 9 at zones/x.zone:3; 5 counts for the whole RRset (RFC 2181 §5.2) (E_ZONE_TTL_MISMATCH)',
  ]);
});

test('readZoneText() keeps text that differs in case only', () => {
  const reading = read(`${apex}a 9 TXT "B"\na 9 TXT "b"\n`);
  assert.deepEqual(records(reading), ['a.example.com. 9 TXT "B"', 'a.example.com. 9 TXT "b"']);
});

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['a first record without an owner', ' 9 A 192.0.2.1', /:1: .*white space.*E_ZONE_OWNER/],
  ['a quoted owner', '"a" 9 A 192.0.2.1', /:1: owner "a" is in quotes.*E_ZONE_OWNER/],
  ['a label over 63 octets', `${'a'.repeat(64)} 9 A 192.0.2.1`, /:1: .*63.*E_NAME_TOO_LONG/],
  [
    'a name over 255 octets',
    `${`${'a'.repeat(49)}.`.repeat(5)}b 9 A 192.0.2.1`,
    /:1: .*255.*E_NAME_TOO_LONG/,
  ],
  ['an empty label', 'a..b 9 A 192.0.2.1', /:1: .*empty label.*E_NAME_SYNTAX/],
  ['a bad escape', 'a\\256 9 A 192.0.2.1', /:1: .*escape.*E_NAME_SYNTAX/],
  [
    'a class other than IN',
    'a 9 CH A 192.0.2.1',
    /:1: class "CH" is not served; use IN \(E_ZONE_CLASS\)/,
  ],
  ['a class by number', 'a 9 CLASS4 A 192.0.2.1', /:1: class "CLASS4".*E_ZONE_CLASS/],
  ['a malformed TTL', 'a 9x A 192.0.2.1', /:1: TTL "9x" is malformed.*E_ZONE_TTL\)/],
  ['a unit without a number at the end', 'a 1h30 A 192.0.2.1', /:1: TTL "1h30".*E_ZONE_TTL\)/],
  ['a negative TTL', 'a -9 A 192.0.2.1', /:1: TTL "-9" is malformed.*E_ZONE_TTL\)/],
  ['a TTL of 32 bits', 'a 2147483648 A 192.0.2.1', /:1: .*2147483647.*E_ZONE_TTL\)/],
  ['a TTL over the limit', 'a 604801 A 192.0.2.1', /:1: .*604800 seconds.*E_ZONE_TTL_RANGE\)/],
  ['a $TTL over the limit', '$TTL 2w', /:1: TTL "2w" is over.*E_ZONE_TTL_RANGE\)/],
  ['a record without a type', 'a 9 IN', /:1: a record has no type.*E_ZONE_SYNTAX/],
  ['an unknown type', 'a 9 FOO x', /:1: type "FOO" is not known.*E_TYPE_UNKNOWN/],
  ['a type of queries', 'a 9 ANY x', /:1: "ANY" is a type of queries.*E_ZONE_TYPE/],
  ['a type of messages by number', 'a 9 TYPE41 \\# 0', /:1: "TYPE41".*E_ZONE_TYPE/],
  ['rdata that does not fit', 'a 9 A 192.0.2.300', /:1: .*192\.0\.2\.300.*E_RDATA/],
  ['a number out of range', 'a 9 MX 65536 b', /:1: .*65536.*E_RDATA_RANGE/],
  [
    'data outside the zone',
    'a.example.org. 9 A 192.0.2.1',
    /:1: "a\.example\.org\." is not in example\.com\..*E_ZONE_OUTSIDE/,
  ],
  ['a name that only ends like the zone', 'a\\.example.com. 9 A 192.0.2.1', /:1: .*E_ZONE_OUTSIDE/],
  ['a service name in capitals', 'a STEER Web', /:1: "Web" is no service name.*E_ZONE_STEER\)/],
  ['two services', 'a STEER web api', /:1: STEER has 2 fields.*E_ZONE_STEER\)/],
  ['an unknown directive', '$BASE x', /:1: directive "\$BASE" is not known.*E_ZONE_DIRECTIVE/],
  [
    '$ORIGIN without a name',
    '$ORIGIN',
    /:1: \$ORIGIN with 0 arguments; write \$ORIGIN name.*E_ZONE_DIRECTIVE/,
  ],
  ['a malformed $ORIGIN', '$ORIGIN a..', /:1: origin "a\.\.".*E_NAME_SYNTAX/],
  ['a character outside ASCII in a name', 'bücher 9 A 192.0.2.1', /:1: .*xn--.*E_ZONE_SYNTAX/],
];

for (const [what, text, expected] of refused) {
  test(`readZoneText() refuses ${what} by file and line`, () => {
    const reading = read(`${text}\n${apex}`);
    assert.equal(reading.zone, undefined);
    assert.equal(reading.problems.length, 1, lines(reading.problems).join('\n'));
    assert.match(lines(reading.problems)[0] ?? '', expected);
    assert.ok(lines(reading.problems)[0]?.startsWith('zones/x.zone:1: '));
  });
}

test('readZoneText() reports all problems of a file in one go, by line', () => {
  const { zone, problems } = read('a 9 A x\n$TTL y\n  9 TXT "z\nb 9 MX 1 c\nb 9 CNAME d\n');
  assert.equal(zone, undefined);
  const places = problems
    .filter(({ severity }) => severity !== 'warning')
    .map(({ where }) => where);
  assert.deepEqual(places, [
    'zones/x.zone:1',
    'zones/x.zone:2',
    'zones/x.zone:3',
    'zones/x.zone:5',
  ]);
});

test('readZoneText() does not call an SOA missing that it could not read', () => {
  const { problems } = read('@ 9 SOA a b 1 2 3 4 x\n@ 9 NS ns.example.net.\n');
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['E_RDATA_SYNTAX'],
  );
  assert.deepEqual(
    read('a 9 A 192.0.2.1\n').problems.map(({ code }) => code),
    ['E_ZONE_SOA', 'E_ZONE_NS'],
  );
});

test('readZoneText() stops listing problems at the cap and says how many more there are', () => {
  const { problems } = read(`${apex}${'a 9 A x\n'.repeat(limits.problemsPerZone + 234)}`);
  assert.equal(problems.length, limits.problemsPerZone + 1);
  assert.deepEqual(
    lines(problems).at(-1),
    'zones/x.zone: 234 more errors not shown; mend those above first (E_ZONE_MORE)',
  );
});

test('readZoneText() shows no control characters of untrusted text in messages', () => {
  for (const text of ['a\\\x1b 9 A x', 'a 9 TXT "\x1b[31m" "', '$X\x1b', 'a 9 HINFO "\x07"']) {
    assert.doesNotMatch(lines(read(text).problems).join(''), /[\0-\x1f\x7f]/);
  }
});

test('readZoneText() gives a zone or an error for any text, and never throws', () => {
  const word = fc.constantFrom(
    ...[
      'a',
      'b.c',
      '@',
      '*',
      '.',
      'a..',
      '\\',
      '\\256',
      '\\046',
      '"',
      '""',
      '"x"',
      ';',
      '(',
      ')',
      ' ',
      '\t',
      '\n',
      '\r\n',
    ],
    ...[
      '$ORIGIN',
      '$TTL',
      '$INCLUDE',
      '$GENERATE',
      '$',
      '1-3',
      '0',
      '9',
      '1h',
      '-1',
      '99999999999',
      'IN',
      'CH',
      'CLASS1',
    ],
    ...[
      'SOA',
      'NS',
      'A',
      'AAAA',
      'TXT',
      'CNAME',
      'DNAME',
      'MX',
      'HTTPS',
      'STEER',
      'TYPE9',
      'LOC',
      '\\#',
      '192.0.2.1',
      '\0',
      'ü',
    ],
  );
  const text = fc
    .array(fc.tuple(word, fc.constantFrom(' ', '\n', '')), { maxLength: 60 })
    .map((words) => words.flat().join(''));
  fc.assert(
    fc.property(text, fc.boolean(), (soup, whole) => {
      const { zone, problems } = read(whole ? apex + soup : soup, { a: soup, 'b.c': '@ 9 TXT x' });
      const failed = problems.some(({ severity }) => severity !== 'warning');
      assert.equal(zone === undefined, failed);
      for (const { where } of problems) assert.ok(where?.startsWith('zones/'), where);
    }),
    { numRuns: 1500 },
  );
});
