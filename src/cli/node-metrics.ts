import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ClusterView } from '../control/cluster-view.ts';
import type { Controller } from '../control/controller.ts';
import type { CounterSnapshot } from '../server/counters.ts';
import { rcodes } from '../wire/types.ts';

export interface MetricsParts {
  counters(): CounterSnapshot;
  /** Times that a query thread had to be replaced. */
  restarts(): number;
  readonly controller: Controller;
  /** Absent for a process of its own. */
  readonly cluster?: ClusterView;
}

const rcodeNames = new Map<number, string>(
  Object.entries(rcodes).map(([name, number]) => [number, name]),
);

/**
 * Makes the function that prints a node's metrics for Prometheus. Counters are read from the workers'
 * shared memory at that moment; the query path knows nothing of it.
 */
export function createNodeMetrics(parts: MetricsParts): () => Promise<string> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers });

  const queries = counter('meridian_queries_total', 'Queries by transport.', ['transport']);
  const types = counter('meridian_queries_by_type_total', 'Queries by type.', ['type']);
  const answers = counter('meridian_answers_total', 'Answers by RCODE.', ['rcode']);
  const events = {
    steered: counter('meridian_steered_answers_total', 'Answers that a policy picked.'),
    truncated: counter('meridian_truncated_answers_total', 'Answers sent with TC.'),
    dropped: counter('meridian_dropped_requests_total', 'Requests that got no answer.'),
    malformed: counter('meridian_malformed_requests_total', 'Requests answered with FORMERR.'),
    failures: counter('meridian_query_failures_total', 'Queries lost to a bug.'),
    unsent: counter('meridian_unsent_answers_total', 'Answers that could not be sent.'),
    kernelDrops: counter(
      'meridian_kernel_drops_total',
      'Requests that the kernel dropped, since a socket buffer was full.',
    ),
    connections: counter('meridian_stream_connections_total', 'Stream connections taken.'),
    limited: counter('meridian_limited_answers_total', 'Answers suppressed by the rate limit.'),
    slipped: counter('meridian_slipped_answers_total', 'Of those, sent as a hint.'),
    connectionsShed: counter('meridian_stream_connections_shed_total', 'Closed by a cap.'),
  };
  const restarts = counter('meridian_worker_restarts_total', 'Query threads replaced.');
  const revision = gauge('meridian_revision', 'Number of the revision that is served.');
  const zones = gauge('meridian_zones', 'Zones that are served.');
  const targets = gauge('meridian_targets', 'Health targets by service and verdict.', [
    'service',
    'verdict',
  ]);

  const countCluster =
    parts.cluster === undefined ? () => {} : clusterMetrics(parts.cluster, counter, gauge);

  return () => {
    countCluster();
    const snapshot = parts.counters();
    setCounters(queries, 'transport', Object.entries(snapshot.queries));
    setCounters(types, 'type', Object.entries(snapshot.types));
    setCounters(
      answers,
      'rcode',
      Object.entries(snapshot.rcodes).map(([number, count]) => [
        rcodeNames.get(Number(number)) ?? number,
        count,
      ]),
    );
    for (const name of Object.keys(events) as (keyof typeof events)[]) {
      events[name].reset();
      events[name].inc(snapshot[name]);
    }
    restarts.reset();
    restarts.inc(parts.restarts());
    const configuration = parts.controller.configuration();
    revision.set(configuration.revision);
    zones.set(configuration.zones.size);
    countTargets(targets, parts.controller);
    return registry.metrics();
  };
}

/** Makes the metrics of a cluster, and returns what brings them up to date. */
function clusterMetrics(
  cluster: ClusterView,
  counter: (name: string, help: string, labelNames?: string[]) => Counter,
  gauge: (name: string, help: string) => Gauge,
): () => void {
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
  const events = counter('meridian_cluster_events_total', 'What was refused, shed or undone.', [
    'event',
  ]);
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
    setCounters(events, 'event', Object.entries(cluster.counters()));
  };
}

function setCounters(counter: Counter, label: string, counts: readonly [string, number][]): void {
  counter.reset();
  for (const [value, count] of counts) counter.inc({ [label]: value }, count);
}

function countTargets(gauge: Gauge, controller: Controller): void {
  gauge.reset();
  const health = controller.health();
  for (const service of controller.configuration().traffic.services.keys()) {
    for (const verdict of ['up', 'degraded', 'down', 'unknown'] as const) {
      gauge.set({ service, verdict }, 0);
    }
    for (const target of health.targets(service)) {
      gauge.inc({ service, verdict: target.verdict });
    }
  }
}
