import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { latencyBoundMicros } from '../../native/udp_batch/udp-memory.ts';
import type { AgentDesk } from '../control/agent-desk.ts';
import type { ClusterView } from '../control/cluster-view.ts';
import type { Controller } from '../control/controller.ts';
import { reportIntervalMs } from '../health/report.ts';
import type { CounterSnapshot } from '../server/counters.ts';
import type { TrafficSums } from '../server/traffic.ts';
import { rcodes } from '../wire/types.ts';
import { clusterMetrics } from './cluster-metrics.ts';
import { type SlotNames, TrafficMetrics } from './traffic-metrics.ts';

export interface MetricsParts {
  counters(): CounterSnapshot;
  traffic(): TrafficSums;
  /** Whose the slots are that traffic is counted by. */
  slots(): SlotNames;
  /** Times that a query thread had to be replaced. */
  restarts(): number;
  readonly controller: Controller;
  /** Absent for a process of its own. */
  readonly cluster?: ClusterView;
  /** Where agents come to; absent where none do. */
  readonly agents?: Pick<AgentDesk, 'counts' | 'status'>;
  /** What the API is offered with; absent, or undefined, without TLS. */
  certificate?(): { readonly validToMs: number } | undefined;
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
  const byZone = counter('meridian_zone_queries_total', 'Queries by zone.', ['zone']);
  const byMember = counter(
    'meridian_member_answers_total',
    'Steered answers by the member whose address stands first.',
    ['service', 'member'],
  );
  const traffic = new TrafficMetrics();
  const restarts = counter('meridian_worker_restarts_total', 'Query threads replaced.');
  if (parts.certificate?.() !== undefined) {
    new Gauge({
      name: 'meridian_api_certificate_expiry_timestamp_seconds',
      help: 'When the certificate of the API expires.',
      registers,
      collect() {
        this.set((parts.certificate?.()?.validToMs ?? 0) / 1000);
      },
    });
  }
  const reports = counter('meridian_agent_reports_total', "Agents' reports by result.", ['result']);
  const agents = gauge('meridian_agents', 'Agents by state.', ['state']);
  const regions = gauge(
    'meridian_agent_region_heard',
    'Agents of a region that are heard and well, the one inside this process included.',
    ['region'],
  );
  const revision = gauge('meridian_revision', 'Number of the revision that is served.');
  const zones = gauge('meridian_zones', 'Zones that are served.');
  const targets = gauge('meridian_targets', 'Health targets by service and verdict.', [
    'service',
    'verdict',
  ]);

  const countCluster =
    parts.cluster === undefined ? () => {} : clusterMetrics(parts.cluster, registry);

  return async () => {
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
    const { zones: zoneCounts, members } = traffic.read(parts.traffic(), parts.slots());
    setCounters(byZone, 'zone', zoneCounts);
    byMember.reset();
    for (const [service, member, count] of members) byMember.inc({ service, member }, count);
    restarts.reset();
    restarts.inc(parts.restarts());
    const configuration = parts.controller.configuration();
    revision.set(configuration.revision);
    zones.set(configuration.zones.size);
    countTargets(targets, parts.controller);
    if (parts.agents !== undefined) {
      setCounters(reports, 'result', Object.entries(parts.agents.counts()));
      countAgents(agents, parts.controller, parts.agents);
      regions.reset();
      for (const { region, fresh } of parts.controller.health().agentRegions()) {
        regions.set({ region }, fresh);
      }
    }
    return (await registry.metrics()) + latencyText(snapshot.latency);
  };
}

function setCounters(
  counter: Counter,
  label: string,
  counts: Iterable<readonly [string, number]>,
): void {
  counter.reset();
  for (const [value, count] of counts) counter.inc({ [label]: value }, count);
}

/** A histogram in Prometheus's text format: prom-client makes them only of single observations. */
function latencyText({ counts, micros }: CounterSnapshot['latency']): string {
  const name = 'meridian_answer_duration_seconds';
  let sum = 0;
  const buckets = counts.map((count, bucket) => {
    sum += count;
    const bound = latencyBoundMicros(bucket);
    const text = bound === Number.POSITIVE_INFINITY ? '+Inf' : `${bound / 1e6}`;
    return `${name}_bucket{le="${text}"} ${sum}\n`;
  });
  return (
    `# HELP ${name} From receiving a request over UDP to handing its answer to the kernel; sampled.\n` +
    `# TYPE ${name} histogram\n${buckets.join('')}${name}_sum ${micros / 1e6}\n${name}_count ${sum}\n`
  );
}

function countAgents(
  gauge: Gauge,
  controller: Controller,
  agents: Pick<AgentDesk, 'status'>,
): void {
  const counts = { reporting: 0, silent: 0, revoked: 0 };
  for (const [name, { state }] of controller.configuration().traffic.agents ?? []) {
    const ageMs = agents.status(name)?.reportAgeMs ?? Number.POSITIVE_INFINITY;
    if (state === 'revoked') counts.revoked++;
    else if (ageMs < 3 * reportIntervalMs) counts.reporting++;
    else counts.silent++;
  }
  for (const [state, count] of Object.entries(counts)) gauge.set({ state }, count);
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
