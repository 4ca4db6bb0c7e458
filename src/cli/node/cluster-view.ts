import type { Bus } from '../../cluster/bus.ts';
import type { Cluster, Heartbeat } from '../../cluster/cluster-types.ts';
import { type Served, servingOf } from '../../cluster/served.ts';
import type { ClusterState, ClusterView, NodeView } from '../../control/cluster-view.ts';
import type { HealthSource } from '../../control/health-source.ts';
import type { ClusterTables } from './cluster-tables.ts';

export interface ClusterViewParts {
  readonly id: string;
  readonly cluster: Cluster;
  readonly bus: Bus;
  readonly tables: ClusterTables;
  readonly health: HealthSource;
  readonly served: Served;
  /** What else was refused or shed. */
  counters(): Readonly<Record<string, number>>;
}

/** The cluster as the API and the metrics see it. */
export function createClusterView(parts: ClusterViewParts): ClusterView {
  const { id, cluster, bus, tables, health, served } = parts;
  const state = (): ClusterState => {
    const { term, sequence } = cluster.position();
    const leader = cluster.leader();
    return {
      id,
      leader: leader?.id ?? null,
      leads: cluster.lease() !== undefined,
      ...{ term, sequence },
      busUp: bus.isUp,
      busSilenceMs: Math.round(cluster.busSilenceMs()),
      healthAgeMs: rounded(tables.healthAgeMs),
      healthSource: health.usesOwnFleet ? 'own' : 'leader',
      live: cluster.nodes().length,
    };
  };
  return {
    state,
    nodes: () => cluster.nodes().map((node) => viewNode(node, id, cluster)),
    leader: () => {
      const leader = cluster.leader();
      if (leader === undefined) return undefined;
      return { id: leader.id, url: leader.url, isSelf: leader.isSelf };
    },
    servedBy: (revision) => served.by(revision),
    waitServed: (revision, timeoutMs) => served.wait(revision, timeoutMs),
    counters: () => {
      const { unsigned, stale, gaps, ...others } = cluster.counters;
      const ofTables = tables.counters();
      return {
        unsigned: unsigned + ofTables.unsigned,
        stale: stale + ofTables.stale,
        gaps: gaps + ofTables.gaps,
        ...others,
        ...parts.counters(),
      };
    },
  };
}

function viewNode(node: Heartbeat, self: string, cluster: Cluster): NodeView {
  const { id, url, version, position, digest, startedAt, since, more } = node;
  const { role, healthAgeMs, healthSource } = more;
  return {
    id,
    role: role === 'all' || role === 'controller' ? role : node.role,
    ...{ url, version },
    ...position,
    digest,
    serving: servingOf(node),
    healthAgeMs: typeof healthAgeMs === 'number' ? healthAgeMs : null,
    healthSource: healthSource === 'own' ? 'own' : 'leader',
    ...{ startedAt, since },
    leads: cluster.leader()?.id === id,
    self: id === self,
  };
}

/** An age as it is shown; null where there is none yet. */
export function rounded(ageMs: number | undefined): number | null {
  return ageMs === undefined ? null : Math.round(ageMs);
}
