import type { FastifyRequest } from 'fastify';
import { MeridianError } from '../base/errors.ts';
import type { ObjectKind, Precondition } from '../control/change.ts';

/**
 * The precondition that a write's `If-Match` or `If-None-Match` makes (RFC 9110 §13.1), for the
 * object whose ETag is now `current` (undefined: there is none). Undefined when the headers ask for
 * nothing. What cannot hold any more throws `E_PRECONDITION`; what still can is decided by the
 * controller, in the same step as the write.
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
    if (current !== undefined && tags.includes(current)) return { kind, id, etag: current };
    throw precondition(
      current === undefined
        ? `If-Match names ${tags.join(', ')}, but the object does not exist; leave the header out to create it`
        : `If-Match names ${tags.join(', ')}, but the object is at ${current}; read it again and redo the change`,
    );
  }
  if (ifNoneMatch === undefined) return undefined;
  const tags = readTags(ifNoneMatch, 'If-None-Match');
  if (tags === '*') return { kind, id, etag: null };
  // Weak comparison: an ETag that differs only in being weak counts as the same (RFC 9110 §13.1.2).
  if (current !== undefined && tags.map(strong).includes(current)) {
    throw precondition(`the object is at ${current}, which If-None-Match rules out`);
  }
  return { kind, id, etag: current ?? null };
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

function precondition(message: string): MeridianError {
  return new MeridianError({ code: 'E_PRECONDITION', message });
}
