import { errorText } from '../base/errors.ts';
import { formatPrefix, parsePrefix } from '../base/ip.ts';
import { isAtOrBelow, nameKey } from '../wire/names.ts';
import { typeName, typeNumber } from '../wire/type-names.ts';
import type { NameKey } from '../zone/zone.ts';
import type { ObjectKind } from './change.ts';
import { escapeKey, type Findings, show } from './findings.ts';
import { checkObjectName } from './object-names.ts';

const tokenIdPattern = /^[0-9a-f]{16}$/;

/** What the id of an rrset says. */
export interface RRsetId {
  readonly zone: NameKey;
  readonly owner: NameKey;
  readonly type: number;
}

/** The id of an rrset: `example.com./www.example.com./A`. */
export function rrsetId(zone: NameKey, owner: NameKey, type: number): string {
  return `${zone}/${owner}/${typeName(type)}`;
}

/**
 * Takes the id of an rrset apart; undefined when it is none. Names may hold slashes (RFC 2317): the
 * zone ends at the first `./` behind which the owner is in that zone.
 */
export function parseRRsetId(id: string): RRsetId | undefined {
  const last = id.lastIndexOf('/');
  const type = typeNumber(id.slice(last + 1));
  if (last < 0 || type === undefined) return undefined;
  for (let slash = id.indexOf('./'); slash >= 0 && slash < last - 1; ) {
    const zone = keyOf(id.slice(0, slash + 1));
    const owner = keyOf(id.slice(slash + 2, last));
    if (zone !== undefined && owner !== undefined && isAtOrBelow(owner, zone)) {
      return { zone, owner, type };
    }
    slash = id.indexOf('./', slash + 1);
  }
  return undefined;
}

/** The id in the one form in which the store knows it; undefined and a finding when it is none. */
export function canonicalId(
  kind: ObjectKind,
  id: string,
  path: string,
  findings: Findings,
): string | undefined {
  switch (kind) {
    case 'region':
    case 'monitor':
    case 'service':
    case 'agent':
      return checkObjectName(id, path, `${kind === 'agent' ? 'an' : 'a'} ${kind}`, findings)
        ? id
        : undefined;
    case 'network': {
      const prefix = parsePrefix(id);
      if (prefix !== undefined) return formatPrefix(prefix);
      const message = `network ${show(id)} is no prefix without further bits; write 203.0.113.0/24`;
      findings.error('E_ID_INVALID', path, message);
      return undefined;
    }
    case 'token': {
      if (tokenIdPattern.test(id)) return id;
      findings.error('E_ID_INVALID', path, `token ${show(id)} is no id; write 16 hex digits`);
      return undefined;
    }
    case 'zone':
      try {
        return nameKey(id);
      } catch (error) {
        findings.error('E_ID_INVALID', path, `zone ${show(id)}: ${errorText(error)}`);
        return undefined;
      }
    case 'rrset': {
      const parsed = parseRRsetId(id);
      if (parsed !== undefined) return rrsetId(parsed.zone, parsed.owner, parsed.type);
      const example = 'example.com./www.example.com./A';
      findings.error('E_ID_INVALID', path, `rrset ${show(id)} is no id; write it as ${example}`);
      return undefined;
    }
  }
}

/** The JSON pointer that stands for an object in problems: `/services/web`. */
export function objectPath(kind: ObjectKind, id: string): string {
  if (kind !== 'rrset') return `/${kind}s/${escapeKey(id)}`;
  const parsed = parseRRsetId(id);
  if (parsed === undefined) return `/rrsets/${escapeKey(id)}`;
  const { zone, owner, type } = parsed;
  return `/zones/${escapeKey(zone)}/rrsets/${escapeKey(owner)}/${typeName(type)}`;
}

/** The ETag of what a revision last changed. */
export function formatEtag(revision: number): string {
  return `"r${revision}"`;
}

/** The revision of an ETag; undefined for what is none. */
export function parseEtag(etag: string): number | undefined {
  const digits = /^"r(\d{1,15})"$/.exec(etag)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function keyOf(name: string): NameKey | undefined {
  try {
    return nameKey(name);
  } catch {
    return undefined;
  }
}
