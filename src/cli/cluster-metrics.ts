import { Counter, Gauge, type Registry } from 'prom-client';
import type { ClusterView } from '../control/cluster-view.ts';

/** Makes the metrics of a cluster, and returns what brings them up to date. */
export function clusterMetrics(cluster: ClusterView, registry: Registry): () => void {
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const leads = gauge('meridian_cluster_leads', '1 while this process leads.');
  const term = gauge('meridian_cluster_term', 'Fencing term of what is stored here.');
  const sequence = gauge('meridian_cluster_sequence', 'Newest revision that is stored here.');
  const lag = gauge(
    'meridian_cluster_lag',
    'Revisions that the most advanced member has beyond it.',
  );
  const up = gauge('meridian_cluster_bus_up', '1 while the bus answers.');
  const silence = gauge('meridian_cluster_bus_silence_seconds', 'Since the bus last answered.');
  const age = gauge(
    'meridian_cluster_health_age_seconds',
    "Since the leader's last word on health; NaN before the first.",
  );
  const own = gauge('meridian_cluster_judges_alone', '1 while health is not the word of a leader.');
  const live = gauge('meridian_cluster_members', 'Live members.');
  const events = new Counter({
    name: 'meridian_cluster_events_total',
    help: "What was refused, shed or undone, and agents' reports passed on or spared that.",
    labelNames: ['event'],
    registers,
  });
  return () => {
    const state = cluster.state();
    const newest = Math.max(state.sequence, ...cluster.nodes().map((node) => node.sequence));
    leads.set(state.leads ? 1 : 0);
    term.set(state.term);
    sequence.set(state.sequence);
    lag.set(newest - state.sequence);
    up.set(state.busUp ? 1 : 0);
    silence.set(state.busSilenceMs / 1000);
    age.set(state.healthAgeMs === null ? Number.NaN : state.healthAgeMs / 1000);
    own.set(state.healthSource === 'own' && !state.leads ? 1 : 0);
    live.set(state.live);
    events.reset();
    for (const [event, count] of Object.entries(cluster.counters())) events.inc({ event }, count);
  };
}
