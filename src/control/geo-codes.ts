import { findCountry } from '../geo/countries.ts';
import { type Findings, show } from './findings.ts';
import { hint } from './suggest.ts';

/** The continents as the databases name them. */
export const continents: readonly string[] = ['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA'];

/** Reads an ISO 3166-1 alpha-2 code, in either case. */
export function readCountry(value: unknown, path: string, findings: Findings): string | undefined {
  if (value === undefined) return undefined;
  const code = typeof value === 'string' ? value.toUpperCase() : '';
  if (/^[A-Z]{2}$/.test(code) && findCountry(code) !== undefined) return code;
  // No database ever says UK, so a rule with it would never match.
  const remedy = code === 'UK' ? 'did you mean "GB"?' : 'write two letters of ISO 3166-1, as DE';
  findings.error('E_FORM_VALUE', path, `country ${show(value)} is not a code; ${remedy}`);
  return undefined;
}

/** Reads one of the seven continents, in either case. */
export function readContinent(
  value: unknown,
  path: string,
  findings: Findings,
): string | undefined {
  if (value === undefined) return undefined;
  const code = typeof value === 'string' ? value.toUpperCase() : '';
  if (continents.includes(code)) return code;
  const message = `continent ${show(value)} is not one; use a code${hint(code, continents)}`;
  findings.error('E_FORM_VALUE', path, message);
  return undefined;
}

/** Reads an ISO 3166-2 code with its country: `US-CA`. */
export function readSubdivision(
  value: unknown,
  path: string,
  findings: Findings,
): string | undefined {
  if (value === undefined) return undefined;
  const code = typeof value === 'string' ? value.toUpperCase() : '';
  if (/^[A-Z]{2}-[A-Z0-9]{1,3}$/.test(code)) return code;
  const message = `subdivision ${show(value)} is not a code; write it with its country, as US-CA`;
  findings.error('E_FORM_VALUE', path, message);
  return undefined;
}
