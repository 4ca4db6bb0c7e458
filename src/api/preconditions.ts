import type { FastifyRequest } from 'fastify';
import { MeridianError } from '../base/errors.ts';
import type { ObjectKind, Precondition } from '../control/change.ts';

/**
 * The precondition that a write's `If-Match` or `If-None-Match` makes (RFC 9110 §13.1), for the
 * object whose ETag is now `current` (undefined: there is none). Undefined when the headers ask for
 * nothing. Whether it holds is for the controller to say, in the same step as the write and after it
 * has looked whether the request is a repetition.
 */
export function readPrecondition(
  request: FastifyRequest,
  kind: ObjectKind,
  id: string,
  current: string | undefined,
): Precondition | undefined {
  const ifMatch = request.headers['if-match'];
  const ifNoneMatch = request.headers['if-none-match'];
  if (ifMatch !== undefined) {
    const tags = readTags(ifMatch, 'If-Match');
    if (tags === '*') return { kind, id, etag: '*' };
    // Of several the one that may hold; a weak ETag never does (§13.1.1: strong comparison).
    const etag = tags.find((tag) => tag === current) ?? tags[0] ?? '*';
    return { kind, id, etag };
  }
  if (ifNoneMatch === undefined) return undefined;
  const tags = readTags(ifNoneMatch, 'If-None-Match');
  const ruledOut = tags === '*' || (current !== undefined && tags.map(strong).includes(current));
  return { kind, id, etag: ruledOut ? null : (current ?? null) };
}

/** True when a reader's `If-None-Match` holds the current ETag: answer 304. */
export function isUnchanged(request: FastifyRequest, current: string): boolean {
  const header = request.headers['if-none-match'];
  if (header === undefined) return false;
  const tags = readTags(header, 'If-None-Match');
  return tags === '*' || tags.map(strong).includes(current);
}

function readTags(header: string, name: string): '*' | string[] {
  const text = header.trim();
  if (text === '*') return '*';
  const tags = text.match(/(W\/)?"[\x21\x23-\x7e]*"/g) ?? [];
  if (text.replace(/(W\/)?"[\x21\x23-\x7e]*"/g, '').replace(/[\s,]/g, '') !== '' || !tags.length) {
    throw new MeridianError({
      code: 'E_QUERY',
      message: `${name} ${JSON.stringify(text.slice(0, 80))} is not a list of ETags; write them as the ETag header has them, in quotes`,
      where: name,
    });
  }
  return tags;
}

function strong(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}
