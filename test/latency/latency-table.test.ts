import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import type { ClientClass, Coordinates } from '../../src/geo/client.ts';
import { LatencyTable, type Measurement, trustOf } from '../../src/latency/latency-table.ts';
import { fastHalfLifeMs, slowHalfLifeMs } from '../../src/latency/sketches.ts';

const delhi: Coordinates = { latitude: 28.6, longitude: 77.2 };

function make() {
  const clock = new VirtualClock();
  const places: Record<string, Coordinates> = {
    mumbai: { latitude: 19.1, longitude: 72.9 },
    tokyo: { latitude: 35.7, longitude: 139.7 },
  };
  const table = new LatencyTable({ clock, coordinatesOf: (region) => places[region] });
  const settle = () => {
    while (table.settle());
  };
  const measure = (sample: Omit<Measurement, 'region'>, times = 1, region = 'mumbai') => {
    for (let time = 0; time < times; time++) {
      assert.equal(table.measure({ region, ...sample }), undefined);
    }
    settle();
  };
  const published = (key: string, region = 'mumbai') =>
    table.published().find((entry) => entry.key === key && entry.region === region);
  return { clock, measure, places, published, settle, table };
}

const client: ClientClass = {
  country: 'IN',
  asn: 64500,
  prefixes: ['203.0.113.0/24', '203.0.112.0/20'],
  coordinates: delhi,
};

test('LatencyTable publishes ten measurements and not nine, and only when it settles', () => {
  const { measure, published, settle, table } = make();
  measure({ asn: 64500, ms: 60 }, 9);
  assert.equal(published('asn 64500'), undefined);
  const { version } = table;
  assert.equal(table.measure({ asn: 64500, ms: 60, region: 'mumbai' }), undefined);
  assert.equal(table.version, version);
  assert.equal(table.isUnsettled, true);
  settle();
  assert.equal(table.isUnsettled, false);
  assert.equal(table.version, version + 1);
  assert.deepEqual(
    { ...published('asn 64500'), ms: 60 },
    {
      key: 'asn 64500',
      region: 'mumbai',
      place: { latitude: 19.1, longitude: 72.9 },
      ms: 60,
      trust: trustOf(10),
      samples: 10,
      source: 'measured-asn',
      at: 1_750_000_000_000,
    },
  );
});

test('trustOf() is 0 where values are withdrawn, and grows toward 1', () => {
  assert.deepEqual([0, 5, 10, 15, 35, 95, 1e6].map(trustOf), [0, 0, 0.33, 0.5, 0.75, 0.9, 1]);
});

test('LatencyTable publishes a new time only beyond 10 % and 5 ms', () => {
  const { clock, measure, published, table } = make();
  measure({ asn: 64500, ms: 100 }, 500);
  const before = published('asn 64500')?.ms;
  const { version } = table;
  clock.advance(3 * fastHalfLifeMs);
  measure({ asn: 64500, ms: 106 }, 500);
  assert.equal(published('asn 64500')?.ms, before);
  assert.equal(table.version, version);
  clock.advance(3 * fastHalfLifeMs);
  measure({ asn: 64500, ms: 130 }, 500);
  assert.ok((published('asn 64500')?.ms ?? 0) > 120);
  assert.equal(table.version, version + 1);
  const quick = make();
  quick.measure({ asn: 64500, ms: 10 }, 100);
  const early = quick.published('asn 64500')?.ms;
  quick.clock.advance(3 * fastHalfLifeMs);
  quick.measure({ asn: 64500, ms: 14 }, 200);
  assert.equal(quick.published('asn 64500')?.ms, early, '40 % but 4 ms');
});

test('LatencyTable raises trust in steps, and counts samples without moving estimates', () => {
  const { measure, published, table } = make();
  measure({ asn: 64500, ms: 60, count: 100 });
  const { version } = table;
  measure({ asn: 64500, ms: 60, count: 1000 });
  assert.equal(published('asn 64500')?.trust, trustOf(100));
  assert.equal(published('asn 64500')?.samples, 1100);
  assert.equal(table.version, version);
  const slow = make();
  slow.measure({ asn: 64500, ms: 60 }, 10);
  slow.measure({ asn: 64500, ms: 60 }, 5);
  assert.equal(slow.published('asn 64500')?.trust, trustOf(15));
});

test('LatencyTable.refresh() lowers trust with age and then withdraws', () => {
  const { clock, measure, published, settle, table } = make();
  measure({ asn: 64500, ms: 60 }, 20);
  const early = published('asn 64500')?.trust ?? 0;
  clock.advance(slowHalfLifeMs);
  table.refresh();
  settle();
  assert.ok((published('asn 64500')?.trust ?? 1) < early);
  clock.advance(slowHalfLifeMs);
  clock.advance(10_000);
  table.refresh();
  settle();
  assert.equal(published('asn 64500'), undefined);
  assert.deepEqual(table.measuredKeys(), { prefixes: [], asns: [], countries: [] });
});

