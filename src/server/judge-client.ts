import { rcodes } from '../wire/types.ts';
import { counterAt } from './counters.ts';
import { verdicts } from './rate-limit.ts';
import type { Responder } from './responder.ts';

/**
 * Looks at who asks, before any work is done for them: verifies the cookie, and counts the answer
 * against the client's rate over UDP. Streams and valid cookies prove the address, so that such clients
 * are never limited (RFC 7873 §5.2.5). Returns one of `verdicts`.
 */
export function judgeClient(responder: Responder): number {
  const { query, cookies, rateLimit, view, at, peer } = responder;
  if (cookies !== undefined && query.cookieBytes > 0) {
    query.hasValidCookie = cookies.verify(view, at + query.cookieAt, query.cookieBytes, peer);
  }
  if (rateLimit === undefined || responder.transport !== 0 || query.hasValidCookie) {
    return verdicts.pass;
  }
  const verdict = rateLimit.judge(peer);
  if (verdict !== verdicts.pass) {
    responder.count(counterAt.limited);
    if (verdict === verdicts.slip) responder.count(counterAt.slipped);
  }
  return verdict;
}

/**
 * Sends a client who is limited another way, with an answer no longer than needed: to a client that
 * can take cookies, one and BADCOOKIE (RFC 7873 §5.2.3; what BIND does), to others TC. Returns the RCODE.
 */
export function hintClient(responder: Responder): number {
  if (responder.cookies !== undefined && responder.query.cookieBytes > 0) return rcodes.BADCOOKIE;
  responder.truncate();
  return rcodes.NOERROR;
}

/** Answers a request that only asks for a cookie (RFC 7873 §5.4); returns the RCODE. */
export function answerCookie(responder: Responder): number {
  const { query, cookies } = responder;
  if (cookies === undefined) return rcodes.FORMERR;
  const hasOnlyClientCookie = query.cookieBytes === 8;
  return query.hasValidCookie || hasOnlyClientCookie ? rcodes.NOERROR : rcodes.BADCOOKIE;
}
