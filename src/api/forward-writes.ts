import type { FastifyReply, FastifyRequest } from 'fastify';
import { request as send } from 'undici';
import { isCertificateError } from '../base/certificate-error.ts';
import { errorText, MeridianError } from '../base/errors.ts';
import type { ApiContext } from './api-context.ts';

/** Says that a controller has forwarded a request, and which: it is not forwarded again. */
const forwardedHeader = 'x-meridian-forwarded';

/** The leader may wait for every node to serve a change (`?wait=`) before it answers. */
const answerTimeoutMs = 75_000;
const connectTimeoutMs = 2000;
/** How often a forwarded request looks whether the same controller leads still. */
const lookMs = 250;

/** Headers that belong to one connection (RFC 9110 §7.6.1), and those that undici makes itself. */
const hopHeaders = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'expect',
]);

/** True for a request that only the cluster's leader can answer, where that is another process. */
export function isForLeader({ cluster, role }: ApiContext, request: FastifyRequest): boolean {
  if (cluster === undefined || cluster.leader()?.isSelf === true) return false;
  const { access, isLocal } = request.routeOptions.config;
  // A token that is none here is none at the leader; whose it was stands in the revisions here.
  if (access === undefined || access === 'read' || request.identity === undefined) return false;
  const isTakenHere = isLocal === true && role !== 'node';
  return !isTakenHere && request.method !== 'GET' && request.method !== 'HEAD';
}

/**
 * Passes a request on to the leader, body and all, and its answer back. Throws `E_NOT_LEADER` with the
 * leader's address when there is no way to it, and `E_IN_DOUBT` when it took the request and then fell
 * silent, or another leads before it has answered.
 */
export async function forwardToLeader(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const leader = context.cluster?.leader();
  if (leader === undefined) {
    throw notLeader('no controller leads at the moment; send the request again in some seconds');
  }
  const at = leader.url === '' ? leader.id : `${leader.id} at ${leader.url}`;
  if (context.role === 'node') throw notLeader(`a node takes no changes; send it to ${at}`);
  if (leader.url === '') {
    throw notLeader(`${at} leads and has not said where (--advertise); send the request there`);
  }
  if (request.headers[forwardedHeader] !== undefined) {
    throw notLeader(`the request was forwarded here, but ${at} leads; send it again`);
  }
  const headers: Record<string, string | string[]> = { [forwardedHeader]: '1' };
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && !hopHeaders.has(name)) headers[name] = value;
  }
  const replaced = whenReplaced(context, leader.id);
  const hasBody = headers['content-length'] !== undefined || request.headers['transfer-encoding'];
  try {
    const answer = await send(new URL(request.url, leader.url), {
      method: request.method as 'POST',
      headers,
      body: hasBody ? request.raw : null,
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
      signal: AbortSignal.any([
        AbortSignal.timeout(answerTimeoutMs + connectTimeoutMs),
        replaced.signal,
      ]),
    });
    for (const [name, value] of Object.entries(answer.headers)) {
      if (value !== undefined && !hopHeaders.has(name)) reply.header(name, value);
    }
    return reply.code(answer.statusCode).send(answer.body);
  } catch (error) {
    throw unreachable(at, error);
  } finally {
    replaced.stop();
  }
}

/**
 * A signal for the moment in which another controller leads: one that stands still keeps its connections,
 * and whoever waits for it would wait for as long as it stands.
 */
function whenReplaced({ cluster, clock }: ApiContext, id: string) {
  const replaced = new AbortController();
  let stop = () => {};
  const look = () => {
    const leader = cluster?.leader();
    if (leader === undefined || leader.id === id) stop = clock.setTimer(lookMs, look);
    else replaced.abort(new Error(`${leader.id} leads by now`));
  };
  look();
  return { signal: replaced.signal, stop: () => stop() };
}

function unreachable(at: string, error: unknown): MeridianError {
  const code = (error as { code?: string }).code ?? '';
  const why = errorText(error);
  // The connection was never made, so nothing was asked.
  if (['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'].includes(code)) {
    return notLeader(
      `${at} leads and cannot be reached from here (${why}); send the request there`,
    );
  }
  if (isCertificateError(code)) {
    return notLeader(
      `${at} leads and its certificate is not trusted here (${why}); name its authority with NODE_EXTRA_CA_CERTS, or send the request there`,
    );
  }
  const message = `${at} was given the request and did not answer (${why}); send it again with the same Idempotency-Key`;
  return new MeridianError({ code: 'E_IN_DOUBT', message }, { cause: error });
}

function notLeader(message: string): MeridianError {
  return new MeridianError({ code: 'E_NOT_LEADER', message });
}
