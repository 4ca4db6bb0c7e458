import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { layoutOf, placeOfRecord } from '../../src/geo/mmdb-record.ts';
import { asnRecord, cityRecord, countryRecord } from './fixtures.ts';

const cases: readonly [string, unknown, 'city' | 'country' | 'asn', object][] = [
  ['a MaxMind country', countryRecord('FR', 'EU'), 'country', { country: 'FR', continent: 'EU' }],
  ['a flat country', { country_code: 'IN' }, 'country', { country: 'IN', continent: 'AS' }],
  ['lower case', { country_code: 'in' }, 'country', { country: 'IN', continent: 'AS' }],
  ['an unknown country', { country_code: 'ZZ' }, 'country', {}],
  ['a country that is a name', { country_code: 'None' }, 'country', {}],
  ['an empty country', { country_code: '' }, 'country', {}],
  ['a continent alone', { continent: { code: 'EU' } }, 'country', { continent: 'EU' }],
  [
    'a registration alone',
    { registered_country: { iso_code: 'US' } },
    'country',
    { country: 'US', continent: 'NA' },
  ],
  ['an AS number', asnRecord(64500), 'asn', { asn: 64500 }],
  ['an AS number with its prefix', { asn: 'AS64500' }, 'asn', { asn: 64500 }],
  ['AS 0', asnRecord(0), 'asn', {}],
  ['an AS number beyond 32 bits', { asn: 4294967296 }, 'asn', {}],
  ['a country record asked for an AS', countryRecord('FR', 'EU'), 'asn', {}],
  [
    'a place at 0, 0',
    { country_code: 'GH', latitude: 0, longitude: 0 },
    'city',
    {
      country: 'GH',
      continent: 'AF',
      coordinates: { latitude: 0, longitude: 0 },
      approximate: true,
    },
  ],
  ['latitude 91', { latitude: 91, longitude: 0 }, 'city', {}],
  [
    'coordinates as text',
    { latitude: '1.5', longitude: '2', city: 'X' },
    'city',
    {
      city: 'X',
      coordinates: { latitude: 1.5, longitude: 2 },
    },
  ],
  ['half a point', { latitude: 1 }, 'city', {}],
  [
    'a state by name in nested objects',
    { country: { iso_code: 'US' }, subdivisions: [{ names: { en: 'New York' } }] },
    'city',
    { country: 'US', continent: 'NA', subdivision: 'US-NY' },
  ],
  ['a state of an unknown country', { subdivisions: [{ iso_code: 'CA' }] }, 'city', {}],
  ['nothing', null, 'city', {}],
  ['a text', 'DE', 'country', {}],
];
for (const [what, record, kind, place] of cases) {
  test(`placeOfRecord() of ${what}`, () => {
    assert.deepEqual(placeOfRecord(record, kind), place);
  });
}

test('layoutOf() tells nested from flat records', () => {
  assert.equal(layoutOf(cityRecord('DE', 'Kiel', 54, 10)), 'maxmind');
  assert.equal(layoutOf(countryRecord('DE', 'EU')), 'maxmind');
  assert.equal(layoutOf(asnRecord(1)), 'maxmind');
  assert.equal(layoutOf({ country_code: 'DE' }), 'flat');
  assert.equal(layoutOf({ city: 'Kiel', latitude: 54 }), 'flat');
  assert.equal(layoutOf({ isp: 'x' }), 'unknown');
  assert.equal(layoutOf(null), 'unknown');
});

test('placeOfRecord() takes any record without throwing, and keeps what it promises', () => {
  fc.assert(
    fc.property(fc.anything(), fc.constantFrom('city', 'country', 'asn'), (record, kind) => {
      const place = placeOfRecord(record, kind as 'city');
      if (place.country !== undefined) assert.match(place.country, /^[A-Z]{2}$/);
      if (place.coordinates) assert.ok(Math.abs(place.coordinates.latitude) <= 90);
    }),
  );
});
