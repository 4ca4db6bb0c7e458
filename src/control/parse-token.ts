import { limits } from '../base/limits.ts';
import type { StoredToken } from '../store/store.ts';
import type { ObjectWrite } from './change.ts';
import { at, type Findings, show } from './findings.ts';
import { parseTime } from './parse-time.ts';
import { mustHave, readDistinct, readObject, readText } from './read-form.ts';

const keys = ['name', 'hash', 'scopes', 'expiresAt', 'createdAt'];
const hashPattern = /^[0-9a-f]{64}$/;
/** A zone's name has up to 1,004 characters when each octet is escaped. */
const scopeChars = 1100;

/**
 * Reads an access token as it is stored: `{ name, hash, scopes, expiresAt?, createdAt }`, where `hash`
 * is the SHA-256 of its secret. Scopes that this version does not know stay, and allow nothing.
 */
export function parseToken(
  id: string,
  value: unknown,
  path: string,
  findings: Findings,
): StoredToken | undefined {
  return findings.unlessBad(() => {
    const form = readObject(value, path, 'token', keys, findings);
    if (form === undefined) return undefined;
    for (const key of ['name', 'hash', 'scopes', 'createdAt'] as const) {
      mustHave(form, key, path, 'token', findings);
    }
    const hash = readText(form['hash'], at(path, 'hash'), 'hash', findings);
    if (hash !== undefined && !hashPattern.test(hash)) {
      findings.error('E_FORM_VALUE', at(path, 'hash'), 'hash is no SHA-256; write 64 hex digits');
    }
    return {
      id,
      name: readText(form['name'], at(path, 'name'), 'name', findings, 64) ?? '',
      hash: hash ?? '',
      scopes: readScopes(form['scopes'], at(path, 'scopes'), findings),
      expiresAt: readTime(form['expiresAt'], at(path, 'expiresAt'), findings) ?? null,
      createdAt: readTime(form['createdAt'], at(path, 'createdAt'), findings) ?? '',
    };
  });
}

/** Writes a token as it is stored; reads back equal. */
export function formatToken(token: StoredToken): Record<string, unknown> {
  const { name, hash, scopes, expiresAt, createdAt } = token;
  return { name, hash, scopes, ...(expiresAt === null ? {} : { expiresAt }), createdAt };
}

/** The wish that a token shall be there. */
export function tokenWrite(token: StoredToken): ObjectWrite {
  return { kind: 'token', id: token.id, body: JSON.stringify(formatToken(token)) };
}

function readScopes(value: unknown, path: string, findings: Findings): string[] {
  const bounds = { min: 1, max: limits.tokenScopes };
  const read = (entry: unknown, where: string) =>
    readText(entry, where, 'scope', findings, scopeChars);
  return readDistinct(value, path, 'scopes', bounds, read, findings);
}

function readTime(value: unknown, path: string, findings: Findings): string | undefined {
  const text = readText(value, path, 'time', findings);
  if (text === undefined || parseTime(text) !== undefined) return text;
  findings.error('E_FORM_VALUE', path, `time ${show(text)} is none; write 2026-12-31T23:59:59Z`);
  return undefined;
}
