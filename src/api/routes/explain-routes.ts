import { type Static, Type } from 'typebox';
import type { ExplainQuestion } from '../../control/controller.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { component, describeRoute } from '../route-schema.ts';

const question = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 1024, description: 'Taken as absolute.' }),
    type: Type.Optional(Type.Union([Type.Literal('A'), Type.Literal('AAAA')])),
    client: Type.String({
      minLength: 1,
      maxLength: 64,
      description: "The client's address, or a prefix as a resolver would send it (RFC 7871).",
    }),
  },
  { additionalProperties: false },
);

const description =
  'By the same evaluator and the same maps as the answers themselves. `type` is A when left out.';

/** Registers `/explain`: what a client gets, and why. */
export function explainRoutes(app: ApiInstance, context: ApiContext): void {
  const shared = {
    summary: 'What a client gets, and why',
    description,
    tags: ['explain'],
    answers: { 200: { description: 'The explanation.', schema: component('Explanation') } },
  };
  app.get(
    '/explain',
    {
      config: { access: 'read' },
      schema: describeRoute({ ...shared, querystring: question }),
    },
    (request, reply) => reply.send(context.controller.explain(complete(request.query))),
  );
  app.post(
    '/explain',
    {
      config: { access: 'read' },
      schema: describeRoute({ ...shared, body: question }),
    },
    (request, reply) => reply.send(context.controller.explain(complete(request.body))),
  );
}

function complete(asked: Static<typeof question>): ExplainQuestion {
  return { ...asked, type: asked.type ?? 'A' };
}
