import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeridianError } from '../../src/base/errors.ts';
import { type IpAddress, parseIp } from '../../src/base/ip.ts';
import {
  embeddedCountryDatabase,
  familyWarnings,
  formatLocation,
  type GeoSources,
  openGeoSources,
  withOverrides,
} from '../../src/geo/geo-sources.ts';
import { asnRecord, cityRecord, countryRecord, databaseFile, temporaryPath } from './fixtures.ts';

const ip = (text: string) => parseIp(text) as IpAddress;
const at = (sources: GeoSources, text: string) => sources.locate(ip(text)).place;

const country = databaseFile({
  databaseType: 'Country',
  aliases: true,
  networks: [
    ['192.0.2.0/24', countryRecord('DE', 'EU')],
    ['198.51.100.0/24', countryRecord('FR', 'EU')],
    ['2001:db8::/32', countryRecord('IN', 'AS')],
    ['10.0.0.0/8', countryRecord('BR', 'SA')],
    ['127.0.0.0/8', countryRecord('JP', 'AS')],
    ['::1/128', countryRecord('NZ', 'OC')],
  ],
});
const city = databaseFile({
  databaseType: 'City',
  networks: [
    ['192.0.2.0/25', cityRecord('DE', 'Kiel', 54.3, 10.1, 'SH')],
    ['198.51.100.0/25', cityRecord('GB', 'Leeds', 53.8, -1.5, 'ENG')],
  ],
});
const asn = databaseFile({ databaseType: 'ASN', networks: [['192.0.0.0/16', asnRecord(64500)]] });
const files = [
  { kind: 'asn', path: asn },
  { kind: 'country', path: country },
  { kind: 'city', path: city },
] as const;

test('locate() takes city before country, and the AS number from the ASN database', async () => {
  const sources = await openGeoSources(files);
  assert.deepEqual(sources.locate(ip('192.0.2.1')), {
    place: {
      country: 'DE',
      continent: 'EU',
      subdivision: 'DE-SH',
      city: 'Kiel',
      asn: 64500,
      coordinates: { latitude: 54.3, longitude: 10.1 },
    },
    source: `${city} + ${country} + ${asn}`,
    prefixLength: 25,
  });
  assert.equal(at(sources, '198.51.100.1').country, 'GB');
  assert.equal(at(sources, '198.51.100.200').country, 'FR');
  assert.deepEqual(sources.locate(ip('203.0.113.1')).source, 'nothing');
  assert.deepEqual(at(sources, '203.0.113.1'), {});
});

test('locate() gives the centre of the country, marked, where there is no better point', async () => {
  const place = at(await openGeoSources(files), '192.0.2.200');
  assert.equal(place.approximate, true);
  assert.ok(Math.abs((place.coordinates?.latitude ?? 0) - 51) < 2);
});

test('locate() asks for private and loopback addresses as well', async () => {
  const sources = await openGeoSources(files);
  assert.equal(at(sources, '10.1.2.3').country, 'BR');
  assert.equal(at(sources, '127.0.0.1').country, 'JP');
  assert.equal(at(sources, '::1').country, 'NZ');
});

test('locate() takes IPv6 addresses that carry an IPv4 address for that', async () => {
  const sources = await openGeoSources(files);
  assert.equal(at(sources, '::ffff:192.0.2.1').city, 'Kiel');
  assert.equal(sources.locate(ip('::ffff:192.0.2.1')).prefixLength, 96 + 25);
  assert.equal(at(sources, '2002:c000:0201::1').city, 'Kiel');
  // Teredo: the address in it is the server's.
  assert.deepEqual(at(sources, '2001:0:c000:0201::1'), {});
});

test('openGeoSources() completes an IPv4-only file by an IPv6-only one', async () => {
  const four = databaseFile({
    databaseType: 'ipv4',
    ipVersion: 4,
    networks: [['32.0.0.0/8', { country_code: 'DE' }]],
  });
  const six = databaseFile({
    databaseType: 'ipv6',
    networks: [['2a00::/16', { country_code: 'FR' }]],
  });
  const sources = await openGeoSources([
    { kind: 'country', path: four },
    { kind: 'country', path: six },
  ]);
  assert.equal(at(sources, '32.1.2.3').country, 'DE');
  assert.equal(at(sources, '2a00::1').country, 'FR');
  // By its first 32 bits this would be 32.0.0.0 in the IPv4 tree.
  assert.deepEqual(at(sources, '2000::1'), {});
  assert.deepEqual(familyWarnings(sources), []);
});

test('familyWarnings() names the family that no file of a kind knows', async () => {
  const four = databaseFile({
    databaseType: 'ipv4',
    ipVersion: 4,
    networks: [['32.0.0.0/8', { country_code: 'DE' }]],
  });
  const [warning, ...others] = familyWarnings(
    await openGeoSources([{ kind: 'country', path: four }]),
  );
  assert.deepEqual(others, []);
  assert.equal(warning?.code, 'E_GEO_FAMILY');
  assert.equal(warning?.severity, 'warning');
  assert.match(warning?.message ?? '', /no IPv6 network/);
});

