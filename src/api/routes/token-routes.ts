import { Type } from 'typebox';
import { makeToken, revokeToken } from '../../control/token-changes.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { pageOfSorted } from '../pagination.ts';
import {
  component,
  deleteAnswers,
  describeRoute,
  pageOf,
  pageQuery,
  writeHeaders,
  writeQuery,
} from '../route-schema.ts';
import { applyOptions, isDryRun, planOf, setWriteHeaders } from '../write-object.ts';

const tags = ['tokens'];

const wish = Type.Object(
  {
    name: Type.String({ description: 'Stands in revisions as the actor.' }),
    scopes: Type.Array(Type.String(), {
      description:
        '`read`, `write`, `admin`, `read:zone:example.com.`, `write:zone:example.com.`, `agent:enroll`, `agent:enroll:once`',
    }),
    expiresAt: Type.Optional(
      Type.Union([Type.String(), Type.Null()], { description: 'RFC 3339; null for never.' }),
    ),
  },
  { additionalProperties: false },
);

/** Registers `/tokens`. */
export function tokenRoutes(app: ApiInstance, context: ApiContext): void {
  const { controller, tokens } = context;
  app.get(
    '/tokens',
    {
      config: { access: 'admin' },
      schema: describeRoute({
        summary: 'List tokens, without their secrets',
        tags,
        querystring: Type.Object(pageQuery, { additionalProperties: false }),
        answers: { 200: { description: 'Tokens.', schema: pageOf(component('Token')) } },
      }),
    },
    (request, reply) => {
      const sorted = tokens.list().toSorted((a, b) => (a.id < b.id ? -1 : 1));
      return reply.send(pageOfSorted(sorted, (token) => token.id, request.query));
    },
  );
  app.post(
    '/tokens',
    {
      config: { access: 'admin' },
      schema: describeRoute({
        summary: 'Make a token',
        description:
          'By a revision, as every change. The answer holds its secret, which is shown this once and kept nowhere.',
        tags,
        querystring: writeQuery,
        headers: writeHeaders,
        body: wish,
        answers: {
          200: { description: 'With dryRun, the plan.', schema: component('Plan') },
          201: { description: 'The token.', schema: component('NewToken') },
        },
      }),
    },
    async (request, reply) => {
      const { name, scopes, expiresAt = null } = request.body;
      const options = applyOptions(context, request, undefined);
      const wished = { name, scopes, expiresAt };
      const { secret, token, result } = await makeToken(controller, tokens, wished, options);
      if (isDryRun(request)) return reply.code(200).send(planOf(result));
      setWriteHeaders(reply, result);
      const { hash: _, ...info } = token;
      return reply
        .code(201)
        .header('location', `/v1/tokens/${token.id}`)
        .send({ ...info, secret });
    },
  );
  app.delete(
    '/tokens/:id',
    {
      config: { access: 'admin' },
      schema: describeRoute({
        summary: 'Revoke a token',
        description: 'For good: going back to a revision that had it does not bring it back.',
        tags,
        params: Type.Object({ id: Type.String() }),
        querystring: writeQuery,
        headers: writeHeaders,
        answers: deleteAnswers,
      }),
    },
    async (request, reply) => {
      const options = applyOptions(context, request, undefined);
      const result = await revokeToken(controller, tokens, request.params.id, options);
      if (isDryRun(request)) return reply.code(200).send(planOf(result));
      setWriteHeaders(reply, result);
      return reply.code(204).send();
    },
  );
}
