import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type ErrorCode, MeridianError } from '../../src/base/errors.ts';
import type { GeoKind } from '../../src/geo/mmdb-record.ts';
import { openGeoFile } from '../../src/geo/open-geo-file.ts';
import { asnRecord, cityRecord, countryRecord, databaseFile, temporaryPath } from './fixtures.ts';
import { writeMmdb } from './mmdb-writer.ts';

const networks = [['192.0.2.0/24', countryRecord('DE', 'EU')]] as const;

async function refusal(kind: GeoKind, path: string): Promise<{ code: ErrorCode; message: string }> {
  const error = await openGeoFile(kind, path).then(
    () => assert.fail('it was taken'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof MeridianError, String(error));
  const [problem] = error.problems;
  assert.equal(problem?.where, path);
  return { code: error.code, message: problem?.message ?? '' };
}

function fileOf(bytes: Uint8Array | string): string {
  const path = temporaryPath('bad.mmdb');
  writeFileSync(path, bytes);
  return path;
}

const whole = writeMmdb({ databaseType: 'GeoLite2-Country', networks });

const notMmdb: readonly [string, Uint8Array | string, RegExp][] = [
  ['an empty file', '', /empty/],
  ['a gzip file', gzipSync(whole), /gzip/],
  ['a zip archive', Buffer.from('504b030414000000', 'hex'), /zip/],
  ['a page of a failed download', '<!DOCTYPE html><title>403</title>', /HTML/],
  ['a CSV file', 'network,country\n192.0.2.0/24,DE\n', /text/],
  [
    'a file without its end',
    whole.subarray(0, whole.lastIndexOf('MaxMind.com') - 4),
    /end is missing/,
  ],
];
for (const [what, bytes, remedy] of notMmdb) {
  test(`openGeoFile() refuses ${what} with its remedy`, async () => {
    const { code, message } = await refusal('country', fileOf(bytes));
    assert.equal(code, 'E_GEO_NOT_MMDB');
    assert.match(message, remedy);
  });
}

test('openGeoFile() refuses a file that is not there, and a folder', async () => {
  const missing = await refusal('country', temporaryPath('missing.mmdb'));
  assert.deepEqual([missing.code, /no such file/.test(missing.message)], ['E_GEO_FILE', true]);
  const folder = await refusal('country', dirname(temporaryPath('x')));
  assert.deepEqual([folder.code, /a folder/.test(folder.message)], ['E_GEO_FILE', true]);
});

test('openGeoFile() refuses a file that lost a piece in its middle', async () => {
  const cut = Buffer.concat([whole.subarray(0, 100), whole.subarray(400)]);
  const { code, message } = await refusal('country', fileOf(cut));
  assert.equal(code, 'E_GEO_DAMAGED');
  assert.match(message, /search tree does not have/);
});

test('openGeoFile() refuses metadata that make no sense', async () => {
  for (const metadata of [{ node_count: 0 }, { ip_version: 5 }, { record_size: 20 }]) {
    const path = fileOf(writeMmdb({ databaseType: 'X', networks, metadata }));
    assert.equal((await refusal('country', path)).code, 'E_GEO_DAMAGED');
  }
});

test('openGeoFile() refuses a database without networks', async () => {
  const { code } = await refusal('country', databaseFile({ databaseType: 'X', networks: [] }));
  assert.equal(code, 'E_GEO_DAMAGED');
});

test('openGeoFile() refuses a database of another kind than it was given as', async () => {
  const asn = databaseFile({ databaseType: 'ASN', networks: [['192.0.2.0/24', asnRecord(64500)]] });
  const country = databaseFile({ databaseType: 'GeoLite2-Country', networks });
  for (const [kind, path] of [
    ['country', asn],
    ['city', asn],
    ['asn', country],
    ['city', country],
  ] as const) {
    const { code, message } = await refusal(kind, path);
    assert.equal(code, 'E_GEO_LAYOUT', `${kind} of ${path}`);
    assert.match(message, new RegExp(`database has no ${kind === 'asn' ? 'AS' : ''}`));
  }
});

test('openGeoFile() refuses any damage or gives a layer, and never anything else', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: whole.length - 1 }),
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      async (at, garbage) => {
        const bytes = Buffer.from(whole);
        bytes.set(garbage.subarray(0, whole.length - at), at);
        try {
          const layer = await openGeoFile('country', fileOf(bytes));
          assert.ok(layer.networks4 + layer.networks6 > 0);
        } catch (error) {
          assert.ok(error instanceof MeridianError, String((error as Error).stack));
          assert.match(error.code, /^E_GEO_/);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('openGeoFile() tells layouts by content, whatever the database calls itself', async () => {
  const nested = databaseFile({
    databaseType: 'flat city',
    networks: [['192.0.2.0/24', cityRecord('DE', 'Kiel', 54.3, 10.1, 'SH')]],
  });
  const flat = databaseFile({
    databaseType: 'GeoLite2-City',
    networks: [
      [
        '192.0.2.0/24',
        {
          country_code: 'US',
          state1: 'California',
          city: 'San Jose',
          latitude: 37.3,
          longitude: -121.9,
        },
      ],
    ],
  });
  const a = await openGeoFile('city', nested);
  assert.equal(a.layout, 'maxmind');
  assert.deepEqual(a.places[1], {
    country: 'DE',
    continent: 'EU',
    subdivision: 'DE-SH',
    city: 'Kiel',
    coordinates: { latitude: 54.3, longitude: 10.1 },
  });
  const b = await openGeoFile('city', flat);
  assert.equal(b.layout, 'flat');
  assert.deepEqual(b.places[1], {
    country: 'US',
    continent: 'NA',
    subdivision: 'US-CA',
    city: 'San Jose',
    coordinates: { latitude: 37.3, longitude: -121.9 },
  });
});

test('openGeoFile() takes only country and continent from a city database given as country', async () => {
  const path = databaseFile({
    databaseType: 'City',
    networks: [
      ['192.0.2.0/25', cityRecord('DE', 'Kiel', 54.3, 10.1, 'SH')],
      ['192.0.2.128/25', cityRecord('DE', 'Bonn', 50.7, 7.1, 'NW')],
    ],
  });
  const layer = await openGeoFile('country', path);
  assert.deepEqual(layer.places, [{}, { country: 'DE', continent: 'EU' }]);
  // Both halves say the same, so they are one range between two that say nothing.
  assert.equal(layer.ranges4.count, 3);
  assert.equal(layer.networks4, 2);
});

test('openGeoFile() remembers which file it read', async () => {
  const path = databaseFile({ databaseType: 'Country', networks });
  const before = (await openGeoFile('country', path)).signature;
  assert.equal((await openGeoFile('country', path)).signature, before);
  writeFileSync(path, Buffer.concat([Buffer.alloc(0), readFileSync(path), Buffer.from('x')]));
  assert.notEqual((await openGeoFile('country', path)).signature, before);
});
