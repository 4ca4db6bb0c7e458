import { type TSchema, Type } from 'typebox';
import { limits } from '../base/limits.ts';
import { mediaTypes } from './media-types.ts';
import { pageSizes } from './pagination.ts';
import { waitParameter } from './wait-served.ts';

/** What a route says of itself; params, querystring and body are checked, responses documented. */
export interface RouteDescription {
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly params?: TSchema;
  readonly querystring?: TSchema;
  readonly headers?: TSchema;
  readonly body?: TSchema;
  readonly consumes?: readonly string[];
  /** By status; null for an answer without a body. */
  readonly answers: Readonly<Record<number, Answer | null>>;
  /** Open to everybody: no Bearer token. */
  readonly open?: boolean;
  /** For agents, who sign instead. */
  readonly forAgents?: boolean;
}

/** One kind of answer: its JSON schema, or schemas by media type. */
export interface Answer {
  readonly description: string;
  readonly schema?: TSchema;
  readonly content?: Readonly<Record<string, TSchema>>;
  readonly headers?: Readonly<Record<string, object>>;
}

const problemAnswer = {
  description: 'A problem (RFC 9457)',
  content: { [mediaTypes.problem]: { schema: component('Problem') } },
};

/**
 * A route's schema as Fastify and OpenAPI take it: keeps the types of `description`'s parts, adds the
 * problem answers and the security that every route has.
 */
export function describeRoute<const Description extends RouteDescription>(
  description: Description,
) {
  const { answers, open, forAgents, tags, ...rest } = description;
  const response: Record<string, unknown> = {};
  for (const [status, answer] of Object.entries(answers)) {
    response[status] = answer === null ? noContent : toResponse(answer);
  }
  response['4xx'] = problemAnswer;
  response['5xx'] = problemAnswer;
  const scheme = forAgents === true ? { agent: [] } : { bearer: [] };
  const security: { [name: string]: string[] }[] = open === true ? [] : [scheme];
  return { ...rest, tags: [...tags], security, response };
}

/** A reference to one of the document's components. */
export function component<Value = unknown>(name: string) {
  return Type.Unsafe<Value>({ $ref: `${name}#` });
}

/** The query of every list. */
export const pageQuery = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: pageSizes.max,
      description: `Items per page; ${pageSizes.default} when absent.`,
    }),
  ),
  cursor: Type.Optional(
    Type.String({ maxLength: 2048, description: 'The `next` of the page before.' }),
  ),
};

/** The query of every write. */
export const writeQuery = Type.Object(
  {
    dryRun: Type.Optional(
      Type.Boolean({
        description: 'Work out everything, keep nothing; answers with the plan and its traffic.',
      }),
    ),
    wait: waitParameter,
  },
  { additionalProperties: false },
);

/** The headers that writes heed. */
export const writeHeaders = Type.Object({
  'if-match': Type.Optional(
    Type.String({ description: 'Only if the object still has this ETag; else 412.' }),
  ),
  'if-none-match': Type.Optional(
    Type.String({ description: '`*`: only if the object does not exist yet; else 412.' }),
  ),
  'idempotency-key': Type.Optional(
    Type.String({
      maxLength: limits.idempotencyKeyChars,
      description: 'The same key and request within a day get the first answer again.',
    }),
  ),
});

/** A page of items. */
export function pageOf(item: TSchema): TSchema {
  return Type.Object({
    items: Type.Array(item),
    next: Type.Union([Type.String(), Type.Null()], {
      description: 'The cursor of the next page; null on the last.',
    }),
  });
}

const writeResponseHeaders = {
  'X-Revision': { type: 'integer', description: 'The revision that this write made.' },
  ETag: { type: 'string', description: 'The new ETag of the object.' },
  'X-Served': {
    type: 'string',
    description: 'With wait: `9/10`, live nodes that serve it, of so many.',
  },
  'X-Not-Served': { type: 'string', description: 'With wait: the nodes that do not yet.' },
  'X-Warning': { type: 'string', description: 'One problem that did not stop the write.' },
};

const noContent = {
  description: 'Done; nothing to show.',
  type: 'null',
  headers: writeResponseHeaders,
};

/** The answers of a write: the plan of a dry run, or the object, made or changed. */
export function writeAnswers(object: TSchema, options: { creates: boolean }) {
  const changed: Answer = {
    description: 'The object after the write; with dryRun, the plan.',
    schema: Type.Union([object, component('Plan')]),
    headers: writeResponseHeaders,
  };
  const made: Answer = {
    description: 'The new object.',
    schema: object,
    headers: {
      ...writeResponseHeaders,
      Location: { type: 'string', description: 'Its path.' },
    },
  };
  return options.creates ? { 200: changed, 201: made } : { 200: changed };
}

/** The answers of a delete: nothing, or the plan of a dry run. */
export const deleteAnswers = {
  200: { description: 'The plan of the dry run.', schema: component('Plan') },
  204: null,
};

function toResponse(answer: Answer): object {
  const { description, schema, headers = {} } = answer;
  const content = answer.content ?? { [mediaTypes.json]: schema ?? Type.Unknown() };
  const entries = Object.entries(content).map(([type, each]) => [type, { schema: each }]);
  return { description, headers, content: Object.fromEntries(entries) };
}
