import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { VirtualClock } from '../../src/base/clock.ts';
import { MeridianError } from '../../src/base/errors.ts';
import { parseIp } from '../../src/base/ip.ts';
import type { Log } from '../../src/base/log.ts';
import { silentLog } from '../../src/base/log.ts';
import { LiveGeo } from '../../src/control/live-geo.ts';
import { asnRecord, cityRecord, countryRecord, databaseFile } from '../geo/fixtures.ts';
import { writeMmdb } from '../geo/mmdb-writer.ts';

const address = parseIp('192.0.2.1') ?? assert.fail();
const content = (country: string) => ({
  databaseType: 'Test-Country',
  networks: [['192.0.2.0/24', countryRecord(country, 'EU')]] as const,
});

/** Moves the clock on until something is so; the watch reads files in between. */
async function until(clock: VirtualClock, isSo: () => boolean): Promise<void> {
  for (let turn = 0; !isSo(); turn += 1) {
    assert.ok(turn < 5000, 'it never came');
    clock.advance(1000);
    await setImmediate();
  }
}

async function open(t: { after(call: () => void): void }, country: string) {
  const clock = new VirtualClock();
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (_, message) => warnings.push(message) };
  const path = databaseFile(content(country));
  const geo = await LiveGeo.open([{ kind: 'country', path }], clock, log);
  t.after(() => geo.close());
  const countryNow = () => geo.sources([]).locate(address).place.country;
  const replace = (next: string) => {
    // A new inode, so that the change is seen whatever the clock of the file system says.
    rmSync(path);
    writeFileSync(path, writeMmdb(content(next)));
  };
  return { clock, geo, warnings, countryNow, replace, path };
}

test('LiveGeo takes a new file and tells whoever compiles maps', async (t) => {
  const { clock, geo, countryNow, replace } = await open(t, 'FR');
  const seen: (string | undefined)[] = [];
  geo.onChange(() => seen.push(countryNow()));
  assert.equal(countryNow(), 'FR');
  replace('DE');
  await until(clock, () => seen.length > 0);
  assert.deepEqual(seen, ['DE'], 'the listener sees the new one');
  assert.equal(countryNow(), 'DE');
});

test('LiveGeo goes back to the old databases when no maps can be made of the new', async (t) => {
  const { clock, geo, warnings, countryNow, replace } = await open(t, 'FR');
  let refused = 0;
  geo.onChange(() => {
    refused += 1;
    throw new Error('too many classes');
  });
  warnings.length = 0;
  replace('DE');
  await until(clock, () => warnings.length > 0);
  assert.equal(refused, 1);
  assert.match(warnings[0] ?? '', /old one keeps serving: too many classes/);
  assert.equal(countryNow(), 'FR');
});

test('LiveGeo keeps what it has when a file turns to garbage', async (t) => {
  const { clock, geo, warnings, countryNow, path } = await open(t, 'FR');
  geo.onChange(() => assert.fail('nothing to tell'));
  warnings.length = 0;
  rmSync(path);
  writeFileSync(path, 'garbage');
  await until(clock, () => warnings.length > 0);
  assert.equal(countryNow(), 'FR');
});

test('LiveGeo.sources() lays the networks of the operator on top', async (t) => {
  const { geo, countryNow } = await open(t, 'FR');
  const networks = [{ cidr: '192.0.2.0/25', country: 'JP' }];
  assert.equal(geo.sources(networks).locate(address).place.country, 'JP');
  assert.equal(geo.sources(networks), geo.sources(networks), 'made once');
  assert.equal(countryNow(), 'FR');
});

test('LiveGeo.open() adds the embedded countries where no file knows countries', async (t) => {
  const clock = new VirtualClock();
  const open = async (kind: 'asn' | 'city', path: string) => {
    const geo = await LiveGeo.open([{ kind, path }], clock, silentLog);
    t.after(() => geo.close());
    return geo;
  };
  const asn = await open(
    'asn',
    databaseFile({ databaseType: 'Test-ASN', networks: [['192.0.2.0/24', asnRecord(64500)]] }),
  );
  const google = parseIp('8.8.8.8') ?? assert.fail();
  assert.equal(asn.sources([]).locate(google).place.country, 'US');
  assert.equal(asn.sources([]).locate(address).place.asn, 64500);
  assert.equal(asn.detail, 'country');
  const paris = cityRecord('FR', 'Paris', 48.9, 2.4);
  const city = await open(
    'city',
    databaseFile({ databaseType: 'Test-City', networks: [['192.0.2.0/24', paris]] }),
  );
  assert.equal(city.detail, 'city');
  assert.equal(city.sources([]).locate(google).place.country, undefined);
});

test('LiveGeo.open() names every file that cannot be used', async () => {
  const files = ['/nowhere/a.mmdb', '/nowhere/b.mmdb'];
  await assert.rejects(
    LiveGeo.open(
      files.map((path) => ({ kind: 'city', path })),
      new VirtualClock(),
      silentLog,
    ),
    (error) => error instanceof MeridianError && error.problems.length === 2,
  );
});
