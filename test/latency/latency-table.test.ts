import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import type { ClientClass, Coordinates } from '../../src/geo/client.ts';
import { LatencyTable, type Measurement } from '../../src/latency/latency-table.ts';
import { sampleHalfLifeMs } from '../../src/latency/recent-median.ts';

const places: Readonly<Record<string, Coordinates>> = {
  mumbai: { latitude: 19.1, longitude: 72.9 },
  tokyo: { latitude: 35.7, longitude: 139.7 },
};

function make() {
  const clock = new VirtualClock();
  const table = new LatencyTable({ clock, coordinatesOf: (region) => places[region] });
  const measure = (sample: Omit<Measurement, 'region'>, times = 1, region = 'mumbai') => {
    for (let time = 0; time < times; time++) {
      assert.equal(table.measure({ region, ...sample }), undefined);
    }
  };
  return { clock, table, measure };
}

const client: ClientClass = {
  country: 'IN',
  asn: 64500,
  prefixes: ['203.0.113.0/24', '203.0.112.0/20'],
  coordinates: { latitude: 28.6, longitude: 77.2 },
};

test('LatencyTable.estimate() without measurements is 16 ms and 16 ms per 1,000 km', () => {
  const { table } = make();
  const estimate = table.estimate(client, 'mumbai');
  assert.equal(estimate?.source, 'distance');
  assert.equal(estimate?.samples, 0);
  // Delhi to Mumbai is 1,145 km.
  assert.ok(Math.abs((estimate?.ms ?? 0) - (16 + 18.3)) < 0.3, `${estimate?.ms}`);
});

test('LatencyTable.estimate() is undefined where a place is unknown and nothing was measured', () => {
  const { table } = make();
  assert.equal(table.estimate({ prefixes: [] }, 'mumbai'), undefined);
  assert.equal(table.estimate(client, 'atlantis'), undefined);
});

test('LatencyTable.estimate() takes the most specific measured value', () => {
  const { measure, table } = make();
  const now = () => {
    const { ms, source } = table.estimate(client, 'mumbai') ?? {};
    return [ms, source];
  };
  measure({ country: 'IN', ms: 80 }, 10);
  assert.deepEqual(now(), [80, 'measured-country']);
  measure({ asn: 64500, ms: 60 }, 10);
  assert.deepEqual(now(), [60, 'measured-asn']);
  measure({ prefix: '203.0.112.0/20', ms: 50 }, 10);
  assert.deepEqual(now(), [50, 'measured-prefix']);
  measure({ prefix: '203.0.113.77', ms: 40 }, 10);
  assert.deepEqual(now(), [40, 'measured-prefix']);
  assert.equal(table.estimate(client, 'tokyo')?.source, 'distance');
});

test('LatencyTable.estimate() believes ten measurements and not nine', () => {
  const { measure, table } = make();
  measure({ asn: 64500, ms: 60 }, 9);
  assert.equal(table.estimate(client, 'mumbai')?.source, 'distance');
  measure({ asn: 64500, ms: 60 });
  assert.deepEqual(table.estimate(client, 'mumbai'), {
    ms: 60,
    source: 'measured-asn',
    samples: 10,
  });
});

test('LatencyTable.measure() takes a report that stands for many', () => {
  const { measure, table } = make();
  measure({ asn: 64500, ms: 60, count: 500 });
  assert.deepEqual(table.estimate(client, 'mumbai'), {
    ms: 60,
    source: 'measured-asn',
    samples: 500,
  });
});

test('LatencyTable publishes a new value only beyond 10 % and 5 ms', () => {
  const { measure, table } = make();
  measure({ asn: 64500, ms: 100 }, 10);
  const published = () => table.estimate(client, 'mumbai')?.ms;
  const { version } = table;
  measure({ asn: 64500, ms: 109 }, 40);
  assert.equal(published(), 100);
  assert.equal(table.version, version);
  measure({ asn: 64500, ms: 111 }, 40);
  assert.equal(published(), 111);
  assert.equal(table.version, version + 1);
  const quick = make();
  quick.measure({ asn: 64500, ms: 10 }, 10);
  quick.measure({ asn: 64500, ms: 14 }, 40);
  assert.equal(quick.table.estimate(client, 'mumbai')?.ms, 10, '40 % but 4 ms');
});

