import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatProblem } from '../../src/base/errors.ts';
import { formatName, wireNameKey } from '../../src/wire/names.ts';
import { rrTypes, STEER } from '../../src/wire/types.ts';
import { diffZones } from '../../src/zone/diff-zone.ts';
import { zoneOf } from '../../src/zone/edit-zone.ts';
import { formatRRset, formatZone } from '../../src/zone/format-zone.ts';
import { readZoneText } from '../../src/zone/read-zone.ts';
import type { NameKey, RRset, Zone } from '../../src/zone/zone.ts';

function read(text: string, origin = 'example.com'): Zone {
  const { zone, problems } = readZoneText(text, { origin, file: 'x' });
  assert.ok(zone, `${problems.map(formatProblem).join('\n')}\n${text}`);
  return zone;
}

const apex = '@ SOA ns1 host 1 2 3 4 5\n@ NS ns1\n';

test('formatZone() writes one stable, aligned, relative form', () => {
  const text = `$TTL 300
www 30 STEER web
ns1 AAAA 2001:db8::1
ns1 A 192.0.2.1
b.a 60 TXT "x;y"
ns.sub A 192.0.2.2
@ STEER web
Z MX 10 www.example.com.
a CNAME other.example.net.
sub NS ns.sub
${apex}`;
  const expected = `$ORIGIN example.com.
$TTL 300
@         SOA   ns1 host 1 2 3 4 5
@         NS    ns1
@         STEER web
a         CNAME other.example.net.
b.a    60 TXT   "x;y"
ns1       A     192.0.2.1
ns1       AAAA  2001:db8::1
sub       NS    ns.sub
ns.sub    A     192.0.2.2
www    30 STEER web
Z         MX    10 www
`;
  assert.equal(formatZone(read(text)), expected);
  assert.equal(formatZone(read(expected)), expected);
});

test('formatZone() writes the TTL of a STEER even when it is the default', () => {
  const zone = read(`$TTL 30\n${apex}ns1 A 192.0.2.1\na 30 STEER web\nb STEER web\n`);
  assert.match(formatZone(zone), /^a +30 STEER web$/m);
  assert.match(formatZone(zone), /^b +STEER web$/m);
});

test('formatZone() keeps owners apart that would read as something else', () => {
  const text = `$TTL 9\n${apex}ns1 A 192.0.2.1\n\\@ A 192.0.2.1\n\\$TTL A 192.0.2.1\n\\" A 192.0.2.1
a\\.b A 192.0.2.1\nx.eXample.com. A 192.0.2.1\n`;
  const zone = read(text);
  assert.equal(zone.nodes.size, 7);
  assert.deepEqual(diffZones(zone, read(formatZone(zone))), []);
  assert.match(formatZone(zone), /^x\.eXample\.com\. /m);
});

test('formatZone() writes the root zone', () => {
  const zone = read('@ 9 SOA a. b. 1 2 3 4 5\n@ 9 NS a.\na 9 A 192.0.2.1\n', '.');
  assert.deepEqual(diffZones(zone, read(formatZone(zone), '.')), []);
});

test('formatRRset() writes absolute lines without a layout', () => {
  const rrset = read(`$TTL 9\n${apex}ns1 A 192.0.2.1\nns1 A 192.0.2.2\n`)
    .nodes.get('ns1.example.com.')
    ?.get(1);
  assert.ok(rrset);
  assert.equal(
    formatRRset(rrset),
    'ns1.example.com. 9 A 192.0.2.1\nns1.example.com. 9 A 192.0.2.2\n',
  );
});

const origin = Uint8Array.from([7, ...Buffer.from('example'), 3, ...Buffer.from('com'), 0]);

/** One to three labels of any octets, with letters and special characters more often. */
const labels = fc.array(
  fc.array(fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('aAbB.\\"@$;()* -_09'))), {
    minLength: 1,
    maxLength: 12,
  }),
  { minLength: 1, maxLength: 3 },
);

const wireName = labels.map((list) => {
  return Uint8Array.from([...list.flatMap((label) => [label.length, ...label]), ...origin]);
});

const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });
const ttl = fc.nat(604_800);

function plainSet(
  type: number,
  rdata: fc.Arbitrary<Uint8Array>,
): fc.Arbitrary<Omit<RRset, 'owner'>> {
  const different = fc.uniqueArray(rdata, {
    minLength: 1,
    maxLength: 4,
    // Names are compared without regard to case, so rdata may not differ in that alone.
    selector: (octets) => Buffer.from(octets).toString('latin1').toLowerCase(),
  });
  return fc.record({ type: fc.constant(type), ttl, rdatas: different });
}

const service = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
const steer = fc
  .record({ ttl: fc.option(ttl, { nil: undefined }), name: service })
  .map((made) => ({ type: STEER, ttl: made.ttl, rdatas: [Buffer.from(made.name)] }));
const texts = fc
  .array(bytes(0, 40), { minLength: 1, maxLength: 4 })
  .map((strings) => Uint8Array.from(strings.flatMap((text) => [text.length, ...text])));

const node: fc.Arbitrary<Omit<RRset, 'owner'>[]> = fc.oneof(
  fc.tuple(steer, plainSet(rrTypes.TXT, texts)),
  fc.tuple(
    plainSet(rrTypes.A, bytes(4)),
    plainSet(rrTypes.AAAA, bytes(16)),
    plainSet(
      rrTypes.MX,
      fc.tuple(bytes(2), wireName).map(([head, name]) => Buffer.concat([head, name])),
    ),
    plainSet(
      rrTypes.SRV,
      fc.tuple(bytes(6), wireName).map(([head, name]) => Buffer.concat([head, name])),
    ),
    plainSet(65_280, bytes(0, 30)),
  ),
  fc.tuple(wireName.map((name) => ({ type: rrTypes.CNAME, ttl: 5, rdatas: [name] }))),
  fc.tuple(plainSet(rrTypes.PTR, wireName)),
);

function zoneFrom(owners: readonly { name: Uint8Array; sets: Omit<RRset, 'owner'>[] }[]): Zone {
  const rrsets: [NameKey, RRset][] = [];
  const apexKey = wireNameKey(origin);
  const host = Uint8Array.from([2, 110, 115, 0]);
  const soa = Uint8Array.from([...host, ...host, ...new Uint8Array(20).fill(7)]);
  rrsets.push([apexKey, { owner: apexKey, type: rrTypes.SOA, ttl: 1, rdatas: [soa] }]);
  rrsets.push([apexKey, { owner: apexKey, type: rrTypes.NS, ttl: 2, rdatas: [host] }]);
  const seen = new Set<NameKey>();
  for (const { name, sets } of owners) {
    const key = wireNameKey(name);
    if (seen.has(key)) continue;
    seen.add(key);
    for (const set of sets) rrsets.push([key, { ...set, owner: formatName(name) }]);
  }
  return zoneOf(apexKey, rrsets);
}

const zones = fc.array(fc.record({ name: wireName, sets: node }), { maxLength: 8 }).map(zoneFrom);

test('formatZone() then readZoneText() gives an equal zone, for any names and octets', () => {
  fc.assert(
    fc.property(zones, (zone) => {
      const text = formatZone(zone);
      assert.match(text, /^[ -~\n]*$/);
      const again = read(text);
      assert.deepEqual(diffZones(zone, again), []);
      for (const [key, sets] of zone.nodes) {
        for (const [type, { owner }] of sets) {
          assert.equal(again.nodes.get(key)?.get(type)?.owner, owner);
        }
      }
      assert.equal(formatZone(again), text);
    }),
    { numRuns: 300 },
  );
});
