import type { ClusterView, NodeView } from '../../src/control/cluster-view.ts';

const self: NodeView = {
  id: 'self',
  role: 'all',
  url: '',
  version: '0.0.0-test',
  term: 1,
  sequence: 5,
  digest: 'abc',
  serving: 5,
  healthAgeMs: null,
  healthSource: 'own',
  startedAt: '2026-01-01T00:00:00.000Z',
  since: '2026-01-01T00:00:00.000Z',
  leads: true,
  self: true,
};

/** A cluster of one, which leads, as the API sees it; parts can be put in its place. */
export function clusterView(more: Partial<ClusterView> = {}): ClusterView {
  const served = { serving: 1, live: 1, missing: [], at: null };
  return {
    state: () => ({
      id: 'self',
      leader: 'self',
      leads: true,
      term: 1,
      sequence: 5,
      busUp: true,
      busSilenceMs: 0,
      healthAgeMs: null,
      healthSource: 'own',
      live: 1,
    }),
    nodes: () => [self],
    leader: () => ({ id: 'self', url: '', isSelf: true }),
    servedBy: () => served,
    waitServed: async () => served,
    counters: () => ({}),
    ...more,
  };
}
