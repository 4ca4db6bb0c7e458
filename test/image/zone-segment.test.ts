import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MeridianError } from '../../src/base/errors.ts';
import { compileZoneIndex, lookupNameOf } from '../../src/image/zone-index.ts';
import { hashName } from '../../src/image/zone-name.ts';
import { compileZone } from '../../src/image/zone-segment.ts';
import {
  findClosestEncloser,
  findNode,
  findTemplate,
  findZoneSlot,
  openZone,
  openZoneIndex,
} from '../../src/image/zone-view.ts';
import { rrTypes } from '../../src/wire/types.ts';
import { readZoneText } from '../../src/zone/read-zone.ts';
import type { Zone } from '../../src/zone/zone.ts';
import { ask, makeResponder, makeUpdate } from '../server/harness.ts';

const head = `$TTL 300
@ SOA ns1 hostmaster 1 7200 900 1209600 60
@ NS ns1
ns1 A 192.0.2.53
`;

function readZone(text: string, origin = 'example.com.'): Zone {
  const { zone, problems } = readZoneText(text, { origin, file: 'test.zone' });
  assert.ok(zone, JSON.stringify(problems));
  return zone;
}

const noServices = { serviceSlot: () => undefined };
const label = fc.constantFrom('a', 'b', 'c', 'dd', 'eee', '*');
const relativeName = fc.array(label, { minLength: 1, maxLength: 5 }).map((list) => list.join('.'));

test('compileZone() finds every name and ENT, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(relativeName, { maxLength: 30 }),
      fc.array(relativeName, { maxLength: 30 }),
      (owners, others) => {
        const text = head + owners.map((owner) => `${owner} TXT x\n`).join('');
        const view = openZone(compileZone(readZone(text), noServices));
        const exists = new Set(['', 'ns1']);
        for (const owner of owners) {
          const labels = owner.split('.');
          for (const index of labels.keys()) exists.add(labels.slice(index).join('.'));
        }
        const nodeOf = (name: string) =>
          findNode(view, lookupNameOf(name === '' ? 'example.com.' : `${name}.example.com.`), 0);
        for (const name of exists) assert.notEqual(nodeOf(name), 0, name);
        for (const name of others) {
          assert.equal(nodeOf(name) !== 0, exists.has(name), name);
          if (exists.has(name)) continue;
          let encloser = name;
          while (!exists.has(encloser)) encloser = encloser.split('.').slice(1).join('.');
          const found = findClosestEncloser(view, lookupNameOf(`${name}.example.com.`));
          assert.equal(found, nodeOf(encloser), name);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('findNode() matches whatever case was asked', () => {
  const view = openZone(compileZone(readZone(`${head}MiXed A 192.0.2.1\n`), noServices));
  const node = findNode(view, lookupNameOf('mIxED.Example.COM.'), 0);
  assert.notEqual(findTemplate(view, node, rrTypes.A), 0);
  assert.equal(findTemplate(view, node, rrTypes.AAAA), 0);
});

test('hashName() depends on every octet', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.nat(), (bytes, pick) => {
      const padded = new Uint8Array(68);
      padded.set(bytes);
      const view = new DataView(padded.buffer);
      const before = hashName(view, 0, bytes.length);
      padded[pick % bytes.length]! ^= 1;
      assert.notEqual(hashName(view, 0, bytes.length), before);
    }),
  );
});

test('compileZone() refuses a zone without SOA (E_ZONE_SOA)', () => {
  const zone: Zone = { origin: 'example.com.', nodes: new Map() };
  assert.throws(() => compileZone(zone, noServices), { code: 'E_ZONE_SOA' });
});

test('compileZone() refuses a STEER of an unknown service and says where (E_SERVICE_UNKNOWN)', () => {
  const zone = readZone(`${head}www STEER web\n`);
  assert.throws(
    () => compileZone(zone, noServices),
    (error) => {
      assert.ok(error instanceof MeridianError);
      assert.equal(error.code, 'E_SERVICE_UNKNOWN');
      assert.equal(error.problems[0]?.where, 'test.zone:5');
      return true;
    },
  );
});

