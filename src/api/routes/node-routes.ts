import { Type } from 'typebox';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { component, describeRoute } from '../route-schema.ts';

/** Registers `/nodes`: the live members of the cluster. */
export function nodeRoutes(app: ApiInstance, { cluster }: ApiContext): void {
  if (cluster === undefined) return;
  app.get(
    '/nodes',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Who is in the cluster, and how far each has come',
        description: 'By their heartbeats of the last five seconds.',
        tags: ['nodes'],
        querystring: Type.Object({}, { additionalProperties: false }),
        answers: { 200: { description: 'The cluster.', schema: component('Cluster') } },
      }),
    },
    (_request, reply) => {
      const items = cluster.nodes().toSorted((a, b) => (a.id < b.id ? -1 : 1));
      return reply.send({ ...cluster.state(), items });
    },
  );
}
