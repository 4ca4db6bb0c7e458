import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { type MmdbContent, type MmdbValue, writeMmdb } from './mmdb-writer.ts';

// Made on import, outside of any test, so that it lives until all of them are done.
const folder = mkdtempSync(join(tmpdir(), 'meridian-geo-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/** A path of its own in a folder that is gone after the tests of the file. */
export function temporaryPath(name: string): string {
  return join(folder, `${files++}-${name}`);
}

/** Writes a database and returns its path. */
export function databaseFile(content: MmdbContent, name = 'test.mmdb'): string {
  const path = temporaryPath(name);
  writeFileSync(path, writeMmdb(content));
  return path;
}

/** A record as in GeoLite2-City. */
export function cityRecord(
  country: string,
  city: string,
  latitude: number,
  longitude: number,
  subdivision?: string,
): MmdbValue {
  return {
    city: { geoname_id: 1, names: { en: city, de: `${city} (de)` } },
    continent: { code: 'EU', geoname_id: 2, names: { en: 'Europe' } },
    country: { iso_code: country, geoname_id: 3, names: { en: country } },
    location: { latitude, longitude, accuracy_radius: 20, time_zone: 'Europe/Berlin' },
    ...(subdivision === undefined
      ? {}
      : { subdivisions: [{ iso_code: subdivision, geoname_id: 4, names: { en: subdivision } }] }),
  };
}

/** A record as in GeoLite2-Country. */
export function countryRecord(country: string, continent: string): MmdbValue {
  return {
    continent: { code: continent, geoname_id: 2, names: { en: continent } },
    country: { iso_code: country, geoname_id: 3, names: { en: country } },
    registered_country: { iso_code: country, geoname_id: 3, names: { en: country } },
  };
}

/** A record as in GeoLite2-ASN, and in the flat layout as well. */
export function asnRecord(asn: number): MmdbValue {
  return { autonomous_system_number: asn, autonomous_system_organization: `Example ${asn}` };
}
