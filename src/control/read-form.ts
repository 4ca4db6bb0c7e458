import { limits } from '../base/limits.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { at, type Findings, show } from './findings.ts';
import { suggest } from './suggest.ts';

/** An operator's object whose keys are known to be allowed; the values are not checked yet. */
export type Form = Readonly<Record<string, unknown>>;

/*
 * Readers of operator-facing JSON. Each takes a value, its path and where to report. A value that is
 * absent (undefined) gives undefined and no finding; one that is wrong gives undefined and a finding
 * with the value and the remedy. None of them throws.
 */

/** An object with no keys but these. */
export function readObject(
  value: unknown,
  path: string,
  what: string,
  keys: readonly string[],
  findings: Findings,
): Form | undefined {
  if (!isRecord(value)) {
    findings.error('E_FORM_TYPE', path, `${what} is ${show(value)}; write an object here`);
    return undefined;
  }
  for (const key of Object.keys(value)) {
    if (keys.includes(key)) continue;
    const close = suggest(key, keys);
    const remedy =
      close === undefined ? `use one of ${keys.join(', ')}` : `did you mean "${close}"?`;
    findings.error('E_FORM_UNKNOWN_KEY', at(path, key), `${what} has no key "${key}"; ${remedy}`);
  }
  return value;
}

/** An object used as a table: names to anything. */
export function readTable(
  value: unknown,
  path: string,
  what: string,
  findings: Findings,
): readonly (readonly [string, unknown])[] | undefined {
  if (value === undefined) return undefined;
  if (!isRecord(value)) {
    findings.error('E_FORM_TYPE', path, `${what} is ${show(value)}; write names with objects`);
    return undefined;
  }
  return Object.entries(value);
}

/** A list, within a number of entries. */
export function readList(
  value: unknown,
  path: string,
  what: string,
  bounds: { readonly min?: number; readonly max: number },
  findings: Findings,
): readonly unknown[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) {
    findings.error(
      'E_FORM_TYPE',
      path,
      `${what} is ${show(value)}; write a list: [${inner(value)}]`,
    );
    return undefined;
  }
  if (value.length < (bounds.min ?? 0)) {
    findings.error('E_FORM_RANGE', path, `${what} is empty; list at least one entry`);
    return undefined;
  }
  if (value.length > bounds.max) {
    const message = `${what} has ${value.length} entries; at most ${bounds.max} are allowed`;
    findings.error('E_FORM_RANGE', path, message);
    return undefined;
  }
  return value;
}

/** A number within bounds. */
export function readNumber(
  value: unknown,
  path: string,
  what: string,
  bounds: { readonly min: number; readonly max: number; readonly integer?: boolean },
  findings: Findings,
): number | undefined {
  if (value === undefined) return undefined;
  const kind = bounds.integer === true ? 'a whole number' : 'a number';
  const remedy = `use ${kind} from ${bounds.min} to ${bounds.max}`;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    findings.error('E_FORM_TYPE', path, `${what} is ${show(value)}; ${remedy}`);
    return undefined;
  }
  if (bounds.integer === true && !Number.isInteger(value)) {
    findings.error('E_FORM_RANGE', path, `${what} ${value} is not a whole number; ${remedy}`);
    return undefined;
  }
  if (value < bounds.min || value > bounds.max) {
    findings.error('E_FORM_RANGE', path, `${what} ${value} is out of range; ${remedy}`);
    return undefined;
  }
  // -0 would be written back as 0 and so differ from itself.
  return value === 0 ? 0 : value;
}

/** A text that is neither empty nor overlong and has no control characters. */
export function readText(
  value: unknown,
  path: string,
  what: string,
  findings: Findings,
  maxChars: number = limits.textChars,
): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') {
    findings.error('E_FORM_TYPE', path, `${what} is ${show(value)}; write a text in quotes`);
    return undefined;
  }
  if (value.length === 0 || value.length > maxChars) {
    const message = `${what} has ${value.length} characters; use 1 to ${maxChars}`;
    findings.error('E_FORM_RANGE', path, message);
    return undefined;
  }
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(value)) {
    const message = `${what} ${show(value)} holds control characters; remove them`;
    findings.error('E_FORM_VALUE', path, message);
    return undefined;
  }
  return value;
}

/** true or false. */
export function readFlag(
  value: unknown,
  path: string,
  what: string,
  findings: Findings,
): boolean | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'boolean') return value;
  findings.error('E_FORM_TYPE', path, `${what} is ${show(value)}; use true or false`);
  return undefined;
}

/** One of a few words. */
export function readChoice<Word extends string>(
  value: unknown,
  path: string,
  what: string,
  words: readonly Word[],
  findings: Findings,
): Word | undefined {
  if (value === undefined) return undefined;
  if ((words as readonly unknown[]).includes(value)) return value as Word;
  const close = typeof value === 'string' ? suggest(value, words) : undefined;
  const remedy = close === undefined ? `use ${words.join(', ')}` : `did you mean "${close}"?`;
  findings.error('E_FORM_VALUE', path, `${what} is ${show(value)}; ${remedy}`);
  return undefined;
}

/** A duration such as `10s`; milliseconds. */
export function readDuration(
  value: unknown,
  path: string,
  what: string,
  boundsMs: { readonly min: number; readonly max: number },
  findings: Findings,
): number | undefined {
  if (value === undefined) return undefined;
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms === undefined) {
    // A bare number does not say its unit, and guessing would be wrong by a factor of a thousand.
    const example = typeof value === 'number' ? `"${value}s" or "${value}ms"` : '"10s" or "500ms"';
    const message = `${what} is ${show(value)}; write a duration with its unit, as ${example}`;
    findings.error(typeof value === 'string' ? 'E_FORM_VALUE' : 'E_FORM_TYPE', path, message);
    return undefined;
  }
  if (ms < boundsMs.min || ms > boundsMs.max) {
    const range = `${formatDuration(boundsMs.min)} to ${formatDuration(boundsMs.max)}`;
    findings.error('E_FORM_RANGE', path, `${what} ${show(value)} is out of range; use ${range}`);
    return undefined;
  }
  return ms;
}

/** Reports a required value that is absent. */
export function mustHave(
  form: Form,
  key: string,
  path: string,
  what: string,
  findings: Findings,
): boolean {
  if (form[key] !== undefined) return true;
  findings.error('E_FORM_MISSING', path, `${what} has no "${key}"; add it`);
  return false;
}

/** Reads each entry of a list of texts and refuses doubles (after `canonical`). */
export function readDistinct<T>(
  value: unknown,
  path: string,
  what: string,
  bounds: { readonly min?: number; readonly max: number },
  read: (entry: unknown, path: string) => T | undefined,
  findings: Findings,
): T[] {
  const found: T[] = [];
  const seen = new Set<T>();
  for (const [index, entry] of (readList(value, path, what, bounds, findings) ?? []).entries()) {
    const result = read(entry, at(path, index));
    if (result === undefined) continue;
    if (seen.has(result)) {
      const message = `${what} lists ${show(entry)} twice; remove one`;
      findings.error('E_FORM_DUPLICATE', at(path, index), message);
      continue;
    }
    seen.add(result);
    found.push(result);
  }
  return found;
}

/** True for an object that is neither null nor a list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function inner(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '…';
}
