import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { node as nodeLayout, template as templateLayout } from '../../src/image/layout.ts';
import { lookupNameOf } from '../../src/image/zone-index.ts';
import { compileZone } from '../../src/image/zone-segment.ts';
import { findNode, openZone, type ZoneView } from '../../src/image/zone-view.ts';
import { parentKey } from '../../src/wire/names.ts';
import { PackedNodes } from '../../src/zone/packed-nodes.ts';
import { readZoneText } from '../../src/zone/read-zone.ts';
import type { Zone } from '../../src/zone/zone.ts';

const head = `$TTL 300
@ SOA ns1 hostmaster 1 7200 900 1209600 60
@ NS ns1
ns1 A 192.0.2.53
`;
const services = { serviceSlot: () => 7 };

/** What a segment says of a name: its node's words, and each type with the template's. */
function nodeOf(view: ZoneView, key: string): unknown {
  const at = findNode(view, lookupNameOf(key), 0);
  if (at === 0) return undefined;
  const { words, bytes } = view;
  const nameOf = (node: number) => {
    if (node === 0) return '';
    const nameAt = (node + nodeLayout.words + words[node + nodeLayout.rrsetCount]! * 2) * 4;
    return String(bytes.slice(nameAt, nameAt + words[node + nodeLayout.nameBytes]!));
  };
  const types: unknown[] = [];
  for (let entry = 0; entry < words[at + nodeLayout.rrsetCount]!; entry++) {
    const directoryAt = at + nodeLayout.words + entry * 2;
    types.push(words[directoryAt], templateOf(view, words[directoryAt + 1]!));
  }
  const own = [nodeLayout.hash, nodeLayout.flags, nodeLayout.service, nodeLayout.steerTtlSeconds];
  return {
    name: nameOf(at),
    own: own.map((word) => words[at + word]),
    cover: nameOf(words[at + nodeLayout.cover]!),
    wildcard: nameOf(words[at + nodeLayout.wildcard]!),
    types,
  };
}

function templateOf({ words, bytes }: ZoneView, at: number): string {
  const fixups = words[at + templateLayout.fixupCount]!;
  const chunks = words[at + templateLayout.chunkCount]!;
  const bodyAt = at + templateLayout.words + fixups + chunks;
  let octets = words[at + templateLayout.requiredBytes]!;
  for (let chunk = 0; chunk < chunks; chunk++) octets += words[bodyAt - 1 - chunk]! & 0xffff;
  const body = bytes.slice(bodyAt * 4, bodyAt * 4 + octets);
  return `${words.slice(at, bodyAt)}: ${body}`;
}

/** Every name that may be there: owners, and what is above them. */
function namesOf(zone: Zone): Set<string> {
  const names = new Set<string>();
  for (const key of zone.nodes.keys()) {
    for (let name: string | undefined = key; name !== undefined; name = parentKey(name)) {
      names.add(name);
      if (name === zone.origin) break;
    }
  }
  return names;
}

const label = fc.constantFrom('a', 'b', 'cc', 'd\\.e', '*');
const owner = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((labels) => labels.join('.'))
  .filter((text) => !text.includes('.*'));
const data = fc.constantFrom(
  ...['A 192.0.2.1', 'A 192.0.2.2', 'AAAA ::1', 'TXT "x" "y"', 'CAA 0 issue "ca"', 'CNAME target'],
  ...[
    'MX 1 ns1',
    'MX 2 a',
    'SRV 1 2 3 a.b',
    'PTR a',
    'STEER web',
    `TXT ${'"0123456789" '.repeat(90)}`,
  ],
);
const delegation = fc.constantFrom('NS ns.a', 'DNAME example.net.', 'TXT x');

test('compileZone() makes of packed names what it makes of others', () => {
  const line = fc.tuple(owner, data).map(([name, text]) => `${name} ${text}\n`);
  const rare = fc.tuple(owner, delegation).map(([name, text]) => `${name} ${text}\n`);
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 25 }),
      fc.oneof({ weight: 3, arbitrary: fc.constant('') }, { weight: 1, arbitrary: rare }),
      (lines, cut) => {
        const text = head + lines.join('') + cut;
        const { zone } = readZoneText(text, { origin: 'example.com.', file: 'x' });
        fc.pre(zone !== undefined);
        assert.ok(zone.nodes instanceof PackedNodes);
        const nodes = new Map([...zone.nodes].map(([key, node]) => [key, new Map(node)]));
        const packed = openZone(compileZone(zone, services));
        const plain = openZone(compileZone({ origin: zone.origin, nodes }, services));
        for (const name of namesOf(zone)) {
          assert.deepEqual(nodeOf(packed, name), nodeOf(plain, name), name);
        }
        assert.equal(packed.nameCount, plain.nameCount);
        assert.equal(packed.maxLabels, plain.maxLabels);
      },
    ),
    { numRuns: 500 },
  );
});
