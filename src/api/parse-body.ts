import { errorText, MeridianError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Json } from './merge-patch.ts';

/**
 * Reads a JSON body; undefined for an empty one. Throws `E_FORM_SYNTAX` with the parser's own words and the
 * place, also for nesting beyond `limits.jsonDepth` and for `__proto__` members, which no object of
 * ours has.
 */
export function parseJsonBody(text: string): Json | undefined {
  if (text.trim() === '') return undefined;
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    throw badJson(`the body is not JSON: ${errorText(error)}; mend its syntax`);
  }
  checkShape(value);
  return value;
}

/** Reads a body of master-file text; throws `E_ZONE_ENCODING` when it is not UTF-8. */
export function parseTextBody(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new MeridianError({
      code: 'E_ZONE_ENCODING',
      message: 'the body is not UTF-8; write octets above 127 as \\DDD (RFC 1035 §5.1)',
    });
  }
}

function checkShape(root: Json): void {
  const open: { value: Json; depth: number }[] = [{ value: root, depth: 0 }];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    const { value, depth } = item;
    if (typeof value !== 'object' || value === null) continue;
    if (depth === limits.jsonDepth) {
      throw badJson(`the body nests deeper than ${limits.jsonDepth} levels; flatten it`);
    }
    if (Object.hasOwn(value, '__proto__')) {
      throw badJson('a member of the body is called "__proto__"; remove it');
    }
    for (const child of Object.values(value)) open.push({ value: child, depth: depth + 1 });
  }
}

function badJson(message: string): MeridianError {
  return new MeridianError({ code: 'E_FORM_SYNTAX', message });
}
