import type { FastifyReply, FastifyRequest } from 'fastify';
import { MeridianError, type Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type {
  ApplyOptions,
  ApplyResult,
  ObjectChange,
  ObjectKind,
  ObjectWrite,
  Precondition,
} from '../control/change.ts';
import type { Configuration } from '../control/controller.ts';
import { formatEtag } from '../control/object-ids.ts';
import { actorOf } from './access.ts';
import type { ApiContext } from './api-context.ts';
import { mediaTypes } from './media-types.ts';
import type { Json, JsonObject } from './merge-patch.ts';
import { isUnchanged, readPrecondition } from './preconditions.ts';

/** The object that a request is about. */
export interface Target {
  readonly kind: ObjectKind;
  readonly id: string;
}

/** How the controller is to make a request's write; preconditions are about `target`. */
export function applyOptions(
  context: ApiContext,
  request: FastifyRequest,
  target: Target | undefined,
): ApplyOptions {
  const key = idempotencyKey(request);
  const preconditions = target === undefined ? [] : preconditionsOf(context, request, target);
  return {
    actor: actorOf(request),
    summary: summaryOf(request),
    dryRun: isDryRun(request),
    ...(preconditions.length === 0 ? {} : { preconditions }),
    ...(key === undefined ? {} : { idempotencyKey: key }),
  };
}

/** Replaces an object, together with what belongs to it. */
export function replaceObjects(
  context: ApiContext,
  request: FastifyRequest,
  target: Target,
  writes: (current: Configuration) => readonly ObjectWrite[],
): Promise<ApplyResult> {
  const asked = [target, request.body ?? null];
  const options = applyOptions(context, request, target);
  return context.controller.change(
    { asked, writes: (current) => ({ writes: writes(current), problems: [] }) },
    options,
  );
}

/**
 * Reads an object, changes it and writes it back as one step: no other change comes between. `update`
 * gets what is there when the change's turn has come, and may throw to refuse.
 */
export function updateObject(
  context: ApiContext,
  request: FastifyRequest,
  target: Target,
  update: (current: Json | undefined) => Json,
): Promise<ApplyResult> {
  return replaceObjects(context, request, target, () => [
    { ...target, body: JSON.stringify(update(readBody(context, target))) },
  ]);
}

/** Removes an object; throws `E_NOT_FOUND` when there is none. */
export function removeObject(
  context: ApiContext,
  request: FastifyRequest,
  target: Target,
): Promise<ApplyResult> {
  return replaceObjects(context, request, target, () => {
    if (context.controller.body(target.kind, target.id) === undefined) throw notFound(target);
    return [{ ...target, body: null }];
  });
}

/** The body of an object as it now is; undefined when there is none. */
export function readBody({ controller }: ApiContext, { kind, id }: Target): Json | undefined {
  const text = controller.body(kind, id);
  return text === undefined ? undefined : (JSON.parse(text) as Json);
}

/** Answers a reader: 304 when its `If-None-Match` holds the object's ETag, else what `show` gives. */
export function answerRead(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  target: Target,
  show: () => unknown,
): FastifyReply {
  const etag = context.controller.etag(target.kind, target.id);
  if (etag === undefined) throw notFound(target);
  reply.header('etag', etag);
  if (isUnchanged(request, etag)) return reply.code(304).send();
  return sendJson(reply, show());
}

/** How a write is answered. */
export interface WriteAnswer {
  readonly target: Target;
  readonly location: string;
  /** The object, from its body as the write left it. */
  readonly show: (body: Json) => unknown;
}

/** Answers a write: the plan of a dry run; 201 for a new object; 200 with it; 204 when it is gone. */
export function answerWrite(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  result: ApplyResult,
  { target, location, show }: WriteAnswer,
): FastifyReply {
  if (isDryRun(request)) return sendJson(reply.code(200), planOf(result));
  setWriteHeaders(reply, result);
  const change = changeOf(result, target);
  if (change?.after === null) return reply.code(204).send();
  setEtag(context, reply, result, target);
  if (change?.before === null) reply.code(201).header('location', location);
  return sendJson(reply, show(bodyAfter(context, result, target)));
}

/** The body of an object as a write left it: a repeated request shows what the first one made. */
export function bodyAfter(context: ApiContext, result: ApplyResult, target: Target): Json {
  const after = changeOf(result, target)?.after;
  const body = after === undefined || after === null ? undefined : (JSON.parse(after) as Json);
  const current = body ?? readBody(context, target);
  if (current === undefined) throw notFound(target);
  return current;
}

/** Sets the headers of every write's answer. */
export function setWriteHeaders(reply: FastifyReply, result: ApplyResult): void {
  reply.header('x-revision', result.revision);
  const warnings = result.warnings.slice(0, 20).map(formatWarning);
  if (warnings.length > 0) reply.header('x-warning', warnings);
}

/** Sets the ETag that an object has after a write. */
export function setEtag(
  context: ApiContext,
  reply: FastifyReply,
  result: ApplyResult,
  target: Target,
): void {
  const etag =
    changeOf(result, target) === undefined
      ? context.controller.etag(target.kind, target.id)
      : formatEtag(result.revision);
  if (etag !== undefined) reply.header('etag', etag);
}

/** Sends any JSON value: Fastify alone would send a bare string as it is. */
export function sendJson(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.type(mediaTypes.json).send(JSON.stringify(value));
}

/** What a dry run found: the changes that a write would make and how answers would move. */
export function planOf(result: ApplyResult): object {
  return {
    dryRun: true,
    revision: result.revision,
    changeCount: result.changes.length,
    changes: result.changes.slice(0, limits.changesPerAnswer).map(viewChange),
    warnings: result.warnings,
    traffic: result.traffic ?? [],
  };
}

/** A change with its bodies as JSON values; of a token's secret not even the hash is shown. */
export function viewChange(change: ObjectChange): object {
  const { kind, id, before, after } = change;
  const parse = (body: string | null): unknown => {
    if (body === null) return null;
    const value = JSON.parse(body) as Json;
    return kind === 'token' ? { ...(value as JsonObject), hash: undefined } : value;
  };
  return { kind, id, before: parse(before), after: parse(after) };
}

/** The error for an object that is not there. */
export function notFound({ kind, id }: Target): MeridianError {
  const name = JSON.stringify(id.slice(0, 300));
  return new MeridianError({
    code: 'E_NOT_FOUND',
    message: `there is no ${kind} ${name}; list what there is with GET on the collection`,
  });
}

/** True when a write is only to be worked out. */
export function isDryRun(request: FastifyRequest): boolean {
  return (request.query as { dryRun?: boolean } | undefined)?.dryRun === true;
}

/** What a write did to one object; undefined when it left it as it was. */
export function changeOf(result: ApplyResult, { kind, id }: Target): ObjectChange | undefined {
  return result.changes.find((change) => change.kind === kind && change.id === id);
}

function preconditionsOf(
  context: ApiContext,
  request: FastifyRequest,
  { kind, id }: Target,
): readonly Precondition[] {
  const current = context.controller.etag(kind, id);
  const precondition = readPrecondition(request, kind, id, current);
  return precondition === undefined ? [] : [precondition];
}

function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\x21-\x7e]+$/.test(key)) return key;
  throw new MeridianError({
    code: 'E_QUERY',
    message: `Idempotency-Key ${JSON.stringify(key)} is not 1 to ${limits.idempotencyKeyChars} visible ASCII characters; a UUID is good`,
    where: 'Idempotency-Key',
  });
}

function summaryOf(request: FastifyRequest): string {
  return `${request.method} ${request.url.split('?', 1)[0]?.slice(0, 300) ?? ''}`;
}

/** One line of printable ASCII, as header values must be. */
function formatWarning({ code, message, where }: Problem): string {
  const text = `${code} ${where === undefined ? '' : `${where}: `}${message}`.slice(0, 400);
  const toAscii = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return text.replace(/[^\x20-\x7e]/g, toAscii);
}
