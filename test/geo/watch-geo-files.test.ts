import assert from 'node:assert/strict';
import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { VirtualClock } from '../../src/base/clock.ts';
import { MeridianError } from '../../src/base/errors.ts';
import { type IpAddress, parseIp } from '../../src/base/ip.ts';
import type { Log } from '../../src/base/log.ts';
import { type GeoSources, openGeoSources } from '../../src/geo/geo-sources.ts';
import type { NetworkFacts } from '../../src/geo/overrides.ts';
import { watchGeoFiles } from '../../src/geo/watch-geo-files.ts';
import { temporaryPath } from './fixtures.ts';
import { type MmdbContent, writeMmdb } from './mmdb-writer.ts';

const address = parseIp('192.0.2.1') as IpAddress;

/** Ten networks in IPv4 and IPv6, the first of which holds the address that tests ask for. */
function content(country: string, networks = 10): MmdbContent {
  return {
    databaseType: 'Test',
    networks: Array.from({ length: networks }, (_, index) => [
      index % 2 === 0 ? `192.0.${2 + index}.0/24` : `2001:db8:${index}::/48`,
      { country_code: country, index },
    ]),
  };
}

async function watched(intervalMs = 10_000) {
  const path = temporaryPath('watched.mmdb');
  let second = 1_700_000_000;
  /** Writes a file whose time of modification differs from all before. */
  const write = (bytes: Uint8Array) => {
    writeFileSync(path, bytes);
    second += 1;
    utimesSync(path, second, second);
  };
  write(writeMmdb(content('DE')));
  const sources = await openGeoSources([{ kind: 'country', path }]);
  const clock = new VirtualClock();
  const warnings: string[] = [];
  const log: Log = {
    debug() {},
    info() {},
    warn: (_fields, message) => void warnings.push(message),
    error() {},
  };
  let current: GeoSources = sources;
  let reloads = 0;
  let overrides: NetworkFacts[] = [];
  const watch = watchGeoFiles({
    sources,
    clock,
    log,
    intervalMs,
    overrides: () => overrides,
    onReload(next) {
      current = next;
      reloads++;
    },
  });
  return {
    path,
    write,
    watch,
    clock,
    warnings,
    country: () => current.locate(address).place.country,
    reloads: () => reloads,
    setOverrides(next: NetworkFacts[]) {
      overrides = next;
    },
    /** A change is taken at the second look that sees it. */
    async look() {
      await watch.check();
      await watch.check();
    },
  };
}

test('watchGeoFiles() takes a new file after it has looked the same twice', async () => {
  const { write, watch, country, reloads } = await watched();
  write(writeMmdb(content('FR')));
  await watch.check();
  assert.equal(country(), 'DE');
  await watch.check();
  assert.equal(country(), 'FR');
  await watch.check();
  assert.equal(reloads(), 1);
  watch.close();
});

test('watchGeoFiles() looks by itself at every interval of its clock', async () => {
  const { write, watch, clock, country } = await watched(5000);
  write(writeMmdb(content('FR')));
  for (let tick = 0; tick < 3; tick++) {
    clock.advance(5000);
    // The look that the timer began is in the queue before this one.
    await watch.check();
    await nextTurn();
  }
  assert.equal(country(), 'FR');
  watch.close();
});

test('watchGeoFiles() after close() neither looks nor reloads', async () => {
  const { write, watch, clock, reloads } = await watched(5000);
  write(writeMmdb(content('FR')));
  watch.close();
  clock.advance(60_000);
  await watch.check();
  await watch.check();
  assert.equal(reloads(), 0);
});

for (const [what, bytes, words] of [
  ['garbage', Buffer.alloc(5000, 0xa5), /no MMDB/],
  ['an empty file', Buffer.alloc(0), /empty/],
  ['half a file', writeMmdb(content('FR')).subarray(0, 300), /end is missing/],
  [
    'a database of another kind',
    writeMmdb({
      databaseType: 'ASN',
      networks: [['192.0.2.0/24', { autonomous_system_number: 1 }]],
    }),
    /no countries/,
  ],
] as const) {
  test(`watchGeoFiles() keeps the old database when the new one is ${what}`, async () => {
    const { write, watch, country, warnings, look, path } = await watched();
    write(bytes);
    await look();
    assert.equal(country(), 'DE');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', words);
    assert.ok(warnings[0]?.includes(path));
    // Told once, and a good file afterwards is taken.
    await look();
    assert.equal(warnings.length, 1);
    write(writeMmdb(content('FR')));
    await look();
    assert.equal(country(), 'FR');
    watch.close();
  });
}

test('watchGeoFiles() keeps serving when the file is gone, and takes it when it is back', async () => {
  const { path, write, watch, country, warnings, look } = await watched();
  rmSync(path);
  await look();
  assert.equal(country(), 'DE');
  assert.match(warnings[0] ?? '', /no such file/);
  write(writeMmdb(content('FR')));
  await look();
  assert.equal(country(), 'FR');
  watch.close();
});

test('watchGeoFiles() refuses a database that lost most networks, unless forced', async () => {
  const { write, watch, country, warnings, look } = await watched();
  write(writeMmdb(content('FR', 4)));
  await look();
  assert.equal(country(), 'DE');
  assert.match(warnings[0] ?? '', /2 IPv4 networks where the old one had 5/);
  assert.match(warnings[0] ?? '', /E_GEO_SHRUNK/);
  await assert.rejects(
    watch.reload(),
    (error) => error instanceof MeridianError && error.code === 'E_GEO_SHRUNK',
  );
  assert.equal(country(), 'DE');
  await watch.reload({ force: true });
  assert.equal(country(), 'FR');
  watch.close();
});

test('watchGeoFiles() reload() lays the operator’s networks of now over the new file', async () => {
  const { watch, country, setOverrides } = await watched();
  setOverrides([{ cidr: '192.0.2.0/24', country: 'SE' }]);
  await watch.reload();
  assert.equal(country(), 'SE');
  watch.close();
});
