import assert from 'node:assert/strict';
import { test } from 'node:test';
import { City } from '@maxmind/geoip2-node';
import { type IpAddress, parseIp } from '../../src/base/ip.ts';
import { databaseInfo, describeAddress } from '../../src/geo/database-info.ts';
import { embeddedCountryDatabase } from '../../src/geo/geo-sources.ts';
import { asnRecord, cityRecord, databaseFile } from './fixtures.ts';

const ip = (text: string) => parseIp(text) as IpAddress;
const dayMs = 86_400_000;

test('databaseInfo() says what a database is and shows its first record', async () => {
  const path = databaseFile({
    databaseType: 'GeoLite2-City',
    buildEpoch: 1_750_000_000,
    networks: [
      ['192.0.2.0/24', cityRecord('DE', 'Kiel', 54.3, 10.1, 'SH')],
      ['2001:db8::/32', cityRecord('FR', 'Brest', 48.4, -4.5)],
    ],
  });
  const info = await databaseInfo(path, 1_750_000_000_000 + 10 * dayMs);
  assert.equal(info.databaseType, 'GeoLite2-City');
  assert.equal(info.description, 'A database for tests');
  assert.equal(info.built, '2025-06-15T15:06:40.000Z');
  assert.deepEqual([info.ipVersion, info.recordBits, info.layout], [6, 28, 'maxmind']);
  assert.deepEqual([info.networks4, info.networks6], [1, 1]);
  assert.equal(info.example?.address, '192.0.2.0');
  assert.deepEqual(info.problems, []);
});

test('databaseInfo() warns of one family only, of age and of an unknown layout', async () => {
  const path = databaseFile({
    databaseType: 'Custom',
    ipVersion: 4,
    networks: [['192.0.2.0/24', { isp: 'Example' }]],
  });
  const { problems } = await databaseInfo(path, 1_750_000_000_000 + 100 * dayMs);
  assert.deepEqual(
    problems.map(({ code, severity }) => [code, severity]),
    [
      ['E_GEO_FAMILY', 'warning'],
      ['E_GEO_LAYOUT', 'warning'],
      ['E_GEO_OLD', 'warning'],
    ],
  );
  assert.match(problems[2]?.message ?? '', /100 days ago/);
});

test('databaseInfo() of the embedded database finds both families', async () => {
  const info = await databaseInfo(embeddedCountryDatabase());
  assert.equal(info.layout, 'flat');
  assert.ok(info.networks4 > 100_000 && info.networks6 > 20_000);
});

test('describeAddress() gives MaxMind’s model for a database that has one', async () => {
  const path = databaseFile({
    databaseType: 'GeoLite2-City',
    networks: [['192.0.2.0/24', cityRecord('DE', 'Kiel', 54.3, 10.1, 'SH')]],
  });
  const found = await describeAddress(path, ip('192.0.2.7'));
  assert.equal(found.model, 'City');
  assert.ok(found.record instanceof City);
  assert.equal(found.record.city?.names.de, 'Kiel (de)');
  assert.equal(found.network, '192.0.2.0/24');
  assert.equal(found.place.subdivision, 'DE-SH');
});

test('describeAddress() gives the record as it stands for other layouts', async () => {
  const path = databaseFile({
    databaseType: 'flat',
    networks: [['2001:db8::/32', { country_code: 'IN', autonomous_system_number: 64500 }]],
  });
  const found = await describeAddress(path, ip('2001:db8::1'));
  assert.equal(found.model, 'raw');
  assert.deepEqual(found.record, { country_code: 'IN', autonomous_system_number: 64500 });
  assert.deepEqual(found.place, { asn: 64500, country: 'IN', continent: 'AS' });
  assert.equal(found.network, '2001:db8::/32');
});

test('describeAddress() gives the model of an ASN database', async () => {
  const path = databaseFile({
    databaseType: 'GeoLite2-ASN',
    networks: [['192.0.2.0/24', asnRecord(64500)]],
  });
  const found = await describeAddress(path, ip('192.0.2.1'));
  assert.deepEqual([found.model, found.place], ['ASN', { asn: 64500 }]);
});

test('describeAddress() of an unknown address names its empty network', async () => {
  const path = databaseFile({
    databaseType: 'GeoLite2-ASN',
    networks: [['192.0.2.0/24', asnRecord(64500)]],
  });
  const found = await describeAddress(path, ip('10.0.0.1'));
  assert.equal(found.record, undefined);
  assert.deepEqual(found.place, {});
  assert.equal(found.network, '0.0.0.0/1');
});

test('describeAddress() does not ask an IPv4-only database for an IPv6 address', async () => {
  const path = databaseFile({
    databaseType: 'ipv4',
    ipVersion: 4,
    networks: [['32.0.0.0/8', { country_code: 'DE' }]],
  });
  const found = await describeAddress(path, ip('2001:db8::1'));
  assert.deepEqual([found.record, found.network, found.place], [undefined, undefined, {}]);
  assert.equal(found.problem?.code, 'E_GEO_FAMILY');
});