test('openGeoSources() takes the first of two files that both know an address', async () => {
  const paths = ['DE', 'FR'].map((code) =>
    databaseFile({ databaseType: 'X', networks: [['192.0.2.0/24', { country_code: code }]] }),
  );
  const sources = await openGeoSources(paths.map((path) => ({ kind: 'country', path })));
  assert.equal(at(sources, '192.0.2.1').country, 'DE');
});

test('openGeoSources() reports every bad file, not only the first', async () => {
  const missing = [temporaryPath('a.mmdb'), temporaryPath('b.mmdb')];
  await assert.rejects(
    openGeoSources(missing.map((path) => ({ kind: 'city', path }))),
    (error) =>
      error instanceof MeridianError &&
      assert.deepEqual(
        error.problems.map(({ where }) => where),
        missing,
      ) === undefined,
  );
});

test('overrides come before databases, each field from the most specific that sets it', async () => {
  const sources = await openGeoSources(files, [
    { cidr: '192.0.0.0/8', asn: 64501 },
    { cidr: '192.0.2.0/26', asn: 64502, country: 'DE' },
    { cidr: '192.0.2.16/28', coordinates: { latitude: 1, longitude: 2 } },
  ]);
  // Its AS is the operator's, its country the database's.
  assert.deepEqual(
    [at(sources, '192.0.2.100').asn, at(sources, '192.0.2.100').city],
    [64501, 'Kiel'],
  );
  assert.equal(at(sources, '192.0.2.1').asn, 64502);
  const inner = at(sources, '192.0.2.20');
  assert.deepEqual([inner.asn, inner.country, inner.continent], [64502, 'DE', 'EU']);
  assert.deepEqual(inner.coordinates, { latitude: 1, longitude: 2 });
  assert.equal(inner.city, undefined);
  assert.equal(sources.locate(ip('192.0.2.20')).prefixLength, 28);
});

test('an override that names another country leaves out what lies in the database’s', async () => {
  const sources = await openGeoSources(files, [
    { cidr: '192.0.2.0/24', country: 'US', subdivision: 'US-CA' },
  ]);
  const place = at(sources, '192.0.2.1');
  assert.deepEqual([place.country, place.continent, place.subdivision], ['US', 'NA', 'US-CA']);
  assert.equal(place.city, undefined);
  assert.equal(place.approximate, true);
  assert.ok((place.coordinates?.longitude ?? 0) < -60, 'a point in the US, not in Kiel');
  assert.equal(place.asn, 64500);
});

test('an override of an IPv6 prefix outranks the IPv4 address that is carried in it', async () => {
  const sources = await openGeoSources(files, [{ cidr: '2002:c000:200::/40', country: 'JP' }]);
  assert.equal(at(sources, '2002:c000:0201::1').country, 'JP');
  assert.equal(at(sources, '2002:c633:6401::1').country, 'GB');
});

test('an override of ::1 is about loopback', async () => {
  const sources = await openGeoSources(files, [{ cidr: '::1/128', country: 'SE' }]);
  assert.equal(at(sources, '::1').country, 'SE');
});

test('withOverrides() keeps databases and changes the operator’s word', async () => {
  const sources = await openGeoSources(files, [{ cidr: '192.0.2.0/24', country: 'SE' }]);
  const changed = withOverrides(sources, [{ cidr: '192.0.2.0/24', country: 'NO' }]);
  assert.equal(at(sources, '192.0.2.1').country, 'SE');
  assert.equal(at(changed, '192.0.2.1').country, 'NO');
  assert.equal(at(withOverrides(changed, []), '192.0.2.1').country, 'DE');
});

test('openGeoSources() refuses malformed overrides, all of them', async () => {
  await assert.rejects(openGeoSources([], [{ cidr: '192.0.2.1/24' }, { cidr: 'x' }]), (error) => {
    assert.ok(error instanceof MeridianError);
    assert.deepEqual(
      error.problems.map(({ code }) => code),
      ['E_GEO_OVERRIDE', 'E_GEO_OVERRIDE'],
    );
    return true;
  });
});

test('the embedded database knows well-known addresses', async () => {
  const sources = await openGeoSources([{ kind: 'country', path: embeddedCountryDatabase() }]);
  for (const [address, code] of [
    ['8.8.8.8', 'US'],
    ['193.0.6.139', 'NL'],
    ['2001:67c:2e8:22::c100:68b', 'NL'],
    ['202.12.29.175', 'AU'],
    ['200.160.2.3', 'BR'],
  ] as const) {
    assert.equal(at(sources, address).country, code, address);
  }
  assert.deepEqual(at(sources, '192.168.1.1'), {});
  assert.deepEqual(familyWarnings(sources), []);
});

test('formatLocation() is one line for explain', async () => {
  const sources = await openGeoSources(files);
  const line = formatLocation(ip('192.0.2.1'), sources.locate(ip('192.0.2.1')));
  assert.match(line, /^192\.0\.2\.1: Kiel, DE-SH, EU, AS64500 \(.*, \/25\)$/);
});
