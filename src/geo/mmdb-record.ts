import type { ClientPlace } from './client.ts';
import { findCountry } from './countries.ts';
import type { MmdbRecord } from './mmdb-file.ts';
import { subdivisionByName } from './subdivision-names.ts';

/** What a database is asked for. */
export type GeoKind = 'city' | 'country' | 'asn';

/** How the records of a database are built; found by looking at them. */
export type RecordLayout = 'maxmind' | 'flat' | 'unknown';

/**
 * Tells the layout of a record: nested objects as in MaxMind's City and Country, or flat values as
 * in the ip-location-db packages. ASN records look the same in both and count as MaxMind's.
 */
export function layoutOf(record: unknown): RecordLayout {
  if (!isObject(record)) return 'unknown';
  const nested = ['country', 'continent', 'registered_country', 'location', 'city'];
  if (nested.some((key) => isObject(record[key])) || 'subdivisions' in record) return 'maxmind';
  const flat = ['country_code', 'country', 'continent_code', 'latitude', 'city', 'asn'];
  if (flat.some((key) => key in record)) return 'flat';
  return 'autonomous_system_number' in record ? 'maxmind' : 'unknown';
}

/**
 * Takes from a record what Meridian uses of its kind; a field that is missing or makes no sense is
 * left out. `asn` gives the AS number, `country` country and continent, `city` all but the AS number.
 */
export function placeOfRecord(record: unknown, kind: GeoKind): ClientPlace {
  if (!isObject(record)) return {};
  if (kind === 'asn') {
    const asn = asNumber(record['autonomous_system_number'] ?? record['asn']);
    return asn === undefined ? {} : { asn };
  }
  const country = countryOf(record);
  const continent =
    codeOf(record['continent'], 'code') ??
    codeOf(record['continent_code'], 'code') ??
    (country === undefined ? undefined : findCountry(country)?.continent);
  const place: ClientPlace = {
    ...(country === undefined ? {} : { country }),
    ...(continent === undefined ? {} : { continent }),
  };
  return kind === 'country' ? place : { ...place, ...cityOf(record, country) };
}

function countryOf(record: MmdbRecord): string | undefined {
  // Some records, of anycast networks above all, name only where a network is registered.
  return (
    codeOf(record['country'], 'iso_code') ??
    codeOf(record['country_code'], 'iso_code') ??
    codeOf(record['registered_country'], 'iso_code')
  );
}

function cityOf(record: MmdbRecord, country: string | undefined): ClientPlace {
  const location = isObject(record['location']) ? record['location'] : record;
  const latitude = degrees(location['latitude'], 90);
  const longitude = degrees(location['longitude'], 180);
  const city = nameOf(record['city']);
  const subdivision = country === undefined ? undefined : subdivisionOf(record, country);
  const located = latitude !== undefined && longitude !== undefined;
  // Databases give "somewhere in the country" as a point as well.
  const vague = located && city === undefined && subdivision === undefined;
  return {
    ...(subdivision === undefined ? {} : { subdivision }),
    ...(city === undefined ? {} : { city }),
    ...(located ? { coordinates: { latitude, longitude } } : {}),
    ...(vague ? { approximate: true } : {}),
  };
}

function subdivisionOf(record: MmdbRecord, country: string): string | undefined {
  const list = record['subdivisions'];
  const first: unknown = Array.isArray(list) ? list[0] : undefined;
  const code = isObject(first) ? first['iso_code'] : undefined;
  if (typeof code === 'string' && /^[A-Za-z0-9]{1,3}$/.test(code)) {
    return `${country}-${code.toUpperCase()}`;
  }
  const name = nameOf(first) ?? nameOf(record['state1']);
  return name === undefined ? undefined : subdivisionByName(country, name);
}

/** A two-letter code, given as text or as an object's member. */
function codeOf(value: unknown, key: string): string | undefined {
  const text = isObject(value) ? value[key] : value;
  if (typeof text !== 'string' || !/^[A-Za-z]{2}$/.test(text)) return undefined;
  const code = text.toUpperCase();
  // "Unknown" in several databases.
  return code === 'ZZ' || code === 'XX' ? undefined : code;
}

/** An English name, given as text or as `{ names: { en } }`. */
function nameOf(value: unknown): string | undefined {
  const names = isObject(value) ? value['names'] : undefined;
  const text = isObject(names) ? names['en'] : value;
  return typeof text === 'string' && text !== '' && text.length <= 200 ? text : undefined;
}

function degrees(value: unknown, bound: number): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Math.abs(number) <= bound ? number : undefined;
}

/** An AS number (RFC 6793), also written `AS64500`; 0 says nothing (RFC 7607). */
function asNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value.replace(/^AS/i, '')) : value;
  return Number.isInteger(number) && Number(number) > 0 && Number(number) <= 0xffff_ffff
    ? Number(number)
    : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