test('LatencyTable.refresh() withdraws a value that age has left too little of', () => {
  const { clock, measure, table } = make();
  measure({ asn: 64500, ms: 60 }, 16);
  const { version } = table;
  clock.advance(sampleHalfLifeMs);
  table.refresh();
  assert.equal(table.estimate(client, 'mumbai')?.source, 'measured-asn');
  assert.equal(table.version, version);
  clock.advance(sampleHalfLifeMs);
  table.refresh();
  assert.equal(table.estimate(client, 'mumbai')?.source, 'distance');
  assert.equal(table.version, version + 1);
  assert.deepEqual(table.measuredKeys(), { prefixes: [], asns: [], countries: [] });
});

test('LatencyTable.measuredKeys() lists published keys once, sorted', () => {
  const { measure, table } = make();
  measure({ asn: 64501, ms: 60 }, 10);
  measure({ asn: 64500, ms: 60 }, 10);
  measure({ asn: 64500, ms: 90 }, 10, 'tokyo');
  measure({ country: 'IN', ms: 60 }, 10);
  measure({ country: 'LK', ms: 60 }, 3);
  measure({ prefix: '203.0.113.9', ms: 60 }, 10);
  assert.deepEqual(table.measuredKeys(), {
    prefixes: ['203.0.113.0/24'],
    asns: [64500, 64501],
    countries: ['IN'],
  });
});

const wrong: [string, Measurement, RegExp][] = [
  ['no client', { region: 'mumbai', ms: 5 }, /^a measurement without a client .*; give one/],
  ['two clients', { region: 'mumbai', ms: 5, asn: 1, country: 'IN' }, /^asn 1 with country "IN"/],
  ['no prefix', { region: 'mumbai', ms: 5, prefix: '8.8.8.1/24' }, /^prefix "8\.8\.8\.1\/24" does/],
  ['an unknown region', { region: 'atlantis', ms: 5, asn: 1 }, /region "atlantis"/],
  ['0 ms', { region: 'mumbai', ms: 0, asn: 1 }, /0 ms/],
  ['no number', { region: 'mumbai', ms: Number.NaN, asn: 1 }, /NaN ms/],
  ['too many ms', { region: 'mumbai', ms: limits.rttMs + 1, asn: 1 }, /10001 ms/],
  ['half a measurement', { region: 'mumbai', ms: 5, asn: 1, count: 0.5 }, /count 0.5/],
];
for (const [what, sample, message] of wrong) {
  test(`LatencyTable.measure() refuses ${what}`, () => {
    const { table } = make();
    const problem = table.measure(sample);
    assert.equal(problem?.code, 'E_MEASUREMENT');
    assert.match(problem?.message ?? '', message);
    assert.deepEqual(table.measuredKeys(), { prefixes: [], asns: [], countries: [] });
  });
}

test('LatencyTable keeps no more series than the limit and sheds the one measured longest ago', () => {
  const { measure, table } = make();
  measure({ asn: 1, ms: 60, count: 10 });
  measure({ asn: 2, ms: 60, count: 10 });
  for (let asn = 3; asn <= limits.latencySeries; asn++) measure({ asn, ms: 60 });
  measure({ asn: 1, ms: 60 });
  assert.deepEqual(table.measuredKeys().asns, [1, 2]);
  measure({ country: 'IN', ms: 60 });
  assert.deepEqual(table.measuredKeys().asns, [1]);
});

test('LatencyTable publishes no more keys than the limit, and more regions of those it has', () => {
  const { measure, table } = make();
  for (let asn = 1; asn <= limits.latencyKeys; asn++) measure({ asn, ms: 60, count: 10 });
  measure({ country: 'IN', ms: 70, count: 10 });
  assert.deepEqual(table.measuredKeys().countries, []);
  measure({ asn: 1, ms: 70, count: 10 }, 1, 'tokyo');
  assert.equal(table.estimate({ prefixes: [], asn: 1 }, 'tokyo')?.ms, 70);
});
