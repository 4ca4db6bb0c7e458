import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { MeridianError } from '../base/errors.ts';
import { parseDuration } from '../control/duration.ts';
import type { ApiContext } from './api-context.ts';

/** How long `?wait=served` waits, and the longest that may be asked for, milliseconds. */
const defaultWaitMs = 10_000;
const maxWaitMs = 60_000;

/** The query parameter of every write. */
export const waitParameter = Type.Optional(
  Type.String({
    maxLength: 16,
    description:
      'Answer when every live node of the cluster serves the change: `served` (10 s at most) or a ' +
      'duration, as `5s`. X-Served says how many do.',
  }),
);

/** Reads `?wait=`; undefined where a write is not to wait. Throws `E_QUERY`. */
export function readWait(request: FastifyRequest): number | undefined {
  const { wait } = (request.query ?? {}) as { readonly wait?: string };
  // What is read waits for other things, in its own way.
  if (wait === undefined || request.method === 'GET' || request.method === 'HEAD') return undefined;
  if (wait === 'served') return defaultWaitMs;
  const waitMs = parseDuration(wait);
  if (waitMs !== undefined && waitMs > 0 && waitMs <= maxWaitMs) return waitMs;
  throw new MeridianError({
    code: 'E_QUERY',
    message: `wait ${JSON.stringify(wait)} is no duration; write served, or up to 60 s as 5s or 250ms`,
    where: 'wait',
  });
}

/** Lets a write's answer wait until the change is served, and says in its headers by how many. */
export async function waitUntilServed(
  { cluster }: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const revision = Number(reply.getHeader('x-revision'));
  if (!Number.isInteger(revision) || reply.statusCode >= 300) return;
  const waitMs = readWait(request);
  // An answer that the leader gave has waited there.
  if (waitMs === undefined || reply.hasHeader('x-served')) return;
  if (cluster === undefined) {
    // A process of its own serves what it has stored before it answers.
    reply.header('x-served', '1/1');
    return;
  }
  const { serving, live, missing } = await cluster.waitServed(revision, waitMs);
  reply.header('x-served', `${serving}/${live}`);
  if (missing.length > 0) reply.header('x-not-served', missing.join(', '));
}
