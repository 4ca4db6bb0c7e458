import { formatPrefix, parseIp, parsePrefix } from '../base/ip.ts';
import type { NetworkOverride } from '../policy/traffic.ts';
import { at, type Findings, show } from './findings.ts';
import { readContinent, readCountry, readSubdivision } from './geo-codes.ts';
import { formatPlace, placeKeys, readPlace } from './place-form.ts';
import { readNumber, readObject } from './read-form.ts';

/** AS numbers are 32 bits (RFC 6793); 0 is reserved (RFC 7607). */
export const asnBounds = { min: 1, max: 4_294_967_295, integer: true };

/** Reads what the operator says of one network: `{ country: DE, asn: 64500, place: iata:FRA }`. */
export function parseNetwork(
  cidr: string,
  value: unknown,
  path: string,
  findings: Findings,
): NetworkOverride | undefined {
  return findings.unlessBad(() => {
    const prefix = readCidr(cidr, path, 'network', findings);
    const keys = ['country', 'continent', 'subdivision', 'asn', ...placeKeys];
    const form = readObject(value, path, 'network', keys, findings);
    if (form === undefined) return undefined;
    const country = readCountry(form['country'], at(path, 'country'), findings);
    const continent = readContinent(form['continent'], at(path, 'continent'), findings);
    const subdivision = readSubdivision(form['subdivision'], at(path, 'subdivision'), findings);
    const asn = readNumber(form['asn'], at(path, 'asn'), 'asn', asnBounds, findings);
    const placed = readPlace(form, path, 'network', findings);
    if (Object.keys(form).length === 0) {
      const message = `network ${cidr} says nothing; give it a country, asn or place`;
      findings.error('E_FORM_MISSING', path, message);
    }
    if (subdivision !== undefined && country !== undefined && !subdivision.startsWith(country)) {
      const message = `subdivision ${subdivision} is not in country ${country}; correct one of them`;
      findings.error('E_CONFLICT', at(path, 'subdivision'), message);
    }
    if (prefix === undefined) return undefined;
    return {
      cidr: prefix,
      ...(country === undefined ? {} : { country }),
      ...(continent === undefined ? {} : { continent }),
      ...(subdivision === undefined ? {} : { subdivision }),
      ...(asn === undefined ? {} : { asn }),
      ...placed,
    };
  });
}

/** Writes a network in the operator's form; its prefix is the key it stands under. */
export function formatNetwork(network: NetworkOverride): Record<string, unknown> {
  const { cidr: _, place: _place, coordinates: _coordinates, ...rest } = network;
  return { ...rest, ...formatPlace(network) };
}

/** Reads a prefix into its canonical text (RFC 5952); a bare address is its full length. */
export function readCidr(
  value: unknown,
  path: string,
  what: string,
  findings: Findings,
): string | undefined {
  const prefix = typeof value === 'string' ? parsePrefix(value) : undefined;
  if (prefix !== undefined) return formatPrefix(prefix);
  const [address = '', length = ''] = typeof value === 'string' ? value.split('/') : [];
  const beyond = parseIp(address) !== undefined && /^\d{1,2}$/.test(length);
  const remedy = beyond
    ? 'the address has bits beyond the prefix or the length is too long; clear them'
    : 'write an address and a length, as 203.0.113.0/24';
  findings.error('E_FORM_VALUE', path, `${what} ${show(value)} is not a prefix; ${remedy}`);
  return undefined;
}
