import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadConfiguration } from '../../src/control/load-configuration.ts';
import { newObjectsOf } from '../../src/control/new-objects.ts';
import { zoneWrites } from '../../src/control/zone-writes.ts';
import { objectHash } from '../../src/store/object-hash.ts';
import type { StoredBlock } from '../../src/store/store.ts';
import { diffZones } from '../../src/zone/diff-zone.ts';
import { PackedNodes } from '../../src/zone/packed-nodes.ts';
import { readZoneText } from '../../src/zone/read-zone.ts';
import type { Zone } from '../../src/zone/zone.ts';

const head =
  '$TTL 300\n@ SOA ns1 host\\.master 1 7200 900 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n';
const owner = fc.constantFrom('a', 'b.c', '@', '*', 'WWW', 'd\\.e', 'q\\"u', '1/2', 'o\\200');
const data = fc.constantFrom(
  ...[
    'A 192.0.2.1',
    'A 10.0.0.100',
    '0 A 0.0.0.0',
    'AAAA ::1',
    'AAAA ::',
    'STEER web',
    '7 STEER web',
  ],
  ...['TXT "x"', 'TXT "x" "y"', 'TXT ""', 'TXT "q\\"u"', 'TXT "b\\\\s"', 'TXT "\\200\\000 ;()"'],
  ...[
    'MX 1 Mail',
    'SRV 1 2 3 s\\;.x.',
    'PTR p',
    'NS ns.x.',
    'CAA 0 issue "a;b"',
    'TYPE777 \\# 2 abcd',
  ],
  ...['LOC 1 N 2 E 3m', `TXT ${'"0123456789\\"" '.repeat(300)}`, 'SPF "v=spf1 -all"'],
);

function zoneFrom(origin: string, lines: readonly string[]): Zone | undefined {
  return readZoneText(head + lines.join('\n'), { origin, file: 'x' }).zone;
}

function blocksOf(zones: readonly Zone[]): StoredBlock[] {
  return [...newObjectsOf(zones)].map(({ lines }) => {
    return { revision: 3, lines: Buffer.from(lines).toString('latin1'), replaced: new Map() };
  });
}

/** The same lines by way of objects. */
function expectedLines(zones: readonly Zone[]): string {
  return zones
    .flatMap((zone) => zoneWrites(undefined, zone))
    .map(({ kind, id, body }) => `${JSON.stringify([kind, id, null, body])}\n`)
    .join('');
}

const zoneText = fc
  .array(fc.tuple(owner, data), { maxLength: 20 })
  .map((lines) => lines.map(([name, text]) => `${name} ${text}`));
const origin = fc.constantFrom('example.com.', 'x.', '.', 'o\\.dd.', '0/25.2.0.192.in-addr.arpa.');

test('newObjectsOf() says what zoneWrites() says, and loading gives the zones back', () => {
  fc.assert(
    fc.property(zoneText, zoneText, origin, fc.boolean(), (some, others, apex, isPacked) => {
      const read = [zoneFrom(apex, some), zoneFrom('other.test.', others)];
      const zones = read.flatMap((zone) => {
        if (zone === undefined) return [];
        if (zone.nodes instanceof PackedNodes) zone.nodes.forgetOwners();
        return isPacked ? [zone] : [{ origin: zone.origin, nodes: new Map(zone.nodes) }];
      });
      const blocks = blocksOf(zones);
      assert.equal(blocks.map(({ lines }) => lines).join(''), expectedLines(zones));
      const loaded = loadConfiguration(blocks, 3);
      assert.deepEqual(loaded.problems, []);
      assert.deepEqual(
        [...loaded.configuration.zones.keys()],
        zones.map((zone) => zone.origin),
      );
      for (const zone of zones) {
        const again = loaded.configuration.zones.get(zone.origin);
        assert.deepEqual(diffZones(zone, again), []);
        assert.equal(loaded.zoneRevisions.get(zone.origin), 3);
      }
    }),
    { numRuns: 500 },
  );
});

test('newObjectsOf() gives the hash of each object, and blocks of a length', () => {
  const zone = zoneFrom(
    'example.com.',
    Array.from({ length: 1200 }, (_, index) => `h${index} A 192.0.2.${index % 250}`),
  );
  assert.ok(zone);
  const counts: number[] = [];
  for (const { lines, count, hashes } of newObjectsOf([zone])) {
    const text = Buffer.from(lines).toString('latin1').trimEnd().split('\n');
    const ids = text.map((line) => JSON.parse(line) as [kind: 'rrset', id: string]);
    assert.deepEqual(
      [...hashes],
      ids.map(([kind, id]) => objectHash(kind, id)),
    );
    assert.equal(count, text.length);
    counts.push(count);
  }
  assert.deepEqual(counts, [500, 500, 204]);
});

test('loadConfiguration() takes what replaces lines of a block in their place', () => {
  const zone = zoneFrom('example.com.', ['a A 192.0.2.1', 'b A 192.0.2.2', 'c A 192.0.2.3']);
  assert.ok(zone);
  const [block] = blocksOf([zone]);
  assert.ok(block);
  const lineOf = (name: string) =>
    block.lines.split('\n').findIndex((line) => line.includes(`/${name}.example.com./`));
  const body = '{"ttl":5,"values":["192.0.2.9"]}';
  const object = { kind: 'rrset', id: 'example.com./a.example.com./A', body, revision: 7 } as const;
  const replaced = new Map([
    [lineOf('a'), object],
    [lineOf('b'), null],
  ]);
  const { configuration, zoneRevisions } = loadConfiguration([{ ...block, replaced }], 7);
  const nodes = configuration.zones.get('example.com.')?.nodes;
  const names = ['example.com.', 'ns1.example.com.', 'a.example.com.', 'c.example.com.'];
  assert.deepEqual([...(nodes?.keys() ?? [])], names);
  assert.equal(nodes?.get('a.example.com.')?.get(1)?.ttl, 5);
  assert.equal(zoneRevisions.get('example.com.'), 7);
});

test('loadConfiguration() leaves a zone out whose stored lines are wrong', () => {
  const zone = zoneFrom('example.com.', ['a A 192.0.2.1']);
  assert.ok(zone);
  const [block] = blocksOf([zone]);
  assert.ok(block);
  for (const [right, wrong] of [
    ['192.0.2.1\\"', '192.0.2.256\\"'],
    ['ttl\\":300,\\"values\\":[\\"192.0.2.1', 'ttl\\":999999,\\"values\\":[\\"192.0.2.1'],
  ] as const) {
    const lines = block.lines.replace(right, wrong);
    assert.notEqual(lines, block.lines);
    const { configuration, problems } = loadConfiguration([{ ...block, lines }], 3);
    assert.equal(configuration.zones.size, 0);
    assert.equal(problems.length, 1);
  }
});