test('LatencyTable forgets what was measured of a region that stands elsewhere now', () => {
  const { measure, places, published } = make();
  measure({ asn: 64500, ms: 60 }, 20);
  places['mumbai'] = { latitude: 50.1, longitude: 8.7 };
  measure({ asn: 64500, ms: 120 });
  assert.equal(published('asn 64500'), undefined);
  measure({ asn: 64500, ms: 120 }, 20);
  assert.deepEqual(published('asn 64500')?.place, places['mumbai']);
});

test('LatencyTable.measuredKeys() lists published keys once, sorted, and no agents', () => {
  const { measure, settle, table } = make();
  measure({ asn: 64501, ms: 60 }, 10);
  measure({ clients: 'AS64500', ms: 60 }, 10);
  measure({ asn: 64500, ms: 90 }, 10, 'tokyo');
  measure({ clients: 'in', ms: 60 }, 10);
  measure({ country: 'LK', ms: 60 }, 3);
  measure({ prefix: '203.0.113.9', ms: 60 }, 5);
  measure({ clients: '203.0.113.0/24', ms: 60 }, 5);
  for (let time = 0; time < 20; time++) {
    table.observeAgent({ agent: 'a', coordinates: delhi, region: 'mumbai', ms: 20 });
  }
  settle();
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
  [
    'clients twice',
    { region: 'mumbai', ms: 5, clients: 'IN', country: 'IN' },
    /^clients "IN" with country/,
  ],
  [
    'clients that are none',
    { region: 'mumbai', ms: 5, clients: 'ASIA' },
    /^clients "ASIA" does not/,
  ],
  ['an unknown region', { region: 'atlantis', ms: 5, asn: 1 }, /region "atlantis"/],
  ['0 ms', { region: 'mumbai', ms: 0, asn: 1 }, /0 ms/],
  [
    'no number',
    { region: 'mumbai', ms: Number.NaN, asn: 1 },
    /^what is no number is no round-trip time/,
  ],
  [
    'a count that is none',
    { region: 'mumbai', ms: 1, count: Number.NaN, asn: 1 },
    /^count that is no number/,
  ],
  ['too many ms', { region: 'mumbai', ms: limits.rttMs + 1, asn: 1 }, /10001 ms/],
  ['half a measurement', { region: 'mumbai', ms: 5, asn: 1, count: 0.5 }, /count 0.5/],
];
for (const [what, sample, message] of wrong) {
  test(`LatencyTable.measure() refuses ${what}`, () => {
    const { table } = make();
    const problem = table.measure(sample);
    assert.equal(problem?.code, 'E_MEASUREMENT');
    assert.match(problem?.message ?? '', message);
    assert.equal(table.isUnsettled, false);
  });
}

test('LatencyTable.observeAgent() takes agents of one place together and leaves out what is no time', () => {
  const { published, settle, table } = make();
  for (let time = 0; time < 20; time++) {
    for (const [agent, ms] of [['a', 20] as const, ['b', 22] as const, ['liar', 300] as const]) {
      const coordinates = { latitude: 28.6 + ms / 1e5, longitude: 77.2 };
      table.observeAgent({ agent, coordinates, region: 'mumbai', ms });
    }
  }
  table.observeAgent({ agent: 'a', coordinates: delhi, region: 'atlantis', ms: 5 });
  table.observeAgent({ agent: 'a', coordinates: delhi, region: 'tokyo', ms: Number.NaN });
  settle();
  assert.equal(table.published().length, 1);
  const entry = published('agents 28.6,77.2');
  assert.equal(entry?.source, 'agents');
  assert.equal(entry?.samples, 60);
  assert.ok(entry.ms > 19 && entry.ms < 24, `${entry.ms}`);
});

test('LatencyTable publishes no more keys than the limit, and more regions of those it has', () => {
  const { measure, published, settle, table } = make();
  for (let asn = 1; asn <= limits.latencyKeys; asn++) {
    table.measure({ asn, ms: 60, count: 10, region: 'mumbai' });
  }
  settle();
  measure({ country: 'IN', ms: 70, count: 10 });
  assert.deepEqual(table.measuredKeys().countries, []);
  measure({ asn: 1, ms: 70, count: 10 }, 1, 'tokyo');
  assert.equal(published('asn 1', 'tokyo')?.samples, 10);
});

test('LatencyTable.refresh() gives a key its place that is measured twice as often', () => {
  const { clock, measure, settle, table } = make();
  for (let asn = 1; asn <= limits.latencyKeys; asn++) {
    table.measure({ asn, ms: 60, count: 10, region: 'mumbai' });
  }
  settle();
  for (let time = 0; time < 3; time++) {
    clock.advance(10_000);
    measure({ country: 'IN', ms: 70, count: 10 });
  }
  table.refresh();
  settle();
  const keys = table.measuredKeys();
  assert.deepEqual(keys.countries, ['IN']);
  assert.equal(keys.asns.length, limits.latencyKeys - 1);
});

test('LatencyTable.replacePublished() makes another table estimate exactly alike', () => {
  const leader = make();
  leader.measure({ asn: 64500, ms: 60 }, 40);
  leader.measure({ prefix: '203.0.113.0/24', ms: 41 }, 15, 'tokyo');
  for (let time = 0; time < 20; time++) {
    const seen = { agent: 'a', coordinates: delhi, region: 'mumbai', ms: 20 };
    leader.table.observeAgent(seen);
  }
  leader.settle();
  const node = make();
  node.measure({ asn: 64500, ms: 5 }, 100);
  node.measure({ asn: 64511, ms: 5 }, 100);
  const { version } = node.table;
  // As it travels.
  node.table.replacePublished(JSON.parse(JSON.stringify(leader.table.published())));
  assert.equal(node.table.follows, true);
  assert.ok(node.table.version > version);
  assert.deepEqual(node.table.measuredKeys(), leader.table.measuredKeys());
  for (const region of ['mumbai', 'tokyo']) {
    assert.deepEqual(node.table.blend(client, region), leader.table.blend(client, region));
  }
  const after = node.table.version;
  node.table.replacePublished(JSON.parse(JSON.stringify(leader.table.published())));
  assert.equal(node.table.version, after, 'the same again moves nothing');
});

test('LatencyTable.applyPublished() of what moved since makes the same list', () => {
  const leader = make();
  const node = make();
  leader.measure({ asn: 64500, ms: 60 }, 20);
  leader.measure({ asn: 64501, ms: 80 }, 20);
  let { version } = leader.table;
  node.table.replacePublished(leader.table.published());
  const follow = () => {
    const changes = leader.table.publishedSince(version);
    assert.ok(changes !== undefined);
    ({ version } = leader.table);
    node.table.applyPublished(JSON.parse(JSON.stringify(changes)));
    const values = (table: LatencyTable) =>
      table.published().map(({ key, region, ms, trust }) => `${key} ${region} ${ms} ${trust}`);
    assert.deepEqual(values(node.table).sort(), values(leader.table).sort());
    return [changes.put.length, changes.removed.length];
  };
  assert.deepEqual(follow(), [0, 0]);
  leader.measure({ asn: 64502, ms: 60 }, 20);
  leader.measure({ asn: 64500, ms: 300 }, 60);
  leader.measure({ asn: 64500, ms: 300 }, 200);
  assert.deepEqual(follow(), [2, 0], 'each once, however often it moved');
  leader.clock.advance(2 * slowHalfLifeMs + 10_000);
  leader.measure({ asn: 64500, ms: 300 }, 20);
  leader.table.refresh();
  leader.settle();
  assert.deepEqual(follow()[1], 2, 'the others are too old');
  assert.equal(leader.table.publishedSince(version + 1), undefined, 'no version of this table');
});

test('LatencyTable.publishedSince() is undefined for what is too long ago', () => {
  const { settle, table } = make();
  const { version } = table;
  // Each turn of the region's values counts; the log holds twice as many as there are series.
  for (let turn = 0; table.publishedSince(version) !== undefined; turn += 1) {
    assert.ok(turn < 30, 'the log has no end');
    table.replacePublished([]);
    table.lead();
    for (let asn = 1; asn <= 5000; asn += 1) {
      table.measure({ asn, ms: 50, count: 20, region: 'mumbai' });
    }
    settle();
  }
  assert.ok(table.publishedSince(table.version) !== undefined);
});

test('LatencyTable.lead() goes on from the values of the leader before', () => {
  const leader = make();
  leader.measure({ asn: 64500, ms: 60 }, 40);
  leader.measure({ asn: 64501, ms: 80 }, 40);
  const standby = make();
  standby.table.replacePublished(leader.table.published());
  standby.measure({ asn: 64500, ms: 200 }, 40);
  standby.measure({ asn: 64502, ms: 200 }, 40);
  assert.deepEqual(standby.table.published(), leader.table.published(), 'while it follows');
  standby.table.lead();
  standby.settle();
  assert.ok((standby.published('asn 64500')?.ms ?? 0) > 190);
  assert.equal(standby.published('asn 64501')?.samples, 40);
  assert.equal(standby.published('asn 64502')?.samples, 40);
  standby.clock.advance(4 * slowHalfLifeMs);
  standby.table.refresh();
  assert.equal(standby.published('asn 64501'), undefined, 'nobody measures it any more');
});
