import { limits } from '../base/limits.ts';
import type { GeoMatch, GeoRule, PolicyNode } from '../policy/traffic.ts';
import { at, type Findings, show } from './findings.ts';
import { readContinent, readCountry, readSubdivision } from './geo-codes.ts';
import { asnBounds, readCidr } from './parse-network.ts';
import { mustHave, readDistinct, readList, readNumber, readObject } from './read-form.ts';

/** What a rule can match on, most specific first. */
export const matchKinds = ['cidr', 'asn', 'subdivision', 'country', 'continent'] as const;

const valueBounds = { min: 1, max: 10_000 };

/** Reads the rules of a geo node; `use` reads the policy that a rule leads to. */
export function readGeoRules(
  value: unknown,
  path: string,
  use: (value: unknown, path: string) => PolicyNode | undefined,
  findings: Findings,
): GeoRule[] {
  const bounds = { min: 1, max: limits.geoRulesPerService };
  const list = readList(value, path, 'geo', bounds, findings) ?? [];
  return list.flatMap((entry, index): GeoRule[] => {
    const where = at(path, index);
    const form = readObject(entry, where, 'a geo rule', ['match', 'use'], findings);
    if (form === undefined) return [];
    const match = mustHave(form, 'match', where, 'a geo rule', findings)
      ? readMatch(form['match'], at(where, 'match'), findings)
      : undefined;
    const node = mustHave(form, 'use', where, 'a geo rule', findings)
      ? use(form['use'], at(where, 'use'))
      : undefined;
    return match === undefined || node === undefined ? [] : [{ match, use: node }];
  });
}

/** Writes rules in the operator's form. */
export function formatGeoRules(
  rules: readonly GeoRule[],
  use: (node: PolicyNode) => unknown,
): unknown[] {
  return rules.map((rule) => {
    const match: Record<string, unknown> = {};
    for (const kind of matchKinds) {
      if (rule.match[kind].length > 0) match[kind] = [...rule.match[kind]];
    }
    return { match, use: use(rule.use) };
  });
}

function readMatch(value: unknown, path: string, findings: Findings): GeoMatch | undefined {
  const form = readObject(value, path, 'match', matchKinds, findings);
  if (form === undefined) return undefined;
  if (matchKinds.every((kind) => form[kind] === undefined)) {
    const message = `match ${show(value)} matches no client; name ${matchKinds.join(', ')}`;
    findings.error('E_POLICY_UNREACHABLE', path, message);
    return undefined;
  }
  const list = <T>(kind: string, read: (entry: unknown, path: string) => T | undefined): T[] =>
    readDistinct(form[kind], at(path, kind), kind, valueBounds, read, findings);
  return {
    cidr: list('cidr', (entry, where) => readCidr(entry, where, 'cidr', findings)),
    asn: list('asn', (entry, where) => readNumber(entry, where, 'asn', asnBounds, findings)),
    subdivision: list('subdivision', (entry, where) => readSubdivision(entry, where, findings)),
    country: list('country', (entry, where) => readCountry(entry, where, findings)),
    continent: list('continent', (entry, where) => readContinent(entry, where, findings)),
  };
}