test('openZone() refuses another segment', () => {
  assert.throws(() => openZone(new SharedArrayBuffer(64)));
  assert.throws(() => openZoneIndex(new SharedArrayBuffer(64)));
});

test('findZoneSlot() is the longest apex at or above the name', () => {
  const origin = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 4 });
  const toKey = (labels: readonly string[]) =>
    `${labels.map((text) => `${text}.`).join('')}` || '.';
  fc.assert(
    fc.property(
      fc.uniqueArray(origin, { maxLength: 12, selector: toKey }),
      fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 }),
      fc.boolean(),
      (origins, asked, parentSide) => {
        const slots = new Map(origins.map((labels, slot) => [toKey(labels), slot]));
        const index = openZoneIndex(compileZoneIndex(slots));
        const matches = [...asked.keys(), asked.length]
          .map((from) => toKey(asked.slice(from)))
          .filter((key) => slots.has(key));
        const [first, second] = matches;
        const isApex = first === toKey(asked);
        const expected = parentSide && isApex ? (second ?? first) : first;
        const found = findZoneSlot(index, lookupNameOf(toKey(asked)), parentSide);
        assert.equal(found, expected === undefined ? -1 : slots.get(expected));
      },
    ),
    { numRuns: 500 },
  );
});

test('templates longer than pointers reach are still read right (RFC 1035 §4.1.4)', () => {
  const long = (index: number) => `${`h${index}`.padEnd(60, 'x')}.${'y'.repeat(60)}.z${index}`;
  const names = Array.from({ length: 100 }, (_, index) => long(index));
  const many = (owner: string) => names.map((name, i) => `${owner} MX ${i} ${name}\n`).join('');
  const addresses = names.map((name, i) => `${name} A 192.0.2.${i}\n`).join('');
  const chain = Array.from({ length: 8 }, (_, i) => {
    const pad = 'p'.repeat(50);
    return `${pad}.c${i} CNAME ${i === 7 ? 'q.deep.wild' : `${pad}.c${i + 1}`}\n`;
  }).join('');
  const text = `${head}${many('mx')}${many('*.wild')}${addresses}${chain}`;
  const responder = makeResponder(makeUpdate({ 'example.com.': text }));
  const mx = (owner: string) => names.map((name, i) => `${owner} 300 MX ${i} ${name}.example.com.`);
  const a = names.map((name, i) => `${name}.example.com. 300 A 192.0.2.${i}`);

  const direct = ask(responder, 'mx.example.com. MX', { transport: 1 });
  assert.ok(direct.bytes > 0x4000);
  assert.deepEqual(direct.answer, mx('mx.example.com.'));
  assert.deepEqual(direct.additional, a);

  const wild = ask(responder, 'some.thing.wild.example.com. MX', { transport: 1 });
  assert.deepEqual(wild.answer, mx('some.thing.wild.example.com.'));
  assert.deepEqual(wild.additional, a);

  const chained = ask(responder, `${'p'.repeat(50)}.c0.example.com. MX`, { transport: 1 });
  assert.equal(chained.answer.length, 108);
  assert.deepEqual(chained.answer.slice(8), mx('q.deep.wild.example.com.'));
  assert.deepEqual(chained.additional, a);
});

test('the root zone is a zone like any other', () => {
  const root = `$TTL 300
. SOA ns1.nic. hostmaster.nic. 1 7200 900 1209600 60
. NS ns1.nic.
nic. NS ns1.nic.
ns1.nic. A 192.0.2.1
com. NS ns.example.net.
`;
  const responder = makeResponder(makeUpdate({ '.': root }));
  const apex = ask(responder, '. NS');
  assert.deepEqual(apex.answer, ['. 300 NS ns1.nic.']);
  const soa = '. 60 SOA ns1.nic. hostmaster.nic. 1 7200 900 1209600 60';
  assert.deepEqual(ask(responder, '. TXT').authority, [soa]);
  const missing = ask(responder, 'a.b.invalid. A');
  assert.equal(missing.rcode, 'NXDOMAIN');
  assert.deepEqual(missing.authority, [soa]);
  assert.deepEqual(ask(responder, 'www.com. A').authority, ['com. 300 NS ns.example.net.']);
});
