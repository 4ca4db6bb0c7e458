import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../src/base/limits.ts';
import { rdataCodec } from '../../src/wire/rdata/registry.ts';
import { typeName } from '../../src/wire/type-names.ts';
import { isRdataError, rrTypes } from '../../src/wire/types.ts';
import { equalRRsets } from '../../src/zone/diff-zone.ts';
import { readZoneFolder, readZoneText } from '../../src/zone/read-zone.ts';
import {
  rrsetFromJson,
  rrsetFromStored,
  rrsetToJson,
  scanFields,
} from '../../src/zone/rrset-json.ts';
import type { RRset } from '../../src/zone/zone.ts';
import { generateZones, masterFile, parentOrigin } from '../e2e/support/generated-zone.ts';

const origin = 'example.com.';

function made(owner: string, type: string, body: object): RRset {
  const rrset = rrsetFromJson(origin, owner, type, body);
  assert.ok(!Array.isArray(rrset), JSON.stringify(rrset));
  return rrset as RRset;
}

function problems(owner: string, type: string, body: object): string[] {
  const found = rrsetFromJson(origin, owner, type, body);
  assert.ok(Array.isArray(found));
  return found.map(({ code, where }) => (where === undefined ? code : `${code} ${where}`));
}

test('rrsetFromJson() makes RRsets of relative and absolute owners', () => {
  const mx = made('Mail', 'mx', { ttl: 60, values: ['10 a', '20 a.example.net.'] });
  assert.equal(mx.owner, 'Mail.example.com.');
  assert.deepEqual(rrsetToJson(mx), {
    ttl: 60,
    values: ['10 a.example.com.', '20 a.example.net.'],
  });
  assert.equal(made('@', 'A', { ttl: 0, values: ['192.0.2.1'] }).owner, origin);
  assert.equal(
    made('a.example.com.', 'A', { ttl: 0, values: ['192.0.2.1'] }).owner,
    'a.example.com.',
  );
});

test('rrsetFromJson() reads quoted strings, escapes and characters outside ASCII', () => {
  const txt = made('a', 'TXT', { ttl: 1, values: ['"a;b" c\\ d "ü"'] });
  assert.deepEqual(rrsetToJson(txt), { ttl: 1, values: ['"a;b" "c d" "\\195\\188"'] });
});

test('rrsetFromJson() makes a STEER with and without a TTL', () => {
  assert.deepEqual(rrsetToJson(made('a', 'STEER', { steer: 'web' })), { steer: 'web' });
  assert.deepEqual(rrsetToJson(made('a', 'steer', { ttl: 5, steer: 'web' })), {
    ttl: 5,
    steer: 'web',
  });
});

test('rrsetToJson() then rrsetFromJson() gives an equal RRset for the whole example zone', () => {
  const { zones } = readZoneFolder(`${import.meta.dirname}/../../zones`);
  let count = 0;
  for (const node of zones[0]?.nodes.values() ?? []) {
    for (const rrset of node.values()) {
      const again = made(rrset.owner, typeName(rrset.type), rrsetToJson(rrset));
      assert.ok(equalRRsets(rrset, again) && again.owner === rrset.owner, rrset.owner);
      count++;
    }
  }
  assert.ok(count > 20);
});

test('rrsetFromStored() gives what rrsetFromJson() gives, for generated zones of every type', () => {
  for (const seed of [1, 2, 3]) {
    const text = masterFile(parentOrigin, generateZones(seed, 600).parent);
    const reading = readZoneText(text, { origin: parentOrigin, file: 'generated' });
    const { zone } = reading;
    assert.ok(zone !== undefined, JSON.stringify(reading.problems));
    for (const [owner, node] of zone.nodes) {
      for (const rrset of node.values()) {
        const body = rrsetToJson(rrset);
        const stored = rrsetFromStored(zone.origin, owner, rrset.type, body);
        assert.ok(stored !== undefined, `${owner} ${rrset.type}`);
        assert.deepEqual(stored, rrsetFromJson(zone.origin, owner, typeName(rrset.type), body));
        assert.ok(equalRRsets(stored, rrset), `${owner} ${rrset.type} (seed ${seed})`);
      }
    }
  }
});

test('rrsetFromStored() gives nothing for what rrsetFromJson() refuses', () => {
  for (const body of [{ ttl: -1, values: ['192.0.2.1'] }, { ttl: 1 }, { ttl: 1, values: ['x'] }]) {
    assert.equal(rrsetFromStored(origin, 'a.example.com.', rrTypes.A, body), undefined);
  }
});

