import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { Reader } from 'mmdb-lib';
import { MeridianError } from '../../src/base/errors.ts';
import {
  formatIp,
  formatPrefix,
  type IpAddress,
  parseIp,
  parsePrefix,
  prefixHolds,
} from '../../src/base/ip.ts';
import { limits } from '../../src/base/limits.ts';
import { buildClientMap } from '../../src/geo/build-client-map.ts';
import { classifyPlace } from '../../src/geo/classify-place.ts';
import type { ClientDistinctions } from '../../src/geo/client.ts';
import { lookupClient, openClientMap } from '../../src/geo/client-map.ts';
import { allCountries } from '../../src/geo/countries.ts';
import { distanceKm } from '../../src/geo/distance.ts';
import {
  combineSources,
  embeddedCountryDatabase,
  type GeoSources,
  openGeoSources,
} from '../../src/geo/geo-sources.ts';
import { asnRecord, cityRecord, countryRecord, databaseFile } from './fixtures.ts';
import { prefixesOf, probesOf } from './generators.ts';
import { isUniform, spanAround, spanOf } from './naive.ts';

const nothing: ClientDistinctions = {
  countries: [],
  continents: [],
  subdivisions: [],
  asns: [],
  prefixes: [],
  coordinates: false,
};

function mapOf(sources: GeoSources, distinctions: Partial<ClientDistinctions>) {
  const built = buildClientMap(sources, { ...nothing, ...distinctions });
  const view = openClientMap(built.segment);
  const look = ({ family, words }: IpAddress) => {
    const packed = lookupClient(view, family, ...words);
    const classIndex = Math.floor(packed / 256);
    return { classIndex, client: built.classes[classIndex], scope: packed % 256 };
  };
  return { built, look, at: (text: string) => look(parseIp(text) as IpAddress) };
}

const embedded = await openGeoSources([{ kind: 'country', path: embeddedCountryDatabase() }]);
const allCodes = [...allCountries().keys()];
const word = fc.integer({ min: 0, max: 0xffff_ffff });

test('a map of the embedded database says of any address what mmdb-lib says', () => {
  const reader = new Reader<never>(readFileSync(embeddedCountryDatabase()));
  const { look } = mapOf(embedded, { countries: allCodes });
  const countryOf = (address: IpAddress) => {
    const record = reader.get(formatIp(address)) as { country_code?: string } | null;
    return record?.country_code;
  };
  const address4 = word.map((w): IpAddress => ({ family: 4, words: [w, 0, 0, 0] }));
  // Where networks are: 2000::/3, most of them in a few registries' blocks.
  const address6 = fc
    .tuple(fc.constantFrom(0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2a02, 0x2c0f), word, word)
    .map(([top, b, c]): IpAddress => {
      return { family: 6, words: [((top << 16) | (b >>> 16)) >>> 0, c, b, c] };
    });
  fc.assert(
    fc.property(fc.oneof(address4, address6), (address) => {
      assert.equal(look(address).client?.country, countryOf(address), formatIp(address));
    }),
    { numRuns: 5000 },
  );
});

test('the scope in a map of the embedded database holds one country and is the widest', () => {
  const { look } = mapOf(embedded, { countries: ['DE', 'IN', 'US'] });
  const starts = embedded.layers.flatMap(({ ranges4 }) => [...ranges4.starts].map(BigInt));
  fc.assert(
    fc.property(word, (w) => {
      const address: IpAddress = { family: 4, words: [w, 0, 0, 0] };
      const { scope } = look(address);
      const uniform = (length: number) =>
        isUniform(4, spanAround(address, length), starts, (other) => look(other).classIndex);
      assert.ok(uniform(scope));
      assert.ok(scope === 0 || !uniform(scope - 1));
    }),
    { numRuns: 30 },
  );
});

