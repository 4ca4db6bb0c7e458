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
import { actorOf } from './access.ts';
import type { ApiContext } from './api-context.ts';
import { mediaTypes } from './media-types.ts';
import type { Json } from './merge-patch.ts';
import { readPrecondition } from './preconditions.ts';

/** The object that a request is about. */
export interface Target {
  readonly kind: ObjectKind;
  readonly id: string;
}

/** How often a read-modify-write without `If-Match` starts again before it answers 412. */
const attempts = 4;

/** How the controller is to make a request's write. */
export function applyOptions(
  request: FastifyRequest,
  preconditions: readonly Precondition[],
): ApplyOptions {
  const key = idempotencyKey(request);
  return {
    actor: actorOf(request),
    summary: summaryOf(request),
    dryRun: isDryRun(request),
    ...(preconditions.length === 0 ? {} : { preconditions }),
    ...(key === undefined ? {} : { idempotencyKey: key }),
  };
}

/** The preconditions that a request's headers put on its target. */
export function preconditionsOf(
  context: ApiContext,
  request: FastifyRequest,
  { kind, id }: Target,
): readonly Precondition[] {
  const current = context.controller.etag(kind, id);
  const precondition = readPrecondition(request, kind, id, current);
  return precondition === undefined ? [] : [precondition];
}

/** Replaces or removes objects; the request's preconditions are about `target`. */
export function applyWrites(
  context: ApiContext,
  request: FastifyRequest,
  target: Target,
  writes: readonly ObjectWrite[],
): Promise<ApplyResult> {
  const preconditions = preconditionsOf(context, request, target);
  return context.controller.apply(writes, applyOptions(request, preconditions));
}

/** Removes an object; throws `E_NOT_FOUND` when there was none. */
export async function removeObject(
  context: ApiContext,
  request: FastifyRequest,
  target: Target,
): Promise<ApplyResult> {
  const write: ObjectWrite = { kind: target.kind, id: target.id, body: null };
  const result = await applyWrites(context, request, target, [write]);
  if (changeOf(result, target) === undefined) throw notFound(target);
  return result;
}

/**
 * Reads an object, changes it and writes it back, all or nothing: what was read is a precondition of
 * the write. Without `If-Match` a write that somebody else overtook starts again from the new state.
 */
export async function updateObject(
  context: ApiContext,
  request: FastifyRequest,
  target: Target,
  update: (current: Json | undefined) => Json,
): Promise<ApplyResult> {
  const { controller } = context;
  for (let attempt = 1; ; attempt++) {
    const asked = preconditionsOf(context, request, target);
    const etag = controller.etag(target.kind, target.id) ?? null;
    const body = JSON.stringify(update(readBody(context, target)));
    const preconditions = asked.length > 0 ? asked : [{ ...target, etag }];
    try {
      return await controller.apply([{ ...target, body }], applyOptions(request, preconditions));
    } catch (error) {
      const overtaken = error instanceof MeridianError && error.code === 'E_PRECONDITION';
      if (!overtaken || asked.length > 0 || attempt === attempts) throw error;
    }
  }
}

/** The body of an object as it now is; undefined when there is none. */
export function readBody(context: ApiContext, { kind, id }: Target): Json | undefined {
  const text = context.controller.body(kind, id);
  return text === undefined ? undefined : (JSON.parse(text) as Json);
}

/** How a write is answered. */
export interface WriteAnswer {
  readonly target: Target;
  readonly location: string;
  /** The object as it now is. */
  readonly show: () => object;
}

/** Answers a write: the plan of a dry run; 201 for a new object; 200 with it; 204 when it is gone. */
export function answerWrite(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  result: ApplyResult,
  { target, location, show }: WriteAnswer,
): FastifyReply {
  if (isDryRun(request)) return reply.code(200).send(planOf(result));
  writeHeaders(reply, result);
  const change = changeOf(result, target);
  if (change !== undefined && change.after === null) return reply.code(204).send();
  const etag = context.controller.etag(target.kind, target.id);
  if (etag !== undefined) reply.header('etag', etag);
  if (change !== undefined && change.before === null) {
    reply.code(201).header('location', location);
  }
  return reply.send(show());
}

/**
 * Answers a write to a part of an object, such as a service's member: `createdAt` is the path of a
 * new part, `show` is undefined for a part that is gone.
 */
export function answerPartWrite(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  result: ApplyResult,
  part: {
    readonly target: Target;
    readonly show: (() => unknown) | undefined;
    readonly createdAt?: string;
  },
): FastifyReply {
  if (isDryRun(request)) return reply.code(200).send(planOf(result));
  writeHeaders(reply, result);
  const etag = context.controller.etag(part.target.kind, part.target.id);
  if (etag !== undefined) reply.header('etag', etag);
  if (part.show === undefined) return reply.code(204).send();
  if (part.createdAt !== undefined) reply.code(201).header('location', part.createdAt);
  return reply.type(mediaTypes.json).send(JSON.stringify(part.show()));
}

/** Sets the headers of every write's answer. */
export function writeHeaders(reply: FastifyReply, result: ApplyResult): void {
  reply.header('x-revision', result.revision);
  const warnings = result.warnings.slice(0, 20).map(formatWarning);
  if (warnings.length > 0) reply.header('x-warning', warnings);
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

/** A change with its bodies as JSON values. */
export function viewChange(change: ObjectChange): object {
  const parse = (body: string | null): unknown => (body === null ? null : JSON.parse(body));
  const { kind, id, before, after } = change;
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

export function isDryRun(request: FastifyRequest): boolean {
  return (request.query as { dryRun?: boolean } | undefined)?.dryRun === true;
}

function changeOf(result: ApplyResult, { kind, id }: Target): ObjectChange | undefined {
  return result.changes.find((change) => change.kind === kind && change.id === id);
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
  return text.replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
