import type { FastifyReply, FastifyRequest } from 'fastify';
import { MeridianError } from '../base/errors.ts';
import type { Need, TokenInfo, Tokens } from '../control/tokens.ts';
import type { ApiContext } from './api-context.ts';
import { isLoopback } from './guard-host.ts';
import { readZoneName } from './names-in-paths.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a token must be allowed to do on this route; absent: any valid token will do. */
    access?: Need['verb'];
    /** Whether the handler answers a token that is used up, or refuses it by `refuseToken`. */
    knowsSpentTokens?: boolean;
    /** In a cluster: a write that every controller takes, not the leader alone. */
    isLocal?: boolean;
    /** Media types of the route's answers; default JSON. */
    produces?: readonly string[];
    /** Whether a body may be text/dns. */
    takesMasterFiles?: boolean;
    /** Whether a body may be text/csv. */
    takesCsv?: boolean;
    /** Whether a body may be an agent's report. */
    takesReports?: boolean;
    /** Whether agents come here, who prove by their keys who they are, and no tokens. */
    forAgents?: boolean;
  }
  interface FastifyRequest {
    /** Whose token the request carries; set before any handler below /v1 runs. */
    identity?: TokenInfo;
  }
}

/** What the API asks of the tokens; `control/tokens.ts` keeps them. */
export type ApiTokens = Pick<Tokens, 'verify' | 'allows' | 'list' | 'draft' | 'isOwn'>;

/**
 * Lets a request through whose token is valid and may use the route; throws `E_UNAUTHORIZED`,
 * `E_FORBIDDEN` or `E_TOO_MANY_FAILURES` otherwise (RFC 6750 §3). Sets `request.identity`, but for a wrong
 * token on a route that knows spent ones.
 */
export function requireAccess(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  if (request.routeOptions.config.forAgents === true) return;
  const { access: verb, knowsSpentTokens } = request.routeOptions.config;
  const identity = identify(context, request, reply);
  if (identity === undefined) {
    if (knowsSpentTokens === true) return;
    throw refuseToken(context, request, reply);
  }
  request.identity = identity;
  if (verb === undefined) return;
  const zone = zoneOf(request);
  if (context.tokens.allows(identity, verb, zone)) return;
  challenge(reply, 'insufficient_scope');
  const what = zone === undefined ? '' : ` in zone ${zone}`;
  throw new MeridianError({
    code: 'E_FORBIDDEN',
    message: `token "${identity.name}" has the scopes ${identity.scopes.join(', ')}, which do not allow "${verb}"${what} here; use a token that may`,
  });
}

/** Metrics are open to the same machine, or to all by choice; anybody else needs a token. */
export function checkMetricsAccess(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  if (context.openMetrics === true || isLoopback(request.socket.remoteAddress ?? '')) return;
  const identity = authenticate(context, request, reply);
  if (context.tokens.allows(identity, 'read')) return;
  challenge(reply, 'insufficient_scope');
  throw new MeridianError({
    code: 'E_FORBIDDEN',
    message: `token "${identity.name}" may not read metrics; use one with the scope "read"`,
  });
}

/** Who made a request, for revisions and the audit. */
export function actorOf(request: FastifyRequest): string {
  return request.identity?.name ?? 'nobody';
}

/** True while the token that a request came with is still valid; for streams that stay open. */
export function stillValid(context: ApiContext, request: FastifyRequest): boolean {
  const secret = bearerSecret(request);
  return secret !== undefined && context.tokens.verify(secret) !== undefined;
}

/** Throws `E_TOO_MANY_FAILURES` while an address must wait; returns the address. */
export function refuseGuessing(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): string {
  const address = request.socket.remoteAddress ?? '';
  const waitSeconds = context.attempts.waitSeconds(address);
  if (waitSeconds === 0) return address;
  reply.header('retry-after', String(waitSeconds));
  throw new MeridianError({
    code: 'E_TOO_MANY_FAILURES',
    message: `too many requests with wrong tokens came from ${address}; try again in ${waitSeconds} s`,
  });
}

/** The error for a token that is none, or none any more. */
export function refuseToken(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): MeridianError {
  const address = request.socket.remoteAddress ?? '';
  context.log.warn({ address, requestId: request.id }, 'a request came with a wrong token');
  challenge(reply, 'invalid_token');
  return new MeridianError({
    code: 'E_UNAUTHORIZED',
    message: 'the token is unknown, revoked or expired; ask for a new one',
  });
}

function authenticate(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): TokenInfo {
  const identity = identify(context, request, reply);
  if (identity === undefined) throw refuseToken(context, request, reply);
  return identity;
}

/** The token of a request; undefined, and counted as a failure, for a wrong one. */
function identify(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): TokenInfo | undefined {
  const address = refuseGuessing(context, request, reply);
  const secret = bearerSecret(request);
  if (secret === undefined) {
    challenge(reply);
    throw new MeridianError({
      code: 'E_UNAUTHORIZED',
      message: 'there is no Bearer token; send "Authorization: Bearer TOKEN"',
    });
  }
  const identity = context.tokens.verify(secret);
  if (identity === undefined) context.attempts.failed(address);
  return identity;
}

/** The zone that a request is about; undefined when it is about something else. */
function zoneOf(request: FastifyRequest): string | undefined {
  const { zone } = request.params as { readonly zone?: string };
  return zone === undefined ? undefined : readZoneName(zone);
}

/** The token of an Authorization header (RFC 6750 §2.1); undefined when there is none. */
export function bearerSecret(request: FastifyRequest): string | undefined {
  const match = /^Bearer +([\x21-\x7e]{1,512}) *$/i.exec(request.headers.authorization ?? '');
  return match?.[1];
}

function challenge(reply: FastifyReply, error?: string): void {
  const parameters = error === undefined ? '' : `, error="${error}"`;
  reply.header('www-authenticate', `Bearer realm="meridian"${parameters}`);
}
