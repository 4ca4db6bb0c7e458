import { hostname } from 'node:os';
import { Type } from 'typebox';
import type { ClusterState, NodeView } from '../../control/cluster-view.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { component, describeRoute } from '../route-schema.ts';

/** Registers `/nodes`: the live members of the cluster, or the one process that there is. */
export function nodeRoutes(app: ApiInstance, context: ApiContext): void {
  const startedAt = new Date(context.clock.epochMs()).toISOString();
  app.get(
    '/nodes',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Who is in the cluster, and how far each has come',
        description:
          'By their heartbeats of the last five seconds. A process that is in no cluster is its only member.',
        tags: ['nodes'],
        querystring: Type.Object({}, { additionalProperties: false }),
        answers: { 200: { description: 'The cluster.', schema: component('Cluster') } },
      }),
    },
    (_request, reply) => {
      const { cluster } = context;
      if (cluster === undefined) return reply.send(aloneView(context, startedAt));
      const items = cluster.nodes().toSorted((a, b) => (a.id < b.id ? -1 : 1));
      return reply.send({ ...cluster.state(), items });
    },
  );
}

/** A process of its own, as the only member of a cluster that has no bus. */
interface AloneView extends Omit<ClusterState, 'busUp' | 'busSilenceMs'> {
  readonly busUp: null;
  readonly busSilenceMs: null;
  readonly items: readonly NodeView[];
}

function aloneView({ controller, version, nodeId }: ApiContext, startedAt: string): AloneView {
  const { revision } = controller.configuration();
  const newest = controller.revision(revision);
  const id = nodeId ?? hostname();
  const stand = { term: 0, sequence: revision, healthAgeMs: null, healthSource: 'own' } as const;
  const self: NodeView = {
    ...{ id, role: 'all', url: '', version, ...stand },
    digest: newest?.hash ?? '0'.repeat(64),
    serving: revision,
    startedAt,
    since: newest !== undefined && newest.at > startedAt ? newest.at : startedAt,
    leads: true,
    self: true,
  };
  const state = { id, leader: id, leads: true, busUp: null, busSilenceMs: null, live: 1 } as const;
  return { ...state, ...stand, items: [self] };
}
