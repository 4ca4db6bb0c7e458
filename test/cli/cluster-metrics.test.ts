import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { clusterMetrics } from '../../src/cli/cluster-metrics.ts';
import { clusterView } from '../api/cluster-view.ts';

test('clusterMetrics() shows where a member of a cluster stands', async () => {
  const [self] = clusterView().nodes();
  assert.ok(self !== undefined);
  const cluster = clusterView({
    nodes: () => [self, { ...self, id: 'ahead', sequence: 7 }],
    counters: () => ({ unsigned: 2 }),
  });
  const registry = new Registry();
  const update = clusterMetrics(cluster, registry);
  update();
  update();
  const text = await registry.metrics();
  for (const line of [
    'meridian_cluster_leads 1',
    'meridian_cluster_sequence 5',
    'meridian_cluster_lag 2',
    'meridian_cluster_health_age_seconds Nan',
    'meridian_cluster_judges_alone 0',
    'meridian_cluster_events_total{event="unsigned"} 2',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line} in\n${text}`);
  }
});