test('rrsetFromJson() reads every value as the scanner of master files does', () => {
  const octets = fc.string({ unit: fc.constantFrom(...'aZ09.:-_ "\\;()@=/*\t'), maxLength: 8 });
  fc.assert(
    fc.property(octets, fc.boolean(), (inside, isQuoted) => {
      const value = isQuoted ? `"${inside}"` : inside;
      const found = rrsetFromJson(origin, 'a', 'TXT', { ttl: 1, values: [value] });
      const fields = scanFields(value);
      const rdata = isRdataError(fields) ? fields : rdataCodec(rrTypes.TXT).parse(fields, origin);
      if (isRdataError(rdata)) assert.ok(Array.isArray(found), value);
      else assert.deepEqual((found as RRset).rdatas, [rdata], value);
    }),
    { numRuns: 2000 },
  );
});

const refused: readonly (readonly [string, string, string, object, string[]])[] = [
  ['a malformed owner', 'a..b', 'A', { ttl: 1, values: ['192.0.2.1'] }, ['E_NAME_SYNTAX']],
  ['an unknown type', 'a', 'FOO', { ttl: 1, values: ['x'] }, ['E_TYPE_UNKNOWN']],
  ['a type of queries', 'a', 'ANY', { ttl: 1, values: ['x'] }, ['E_ZONE_TYPE']],
  ['a missing TTL', 'a', 'A', { values: ['192.0.2.1'] }, ['E_ZONE_TTL /ttl']],
  ['a TTL that is no number', 'a', 'A', { ttl: '5', values: ['192.0.2.1'] }, ['E_ZONE_TTL /ttl']],
  ['a broken TTL', 'a', 'A', { ttl: 0.5, values: ['192.0.2.1'] }, ['E_ZONE_TTL /ttl']],
  ['a negative TTL', 'a', 'STEER', { ttl: -1, steer: 'web' }, ['E_ZONE_TTL /ttl']],
  [
    'a TTL over the limit',
    'a',
    'A',
    { ttl: 604_801, values: ['192.0.2.1'] },
    ['E_ZONE_TTL_RANGE /ttl'],
  ],
  ['no values', 'a', 'A', { ttl: 1 }, ['E_ZONE_VALUE /values']],
  ['empty values', 'a', 'A', { ttl: 1, values: [] }, ['E_ZONE_VALUE /values']],
  [
    'a value that is no text',
    'a',
    'A',
    { ttl: 1, values: [5, null] },
    ['E_ZONE_VALUE /values/0', 'E_ZONE_VALUE /values/1'],
  ],
  [
    'bad values, each',
    'a',
    'A',
    { ttl: 1, values: ['x', '192.0.2.1', ''] },
    ['E_RDATA_SYNTAX /values/0', 'E_RDATA_SYNTAX /values/2'],
  ],
  ['a comment', 'a', 'TXT', { ttl: 1, values: ['v=x; y'] }, ['E_ZONE_SYNTAX /values/0']],
  ['a second line', 'a', 'TXT', { ttl: 1, values: ['a\nb TXT c'] }, ['E_ZONE_SYNTAX /values/0']],
  ['an open quote', 'a', 'TXT', { ttl: 1, values: ['"a'] }, ['E_ZONE_SYNTAX /values/0']],
  ['a value twice', 'a', 'NS', { ttl: 1, values: ['b', 'B'] }, ['E_ZONE_DUPLICATE /values/1']],
  [
    'values of a STEER',
    'a',
    'STEER',
    { values: ['web'] },
    ['E_ZONE_VALUE /values', 'E_ZONE_VALUE /steer'],
  ],
  ['a malformed service', 'a', 'STEER', { steer: 'a_b' }, ['E_ZONE_STEER /steer']],
  [
    'steer of another type',
    'a',
    'A',
    { ttl: 1, values: ['192.0.2.1'], steer: 'web' },
    ['E_ZONE_VALUE /steer'],
  ],
  ['an unknown key', 'a', 'A', { ttl: 1, values: ['192.0.2.1'], tt: 5 }, ['E_ZONE_VALUE /tt']],
];

for (const [what, owner, type, body, expected] of refused) {
  test(`rrsetFromJson() refuses ${what} by path`, () => {
    assert.deepEqual(problems(owner, type, body), expected);
  });
}

test('rrsetFromJson() refuses more values than an RRset takes', () => {
  const values = Array.from({ length: limits.rrsPerRrset + 1 }, (_, index) => String(index));
  assert.deepEqual(problems('a', 'TXT', { ttl: 1, values }), ['E_ZONE_RRSET_TOO_LARGE /values']);
});
