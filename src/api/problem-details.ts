import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, errorCodes, MeridianError, type Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { mediaTypes } from './media-types.ts';

/** An error answer (RFC 9457): the members that the RFC names, then ours. */
export interface ProblemDetails {
  /** A path into the page of error codes, below the server's own address. */
  readonly type: string;
  /** The code's headline, always the same for a code. */
  readonly title: string;
  readonly status: number;
  /** What is wrong with this request, and the remedy: the first problem's message. */
  readonly detail: string;
  readonly code: ErrorCode;
  /** Every problem found, not only the first. */
  readonly errors: readonly Problem[];
}

/**
 * The HTTP status of each code. Codes that are not listed say that a body could be read and is
 * wrong: 422 (RFC 9110 §15.5.21); 400 is kept for what cannot be read at all.
 */
const statuses: Partial<Record<ErrorCode, number>> = {
  E_FORM_SYNTAX: 400,
  E_QUERY: 400,
  E_CURSOR: 400,
  E_HTTP: 400,
  E_REPORT_FORM: 400,
  E_UNAUTHORIZED: 401,
  E_AGENT_CHALLENGE: 401,
  E_AGENT_UNKNOWN: 401,
  E_AGENT_SIGNATURE: 401,
  E_FORBIDDEN: 403,
  E_AGENT_REVOKED: 403,
  E_NOT_FOUND: 404,
  E_METHOD: 405,
  E_NOT_ACCEPTABLE: 406,
  E_CONFLICT: 409,
  E_IN_USE: 409,
  E_AGENT_BOOT: 409,
  E_REPORT_PLAN: 409,
  E_REPORT_REPLAY: 409,
  E_PRECONDITION: 412,
  E_TOO_LARGE: 413,
  E_MEDIA_TYPE: 415,
  E_HOST: 421,
  E_TOO_MANY_FAILURES: 429,
  E_TOO_MANY_SAMPLES: 429,
  E_INTERNAL: 500,
  E_STORE_LOCKED: 500,
  E_STORE_CORRUPT: 500,
  E_STORE_VERSION: 500,
  E_STORE_WRITE: 500,
  E_CLUSTER_KEY: 500,
  E_CERTIFICATE: 500,
  E_BUSY: 503,
  E_NOT_LEADER: 503,
  E_NO_BUS: 503,
  E_IN_DOUBT: 503,
  E_STREAMS: 503,
};

/** Codes of commands, of a start, and of the log: no answer of the API has them. */
const elsewhere: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'E_FLAG',
  'E_PORT_TAKEN',
  'E_PORT_FORBIDDEN',
  'E_LISTEN_ADDRESS',
  'E_API_UNREACHABLE',
  'E_API_ANSWER',
  'E_TOKEN_MISSING',
  'E_TOKEN_WEAK',
  'E_EXPORT',
  'E_EXPORT_EXISTS',
  'E_IMPORT_EMPTY',
  'E_DEMO_ORIGINS',
  'E_RESTART',
  'E_PROBE_CONTROL',
  'E_PROBE_IDENTITY',
  'E_BUS_URL',
  'E_CLUSTER_KEY',
  'E_STORE_LOCKED',
  'E_STORE_CORRUPT',
  'E_STORE_VERSION',
  'E_ZONE_FILE',
  'E_ZONE_TWICE',
  'E_GEO_FILE',
  'E_GEO_NOT_MMDB',
  'E_GEO_DAMAGED',
  'E_GEO_TOO_LARGE',
  'E_GEO_LAYOUT',
  'E_GEO_SHRUNK',
  'E_GEO_FAMILY',
  'E_GEO_OLD',
]);

/** Codes of warnings alone: the change is made, and the answer says so in `X-Warning`. */
const warnings: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['E_NO_REPLICA', 'E_PUBLISH']);

/** Where a code is met with, as a phrase for people. */
export function placeOf(code: ErrorCode): string {
  if (elsewhere.has(code)) return "of a command or a node's start and log; no answer of the API";
  if (warnings.has(code)) return 'a warning, in X-Warning of an answer 2xx';
  return `HTTP ${statusOf(code)}, where the API says it`;
}

/** The status that answers a problem with this code. */
export function statusOf(code: ErrorCode): number {
  return statuses[code] ?? 422;
}

/** Where the page of error codes explains this one. */
export function problemType(code: ErrorCode): string {
  return `/docs/errors#${code}`;
}

