import { Type } from 'typebox';
import { MeridianError } from '../../base/errors.ts';
import { parseDuration } from '../../control/duration.ts';
import { parseTime } from '../../control/parse-region.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { pageOfSorted } from '../pagination.ts';
import { component, describeRoute, pageOf, pageQuery } from '../route-schema.ts';

const tags = ['tokens'];

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
}
