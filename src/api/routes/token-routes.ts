import { Type } from 'typebox';
import { MeridianError } from '../../base/errors.ts';
import { actorOf } from '../access.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { pageOfSorted } from '../pagination.ts';
import { component, describeRoute, pageOf, pageQuery } from '../route-schema.ts';

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
  const { tokens } = context;
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
        description: 'The answer holds its secret, which is shown this once and kept nowhere.',
        tags,
        body: wish,
        answers: { 201: { description: 'The token.', schema: component('NewToken') } },
      }),
    },
    (request, reply) => {
      const { name, scopes, expiresAt = null } = request.body;
      const { secret, token } = tokens.create({ name, scopes, expiresAt });
      const fields = { token: token.id, name, scopes: token.scopes, by: actorOf(request) };
      context.log.info(fields, 'a token was made');
      return reply
        .code(201)
        .header('location', `/v1/tokens/${token.id}`)
        .send({ ...token, secret });
    },
  );
  app.delete(
    '/tokens/:id',
    {
      config: { access: 'admin' },
      schema: describeRoute({
        summary: 'Revoke a token',
        tags,
        params: Type.Object({ id: Type.String() }),
        answers: { 204: null },
      }),
    },
    (request, reply) => {
      const { id } = request.params;
      if (!tokens.remove(id)) {
        throw new MeridianError({
          code: 'E_NOT_FOUND',
          message: `there is no token ${JSON.stringify(id.slice(0, 80))}; GET /v1/tokens shows the ids`,
        });
      }
      context.log.info({ token: id, by: actorOf(request) }, 'a token was revoked');
      return reply.code(204).send();
    },
  );
}
