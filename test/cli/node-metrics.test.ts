import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNodeMetrics } from '../../src/cli/node-metrics.ts';
import type { HealthView, TargetStatus } from '../../src/control/controller.ts';
import type { Verdict } from '../../src/health/verdict.ts';
import { createCounters, sumCounters } from '../../src/server/counters.ts';
import { by, exampleWrites, openBench } from '../control/fixtures.ts';

const metric = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Prometheus reads numbers as Go's ParseFloat does: NaN in any case. */
const sampleLine =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.e+-]+|[Nn]a[Nn]|[+-]Inf)$/;

/** Reads the text format of Prometheus, version 0.0.4; fails on anything that is not of it. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  assert.ok(text.endsWith('\n'));
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [hash, kind, name = '', value] = line.split(' ');
    if (hash === '#') {
      assert.ok((kind === 'HELP' || kind === 'TYPE') && metric.test(name), line);
      if (kind === 'TYPE') {
        assert.ok(!types.has(name), `${name} twice`);
        types.set(name, value ?? '');
      }
      continue;
    }
    const match = sampleLine.exec(line);
    assert.ok(match, line);
    const [, series = '', labels = '', number] = match;
    const key = labels === '' ? series : `${series}{${labels}}`;
    assert.ok(!samples.has(key), `${key} twice`);
    samples.set(key, Number(number));
    const base = series.replace(/_(bucket|sum|count)$/, '');
    assert.ok(types.has(series) || types.has(base), `${series} has no TYPE`);
  }
  return samples;
}

function target(member: string, verdict: Verdict): TargetStatus {
  const since = '2026-01-01T00:00:00Z';
  return { service: 'web', member, address: '', monitor: '', verdict, since, votes: [] };
}

async function stage(targets: () => readonly TargetStatus[]) {
  const health: HealthView = {
    service: () => undefined,
    targets: (service) => (service === 'web' ? targets() : []),
    events: () => [],
    agentRegions: () => [],
  };
  const { controller } = await openBench({ health });
  await controller.apply(exampleWrites(), by);
  const counts = { ...sumCounters([createCounters()]) };
  const traffic = { zones: new Map<number, number>(), members: new Map<number, number>() };
  const slots = {
    zones: new Map([[0, 'example.com.']]),
    services: new Map([[2, { name: 'web', members: ['eu', 'asia'] }]]),
  };
  const print = createNodeMetrics({
    counters: () => counts,
    traffic: () => traffic,
    slots: () => slots,
    restarts: () => 2,
    controller,
  });
  return { controller, counts, traffic, slots, read: async () => parse(await print()) };
}

test('createNodeMetrics() prints counters, revision, zones and targets as Prometheus reads them', async () => {
  const all: TargetStatus[] = [target('eu', 'up'), target('asia', 'down')];
  const { counts, read } = await stage(() => all);
  Object.assign(counts, {
    queries: { ...counts.queries, udp: 7, tcp: 1 },
    types: { A: 5, AAAA: 3 },
    rcodes: { 0: 6, 3: 1, 23: 1 },
    steered: 4,
  });
  const samples = await read();
  assert.equal(samples.get('meridian_queries_total{transport="udp"}'), 7);
  assert.equal(samples.get('meridian_queries_by_type_total{type="AAAA"}'), 3);
  assert.equal(samples.get('meridian_answers_total{rcode="NXDOMAIN"}'), 1);
  assert.equal(samples.get('meridian_steered_answers_total'), 4);
  assert.equal(samples.get('meridian_worker_restarts_total'), 2);
  assert.equal(samples.get('meridian_revision'), 1);
  assert.equal(samples.get('meridian_zones'), 1);
  const verdicts = ['up', 'degraded', 'down', 'unknown'].map((verdict) =>
    samples.get(`meridian_targets{service="web",verdict="${verdict}"}`),
  );
  assert.deepEqual(verdicts, [1, 0, 1, 0]);
  all.length = 0;
  const later = await read();
  assert.equal(
    later.get('meridian_targets{service="web",verdict="up"}'),
    0,
    'no old verdict stays',
  );
  assert.equal(later.get('meridian_queries_total{transport="udp"}'), 7, 'not added up again');
});

test('createNodeMetrics() escapes label values (invariant 12)', async () => {
  const { counts, read } = await stage(() => []);
  Object.assign(counts, { types: { 'a"b\\c\nd} 1': 1 } });
  const samples = await read();
  assert.equal(samples.get('meridian_queries_by_type_total{type="a\\"b\\\\c\\nd} 1"}'), 1);
});

test('createNodeMetrics() forgets services that are gone, and serves scrapes at once', async () => {
  const { controller, read } = await stage(() => [target('eu', 'up')]);
  const [one, two] = await Promise.all([read(), read()]);
  assert.deepEqual(
    [...one.keys()].filter((key) => key.startsWith('meridian')),
    [...two.keys()].filter((key) => key.startsWith('meridian')),
  );
  await controller.apply(
    [
      { kind: 'rrset', id: 'example.com./www.example.com./STEER', body: null },
      { kind: 'service', id: 'web', body: null },
    ],
    by,
  );
  const samples = await read();
  assert.equal(samples.has('meridian_targets{service="web",verdict="up"}'), false);
});

test('createNodeMetrics() prints queries by zone and answers by member', async () => {
  const { traffic, slots, read } = await stage(() => []);
  traffic.zones.set(0, 5).set(7, 2);
  traffic.members.set(2 * 1024 + 1 + 1, 3);
  const samples = await read();
  assert.equal(samples.get('meridian_zone_queries_total{zone="example.com."}'), 5);
  assert.equal(samples.get('meridian_member_answers_total{service="web",member="asia"}'), 3);
  slots.zones.set(0, 'example.net.').set(7, 'example.org.');
  traffic.zones.set(0, 9).set(7, 3);
  const later = await read();
  assert.equal(later.has('meridian_zone_queries_total{zone="example.com."}'), false);
  assert.equal(later.get('meridian_zone_queries_total{zone="example.net."}'), 0, 'not another’s');
  assert.equal(later.get('meridian_zone_queries_total{zone="example.org."}'), 0);
});

test('createNodeMetrics() prints sampled latencies as a histogram', async () => {
  const { counts, read } = await stage(() => []);
  const latency = { counts: counts.latency.counts.with(0, 3).with(2, 1), micros: 21 };
  Object.assign(counts, { latency });
  const samples = await read();
  const name = 'meridian_answer_duration_seconds';
  assert.equal(samples.get(`${name}_bucket{le="0.000004"}`), 3);
  assert.equal(samples.get(`${name}_bucket{le="0.000016"}`), 4);
  assert.equal(samples.get(`${name}_bucket{le="+Inf"}`), 4);
  assert.equal(samples.get(`${name}_sum`), 0.000021);
  assert.equal(samples.get(`${name}_count`), 4);
});