/** Makes the body of an error answer; lists at most `limits.problemsPerAnswer` problems. */
export function problemDetails(problems: readonly Problem[]): ProblemDetails {
  const first = problems.find((problem) => problem.severity !== 'warning') ?? problems[0];
  const code = first?.code ?? 'E_INTERNAL';
  return {
    type: problemType(code),
    title: errorCodes[code],
    status: statusOf(code),
    detail: first?.message ?? errorCodes[code],
    code,
    errors: problems.slice(0, limits.problemsPerAnswer),
  };
}

/** Answers with problems: status, media type and body. */
export function sendProblems(reply: FastifyReply, problems: readonly Problem[]): FastifyReply {
  const details = problemDetails(problems);
  return reply.code(details.status).type(mediaTypes.problem).send(details);
}

/** Codes of Fastify's own errors that are the client's doing. */
const fastifyCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'E_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'E_MEDIA_TYPE',
  FST_ERR_CTP_EMPTY_TYPE: 'E_MEDIA_TYPE',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'E_HTTP',
  FST_ERR_BAD_URL: 'E_HTTP',
  FST_ERR_MAX_PARAM_LENGTH: 'E_QUERY',
};

/**
 * Turns whatever was thrown while answering into a problem answer. What nobody foresaw is logged in
 * full and answered with nothing of its text: it may hold what the client must not see.
 */
export function errorHandler(log: Log) {
  return (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) =>
    sendProblems(reply, problemsOf(error, request, log));
}

/** The problems that an error stands for; an unforeseen one is logged and becomes `E_INTERNAL`. */
export function problemsOf(error: unknown, request: FastifyRequest, log: Log): readonly Problem[] {
  const cause = error instanceof Error && error.cause instanceof MeridianError && error.cause;
  const known = error instanceof MeridianError ? error : cause;
  if (known && known.problems.length > 0) {
    if (statusOf(known.code) === 500) {
      log.error(fieldsOf(request), `an API request failed: ${known.message}`);
    }
    return known.problems;
  }
  const fastifyCode = (error as Partial<FastifyError> | undefined)?.code ?? '';
  const code = fastifyCodes[fastifyCode];
  if (code !== undefined) return [{ code, message: clientMessage(code, request) }];
  const status = (error as Partial<FastifyError> | undefined)?.statusCode;
  if (status !== undefined && status >= 400 && status < 500) {
    return [{ code: 'E_HTTP', message: clientMessage('E_HTTP', request) }];
  }
  log.error({ ...fieldsOf(request), err: error }, 'an API request failed unforeseen');
  return [
    {
      code: 'E_INTERNAL',
      message: `the request failed inside Meridian; nothing was changed unless a revision says so; the log has the details under request ${request.id}`,
    },
  ];
}

/** The error for a body of a media type that its route does not take. */
export function wrongMediaType(request: FastifyRequest): MeridianError {
  return new MeridianError({
    code: 'E_MEDIA_TYPE',
    message: clientMessage('E_MEDIA_TYPE', request),
    where: 'Content-Type',
  });
}

function clientMessage(code: ErrorCode, request: FastifyRequest): string {
  const type = JSON.stringify(String(request.headers['content-type'] ?? '').slice(0, 80));
  if (code === 'E_MEDIA_TYPE') {
    return `Content-Type ${type} is not taken here; send ${mediaTypes.json}, or what the route's page in /docs names`;
  }
  if (code === 'E_TOO_LARGE') {
    const length = request.headers['content-length'];
    const sent =
      length === undefined ? 'the body' : `a body of ${String(length).slice(0, 20)} bytes`;
    return `${sent} is over the limit of ${bodyLimit(request)} bytes; split the request`;
  }
  if (code === 'E_QUERY') {
    return 'a part of the path is longer than any name can be; shorten it';
  }
  return 'the request line, headers or body could not be read; check the URL and its escapes';
}

function bodyLimit(request: FastifyRequest): number {
  const type = request.headers['content-type'] ?? '';
  if (type.startsWith(mediaTypes.dns)) return limits.zoneBodyBytes;
  return request.routeOptions.bodyLimit ?? limits.bodyBytes;
}

function fieldsOf(request: FastifyRequest): object {
  return { requestId: request.id, method: request.method, route: request.routeOptions.url };
}
