import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { rdataCodec } from '../../src/wire/rdata/registry.ts';
import { readZoneText } from '../../src/zone/read-zone.ts';

const head = '@ 60 SOA ns.example.net. host.example.net. 1 2 3 4 5\n@ 60 NS ns.example.net.\n';

const owners = [
  ...['www', 'a.b', '@', '*', '*.w', '_s._tcp', 'x-1', 'WWW', 'www.example.com.', 'example.com.'],
  ...['a.b.example.com.', 'www.example.net.', 'a..b', '.', 'a\\.b', 'a\\032b', 'b.', '-'],
  ...['l'.repeat(63), 'l'.repeat(64), `${'l.'.repeat(120)}l`, `${'l.'.repeat(126)}l`, ''],
];
const ttls = ['', '300', '0', '604800', '604801', '1h', '99999999999', '-1', '300 60'];
const classes = ['', 'IN', 'in', 'CH', 'IN IN', 'In'];
const types = [
  'A',
  'a',
  'AAAA',
  'TXT',
  'CNAME',
  'cname',
  'NS',
  'MX',
  'SRV',
  'PTR',
  'CAA',
  'XX',
  '',
];
const rdatas = [
  ...['192.0.2.1', '192.0.2.01', '192.0.2.256', '192.0.2', '192.0.2.1.', '0.0.0.0', '192.0.2.1 x'],
  ...['::', '2001:db8::1', '2001:DB8::192.0.2.1', '2001:db8::g', '1:2:3:4:5:6:7:8:9'],
  ...['"text"', '"two" "texts"', '"one""two"', '""', 'word', '"a\\"b"', '"a;b"', '"(x)"'],
  ...[`"${'x'.repeat(255)}"`, `"${'x'.repeat(256)}"`, '"tab\there"', '"\\200"'],
  ...['host', 'Host.Example.NET.', 'host.example.com.', '@', '.', 'a..b', 'a\\.b', '*.x', 'h\\a.'],
  ...['l'.repeat(64), `${'l.'.repeat(126)}l`, '10 mail', '65535 mail.', '65536 mail', '010 m'],
  ...['10', '1 2 3 srv', '1 2 3', '1 2 srv', '0 issue "ca.example.net"', '\\# 4 c0000201', ''],
];
const directives = ['$ORIGIN sub', '$ORIGIN Sub', '$ORIGIN example.net.', '$TTL 77', '$ORIGIN @'];

/** One entry, and the same within parentheses, which plain lines do not have. */
function entryOf(
  ...[someOwners, someTtls, someClasses, data]: [string[], string[], string[], fc.Arbitrary<string>]
) {
  const same = (text: string) => [text, text] as const;
  const words = fc.tuple(
    fc.constantFrom(...someOwners),
    fc.constantFrom(...someTtls),
    fc.constantFrom(...someClasses),
    fc.boolean(),
    data,
    fc.constantFrom('', ' ', '\r', ';', ' ; comment', '\t\t'),
  );
  const record = words.map(([owner, ttl, rrClass, classFirst, rdata, end]) => {
    const rest = [...(classFirst ? [rrClass, ttl] : [ttl, rrClass]), rdata]
      .filter((word) => word !== '')
      .join(' \t');
    return [`${owner} ${rest}${end}`, `${owner} (${rest})${end}`] as const;
  });
  return fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(...directives).map(same) },
    { weight: 1, arbitrary: fc.constantFrom('', '   ', '; all').map(same) },
    { weight: 12, arbitrary: record },
  );
}

const anything = entryOf(
  owners,
  ttls,
  classes,
  fc.tuple(fc.constantFrom(...types), fc.constantFrom(...rdatas)).map((words) => words.join(' ')),
);
const rightThings = entryOf(
  owners.slice(0, 6).concat('WWW', ''),
  ['', '300', '0', '1h'],
  ['', 'IN', 'in'],
  fc.constantFrom(
    ...['A 192.0.2.1', 'a 192.0.2.2', 'AAAA ::', 'TXT "two" "texts"', 'TXT word', 'TXT ""'],
    ...['MX 10 Mail', 'mx 010 @', 'SRV 1 2 3 srv.', 'PTR *.x', 'PTR a\\.b', 'CAA 0 issue "ca"'],
    ...['A 192.0.2.3', 'AAAA 2001:DB8::192.0.2.1', 'NS ns1', 'NS NS1'],
  ),
);

/** Everything that reading gave. */
function outcome(text: string): unknown {
  const { zone, problems } = readZoneText(text, { origin: 'example.com', file: 'x.zone' });
  const records = [...(zone?.nodes ?? [])].flatMap(([key, node]) =>
    [...node.values()].map(({ owner, type, ttl, rdatas: all, where }) => {
      const { format } = rdataCodec(type);
      return { key, owner, type, ttl, rdatas: all.map((rdata) => format(rdata)), where };
    }),
  );
  return { records, problems };
}

for (const [what, entry] of Object.entries({ anything, rightThings })) {
  test(`plain lines are read as the scanner reads them: ${what}`, () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), fc.boolean(), (entries, hasTtl) => {
        const start = `${hasTtl ? '$TTL 300\n' : ''}${head}`;
        const plain = start + entries.map(([text]) => `${text}\n`).join('');
        const held = start + entries.map(([, text]) => `${text}\n`).join('');
        assert.deepEqual(outcome(plain), outcome(held));
      }),
      { numRuns: 2000 },
    );
  });
}

test('each owner and each rdata alone is read as the scanner reads it', () => {
  const compare = (owner: string, rest: string) => {
    const of = (text: string) => outcome(`$TTL 300\n${head}first A 192.0.2.9\n${text}`);
    assert.deepEqual(of(`${owner} ${rest}\n`), of(`${owner} (${rest})\n`), `${owner} ${rest}`);
  };
  for (const owner of owners) compare(owner, 'A 192.0.2.1');
  for (const type of types) for (const rdata of rdatas) compare('www', `${type} ${rdata}`);
});

test('a line without an owner has that of the line before, however that was read', () => {
  const text = `${head}a 300 A 192.0.2.1\n  AAAA ::1\nB A 192.0.2.2\n  TXT "b"\n  MX 1 \\@.x.\n  TXT b2\n`;
  const { zone } = readZoneText(text, { origin: 'example.com', file: 'x.zone' });
  const types = (key: string) => [...(zone?.nodes.get(key)?.keys() ?? [])];
  assert.deepEqual(types('a.example.com.'), [1, 28]);
  assert.deepEqual(types('b.example.com.'), [1, 16, 15]);
  assert.equal(zone?.nodes.get('b.example.com.')?.get(16)?.rdatas.length, 2);
  assert.equal(zone?.nodes.get('b.example.com.')?.get(16)?.owner, 'B.example.com.');
});

test('lines of $GENERATE stand at its line', () => {
  const text = `${head}$GENERATE 1-3 h$ 300 A 192.0.2.$\n`;
  const { zone } = readZoneText(text, { origin: 'example.com', file: 'x.zone' });
  assert.equal(zone?.nodes.get('h2.example.com.')?.get(1)?.where, 'x.zone:3');
});