test('buildClientMap() agrees with locate() for every address and distinction', async () => {
  const paths = {
    city: databaseFile({
      databaseType: 'City',
      aliases: true,
      networks: [
        ['32.0.0.0/8', cityRecord('DE', 'Kiel', 54.3, 10.1, 'SH')],
        ['32.0.0.0/12', cityRecord('US', 'Fresno', 36.7, -119.8, 'CA')],
        ['2000::/6', cityRecord('DE', 'Bonn', 50.7, 7.1, 'NW')],
        ['2000::/10', cityRecord('FR', 'Brest', 48.4, -4.5, 'BRE')],
      ],
    }),
    country: databaseFile({
      databaseType: 'Country',
      networks: [
        ['0.0.0.0/1', countryRecord('US', 'NA')],
        ['32.0.0.0/6', countryRecord('DE', 'EU')],
        ['2000::/4', countryRecord('DE', 'EU')],
      ],
    }),
    asn: databaseFile({
      databaseType: 'ASN',
      networks: [
        ['32.0.0.0/7', asnRecord(1)],
        ['64.0.0.0/2', asnRecord(2)],
        ['2000::/8', asnRecord(3)],
      ],
    }),
  };
  const files = Object.entries(paths).map(([kind, path]) => ({ kind: kind as 'city', path }));
  const databases = await openGeoSources(files);
  const overrideOf = fc.record(
    {
      country: fc.constantFrom('US', 'DE', 'JP'),
      subdivision: fc.constantFrom('US-NY', 'DE-SH'),
      asn: fc.constantFrom(1, 2, 9),
      coordinates: fc.constantFrom({ latitude: 1, longitude: 1 }, { latitude: 2, longitude: 2 }),
    },
    { requiredKeys: [] },
  );
  const some = <T>(...values: T[]) => fc.subarray(values);
  fc.assert(
    fc.property(
      fc.constantFrom<4 | 6>(4, 6).chain((family) => {
        return fc.tuple(fc.constant(family), prefixesOf(family), prefixesOf(family));
      }),
      fc.array(overrideOf, { minLength: 12, maxLength: 12 }),
      some('US', 'DE', 'FR'),
      some('EU', 'NA', 'AS'),
      some('US-CA', 'DE-SH'),
      some(1, 2, 3),
      fc.boolean(),
      ([family, overridden, ruled], facts, countries, continents, subdivisions, asns, points) => {
        const overrides = overridden.map((prefix, index) => ({
          cidr: formatPrefix(prefix),
          ...facts[index],
        }));
        const sources = combineSources(databases.files, overrides);
        const prefixes = [...new Set(ruled.map(formatPrefix))];
        const distinctions = {
          countries,
          continents,
          subdivisions,
          asns,
          prefixes,
          coordinates: points,
        };
        const { look } = mapOf(sources, distinctions);
        for (const address of probesOf(family, [...overridden, ...ruled])) {
          // Rules on addresses that carry an IPv4 address have a test of their own.
          if (family === 6 && (address.words[0] === 0 || address.words[0] >>> 16 === 0x2002))
            continue;
          const holding = prefixes.filter((text) => prefixHolds(parsePrefix(text)!, address));
          const expected = classifyPlace(sources.locate(address).place, holding, distinctions);
          assert.deepEqual(look(address).client, expected, formatIp(address));
        }
        // A scope is never wider than its class.
        const boundaries = [...overridden, ...ruled].flatMap((p) => Object.values(spanOf(p)));
        for (const address of probesOf(family, overridden).slice(0, 5)) {
          const { scope } = look(address);
          const span = spanAround(address, scope);
          assert.ok(isUniform(family, span, boundaries, (other) => look(other).classIndex));
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('class 0 is a client of whom nothing is known', () => {
  const { built, at } = mapOf(embedded, { countries: ['DE'], coordinates: true });
  assert.deepEqual(built.classes[0], { prefixes: [] });
  assert.equal(at('192.168.0.1').classIndex, 0);
  assert.equal(at('fe80::1').classIndex, 0);
});

test('buildClientMap() keeps only what is told apart, and joins the rest', () => {
  const { built, at } = mapOf(embedded, { continents: ['EU'] });
  assert.equal(built.classes.length, 2);
  assert.deepEqual(at('193.0.6.139').client, { continent: 'EU', prefixes: [] });
  assert.deepEqual(at('8.8.8.8').client, { prefixes: [] });
  assert.ok(built.ranges4 < mapOf(embedded, { countries: allCodes }).built.ranges4 / 2);
});

test('buildClientMap() of no distinctions is one class with scope 0', () => {
  const { built, at } = mapOf(embedded, {});
  assert.deepEqual(built.classes, [{ prefixes: [] }]);
  for (const address of ['8.8.8.8', '2a00::1', '2002:808:808::1', '::ffff:8.8.8.8']) {
    assert.deepEqual([at(address).classIndex, at(address).scope], [0, 0], address);
  }
});

test('buildClientMap() lists the prefixes that hold a client, most specific first', () => {
  const prefixes = ['10.0.0.0/8', '10.1.0.0/16', '2001:db8::/32', '10.1.2.0/24'];
  const { at } = mapOf(embedded, { prefixes });
  assert.deepEqual(at('10.1.2.3').client?.prefixes, ['10.1.2.0/24', '10.1.0.0/16', '10.0.0.0/8']);
  assert.equal(at('10.1.2.3').scope, 24);
  assert.deepEqual(at('10.9.0.1').client?.prefixes, ['10.0.0.0/8']);
  assert.equal(at('10.9.0.1').scope, 13);
  assert.deepEqual(at('2001:db8::1').client?.prefixes, ['2001:db8::/32']);
  // An IPv4 rule holds for the IPv4 address in a mapped one.
  assert.equal(at('::ffff:10.1.2.3').client?.prefixes[0], '10.1.2.0/24');
  assert.equal(at('::ffff:10.1.2.3').scope, 96 + 24);
});

test('a rule on an IPv6 prefix outranks the IPv4 addresses that are carried in it', () => {
  const { at } = mapOf(embedded, { countries: ['US'], prefixes: ['2002:808::/32'] });
  assert.deepEqual(at('2002:808:808::1').client, { prefixes: ['2002:808::/32'] });
  assert.deepEqual(
    at('2002:807:707::1').client,
    mapOf(embedded, { countries: ['US'] }).at('8.7.7.7').client,
  );
});

test('an AS number that no rule names still hides the one of a lower source', async () => {
  const asn = databaseFile({ databaseType: 'ASN', networks: [['192.0.2.0/24', asnRecord(1)]] });
  const sources = await openGeoSources(
    [{ kind: 'asn', path: asn }],
    [{ cidr: '192.0.2.0/25', asn: 2 }],
  );
  const { at } = mapOf(sources, { asns: [1] });
  assert.equal(at('192.0.2.1').client?.asn, undefined);
  assert.equal(at('192.0.2.200').client?.asn, 1);
});

test('locations of a city database within one cell and country are one class', async () => {
  const path = databaseFile({
    databaseType: 'City',
    networks: [
      ['192.0.2.0/28', cityRecord('DE', 'A', 50.1, 8.1)],
      ['192.0.2.16/28', cityRecord('DE', 'B', 50.9, 8.9)],
      ['192.0.2.32/28', cityRecord('FR', 'C', 50.5, 8.5)],
      ['192.0.2.48/28', cityRecord('DE', 'D', 51.1, 8.1)],
    ],
  });
  const sources = await openGeoSources(
    [{ kind: 'city', path }],
    [{ cidr: '192.0.2.24/29', coordinates: { latitude: 50.2, longitude: 8.2 } }],
  );
  const { at, built } = mapOf(sources, { coordinates: true });
  assert.equal(built.gridDegrees, 1);
  assert.equal(at('192.0.2.1').classIndex, at('192.0.2.17').classIndex);
  assert.deepEqual(at('192.0.2.17').client?.coordinates, { latitude: 50.1, longitude: 8.1 });
  assert.notEqual(at('192.0.2.33').classIndex, at('192.0.2.1').classIndex);
  assert.notEqual(at('192.0.2.49').classIndex, at('192.0.2.1').classIndex);
  // The operator's points stay where they are.
  assert.deepEqual(at('192.0.2.25').client?.coordinates, { latitude: 50.2, longitude: 8.2 });
});

test('buildClientMap() takes a coarser grid rather than more classes than the limit', async () => {
  // 40,000 points, most of them in a cell of their own.
  const networks = Array.from({ length: 40_000 }, (_, index) => {
    const latitude = -80 + Math.floor(index / 200) * 0.8;
    const longitude = -170 + (index % 200) * 1.7;
    const cidr = `${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.0/24`;
    return [cidr, { country_code: 'DE', latitude, longitude }] as const;
  });
  const path = databaseFile({ databaseType: 'City', networks });
  const sources = await openGeoSources([{ kind: 'city', path }], [{ cidr: '1.0.0.0/9', asn: 1 }]);
  const fine = mapOf(sources, { coordinates: true }).built;
  assert.equal(fine.gridDegrees, 1);
  assert.ok(fine.classes.length > 20_000, `${fine.classes.length}`);
  // The same networks cut by rules, each piece of which is a class.
  const prefixes = ['0', '64', '128', '192'].flatMap((last) =>
    networks.slice(0, 12_000).map(([cidr]) => cidr.replace('.0/24', `.${last}/26`)),
  );
  const coarse = mapOf(sources, { coordinates: true, prefixes: prefixes.slice(0, 46_000) }).built;
  assert.ok(coarse.gridDegrees > 1);
  assert.ok(coarse.classes.length <= limits.clientClasses);
  const at = (built: typeof fine, text: string) => {
    const packed = lookupClient(openClientMap(built.segment), 4, ...parseIp(text)!.words);
    return built.classes[Math.floor(packed / 256)]?.coordinates;
  };
  const [a, b] = [at(fine, '1.150.7.1'), at(coarse, '1.150.7.1')];
  assert.ok(a !== undefined && b !== undefined && distanceKm(a, b) < 2000);
});

test('buildClientMap() refuses more prefixes than classes', () => {
  const prefixes = Array.from({ length: limits.clientClasses }, (_, index) => {
    return `10.${index >> 8}.${index & 255}.0/24`;
  });
  assert.throws(
    () => mapOf(embedded, { prefixes }),
    (error) => error instanceof MeridianError && error.code === 'E_GEO_CLASSES',
  );
});
