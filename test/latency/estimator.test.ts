import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ClientClass, Coordinates } from '../../src/geo/client.ts';
import { msByDistance } from '../../src/latency/by-distance.ts';
import { Estimator } from '../../src/latency/estimator.ts';
import { trustOf } from '../../src/latency/latency-table.ts';
import type { PublishedLatency } from '../../src/latency/published.ts';
import { formatAgentsKey, PublishedTable } from '../../src/latency/published-table.ts';

const places: Readonly<Record<string, Coordinates>> = {
  mumbai: { latitude: 19.1, longitude: 72.9 },
  tokyo: { latitude: 35.7, longitude: 139.7 },
};
const delhi: Coordinates = { latitude: 28.6, longitude: 77.2 };
const now = 1_750_000_000_000;

const client: ClientClass = {
  country: 'IN',
  asn: 64500,
  prefixes: ['203.0.113.0/24', '203.0.112.0/20'],
  coordinates: delhi,
};

const sourceOf: Readonly<Record<string, PublishedLatency['source']>> = {
  prefix: 'measured-prefix',
  asn: 'measured-asn',
  country: 'measured-country',
  agents: 'agents',
};

/** `[key, ms, samples, region]`, the region Mumbai unless given. */
type Given = readonly [key: string, ms: number, samples: number, region?: string];

function estimator(...given: readonly Given[]) {
  const table = new PublishedTable();
  for (const [key, ms, samples, region = 'mumbai'] of given) {
    const place = places[region]!;
    const source = sourceOf[key.split(' ')[0] ?? '']!;
    const trust = trustOf(samples);
    table.put({ key, region, place, ms, trust, samples, source, at: now - 60_000 });
  }
  return new Estimator(
    table,
    (region) => places[region],
    () => now,
  );
}

const msOf = (given: readonly Given[], of: ClientClass = client, region = 'mumbai') =>
  estimator(...given).estimate(of, region)?.ms ?? Number.NaN;

const isNear = (actual: number, expected: number, by = 0.01) =>
  assert.ok(Math.abs(actual - expected) <= expected * by, `${actual} is not about ${expected}`);

test('Estimator.estimate() of nothing measured is 16 ms and 16 ms per 1,000 km', () => {
  const { estimate } = estimator();
  // Delhi to Mumbai is 1,145 km.
  isNear(estimate(client, 'mumbai')?.ms ?? 0, 16 + 18.3);
  assert.equal(estimate(client, 'mumbai')?.source, 'distance');
  assert.equal(estimate(client, 'mumbai')?.samples, 0);
});

test('Estimator.estimate() is undefined where a place is unknown and nothing was measured', () => {
  const { estimate } = estimator();
  assert.equal(estimate({ prefixes: [] }, 'mumbai'), undefined);
  assert.equal(estimate(client, 'atlantis'), undefined);
});

test('Estimator.estimate() takes the region from where the question has it', () => {
  isNear(estimator().estimate(client, 'mumbai', delhi)?.ms ?? 0, 16);
});

test('Estimator.estimate() of a client without a place is what was measured, whole', () => {
  assert.deepEqual(
    estimator(['asn 64500', 70, 10]).estimate({ prefixes: [], asn: 64500 }, 'mumbai'),
    {
      ms: Math.exp(Math.log(70)),
      source: 'measured-asn',
      samples: 10,
    },
  );
});

test('Estimator.estimate() moves from one source to the next as its samples grow, without a jump', () => {
  const distance = msOf([]);
  let before = distance;
  for (let samples = 5; samples < 5000; samples = Math.ceil(samples * 1.02)) {
    const ms = msOf([['prefix 203.0.113.0/24', 200, samples]]);
    assert.ok(ms >= before && ms / before < 1.2, `${before} ${ms} at ${samples}`);
    before = ms;
  }
  isNear(msOf([['prefix 203.0.113.0/24', 200, 5]]), distance);
  isNear(before, 200);
});

test('Estimator.estimate() lies between the sources, and nearer to the more specific with enough samples', () => {
  const sources: Given[] = [
    ['asn 64500', 80, 1_000_000],
    ['prefix 203.0.112.0/20', 60, 95],
    ['prefix 203.0.113.0/24', 40, 35],
  ];
  const { blend } = estimator(...sources);
  const found = blend(client, 'mumbai');
  assert.equal(found?.source, 'measured-prefix');
  assert.equal(found.samples, 35);
  isNear(found.ms, Math.exp(0.75 * Math.log(40) + 0.225 * Math.log(60) + 0.025 * Math.log(80)));
});

test('Estimator.blend() names every part with its key, share, samples and age', () => {
  const { blend, estimate } = estimator(
    ['country IN', 90, 15],
    ['prefix 203.0.113.0/24', 40, 35],
    [formatAgentsKey(delhi), 30, 1_000_000],
  );
  const found = blend(client, 'mumbai');
  assert.deepEqual(
    found?.parts.map(({ source, key, samples, ageSeconds }) => [source, key, samples, ageSeconds]),
    [
      ['distance', undefined, 0, undefined],
      ['agents', 'agents 28.6,77.2', 1_000_000, 60],
      ['measured-country', 'country IN', 15, 60],
      ['measured-prefix', 'prefix 203.0.113.0/24', 35, 60],
    ],
  );
  assert.deepEqual(
    found?.parts.map(({ share }) => Math.round(share * 1000)),
    [63, 63, 125, 750],
  );
  const { ms, source, samples } = found ?? {};
  assert.deepEqual({ ms, source, samples }, estimate(client, 'mumbai'));
});

test('Estimator: shares add up to 1 and their mean is the estimate, whatever was measured', () => {
  const given = fc.record({
    prefix: fc.option(fc.tuple(fc.double({ min: 1, max: 999, noNaN: true }), fc.nat(300))),
    asn: fc.option(fc.tuple(fc.double({ min: 1, max: 999, noNaN: true }), fc.nat(300))),
    country: fc.option(fc.tuple(fc.double({ min: 1, max: 999, noNaN: true }), fc.nat(300))),
    agents: fc.option(fc.tuple(fc.double({ min: 1, max: 999, noNaN: true }), fc.nat(300))),
  });
  const keys = {
    prefix: 'prefix 203.0.113.0/24',
    asn: 'asn 64500',
    country: 'country IN',
    agents: formatAgentsKey(delhi),
  };
  fc.assert(
    fc.property(given, (measured) => {
      const entries = Object.entries(keys).flatMap(([kind, key]): Given[] => {
        const one = measured[kind as keyof typeof keys];
        return one === null ? [] : [[key, one[0], one[1]]];
      });
      const found = estimator(...entries).blend(client, 'mumbai');
      assert.ok(found !== undefined);
      isNear(
        found.parts.reduce((sum, { share }) => sum + share, 0),
        1,
        1e-9,
      );
      const ln = found.parts.reduce((sum, { share, ms }) => sum + share * Math.log(ms), 0);
      isNear(found.ms, Math.exp(ln), 1e-9);
      const most = Math.max(...found.parts.map(({ share }) => share));
      const deciding = found.parts.find(({ source }) => source === found.source);
      assert.ok((deciding?.share ?? 0) >= most - 1e-9);
    }),
  );
});

test('Estimator moves what was measured of a country to where in it a client is', () => {
  const measured: Given[] = [['country US', 60, 1_000_000, 'tokyo']];
  const inUs = (latitude: number, longitude: number): ClientClass => ({
    country: 'US',
    prefixes: [],
    coordinates: { latitude, longitude },
  });
  const seattle = inUs(47.6, -122.3);
  const miami = inUs(25.8, -80.2);
  assert.ok(msOf(measured, seattle, 'tokyo') < 60);
  assert.ok(msOf(measured, miami, 'tokyo') > 60);
  isNear(
    msOf(measured, miami, 'tokyo') / msOf(measured, seattle, 'tokyo'),
    msByDistance(miami.coordinates!, places['tokyo']!) /
      msByDistance(seattle.coordinates!, places['tokyo']!),
  );
});

test('Estimator: one place of agents never outweighs distance, several near ones do', () => {
  const ofAgents = (count: number) =>
    Array.from(
      { length: count },
      (_, index): Given => [
        formatAgentsKey({ latitude: 28.6 + index / 10, longitude: 77.2 }),
        100,
        1_000_000,
      ],
    );
  assert.equal(estimator(...ofAgents(1)).estimate(client, 'mumbai')?.source, 'distance');
  const three = estimator(...ofAgents(3)).blend(client, 'mumbai');
  assert.equal(three?.source, 'agents');
  assert.equal(three.parts[1]?.key, 'agents 28.6,77.2 and 2 more');
  assert.equal(three.samples, 3_000_000);
});

test('Estimator: agents count less the further they are from the client, and not at all across the world', () => {
  const shareAt = (latitude: number) =>
    estimator([formatAgentsKey({ latitude, longitude: 77.2 }), 100, 1_000_000])
      .blend(client, 'mumbai')
      ?.parts.find(({ source }) => source === 'agents')?.share ?? 0;
  const shares = [28.6, 32, 40, 60, 80].map(shareAt);
  assert.deepEqual(
    shares,
    [...shares].sort((a, b) => b - a),
  );
  isNear(shares[0]!, 0.5);
  assert.equal(shares.at(-1), 0);
});

test('Estimator: a place of agents that lies is outvoted by two as near', () => {
  const honest: Given[] = [
    [formatAgentsKey({ latitude: 28.6, longitude: 77.2 }), 40, 1000],
    [formatAgentsKey({ latitude: 28.7, longitude: 77.2 }), 42, 1000],
  ];
  const liar = formatAgentsKey({ latitude: 28.5, longitude: 77.2 });
  const truth = msOf([...honest, [liar, 41, 1000]]);
  for (const lie of [0.5, 9000]) isNear(msOf([...honest, [liar, lie, 1000]]), truth, 0.03);
});

test("Estimator follows agents' values that change, come and go", () => {
  const table = new PublishedTable();
  const { estimate } = new Estimator(
    table,
    (region) => places[region],
    () => now,
  );
  const key = formatAgentsKey(delhi);
  const put = (of: string, ms: number) =>
    table.put({
      key: of,
      region: 'mumbai',
      place: places['mumbai']!,
      ms,
      trust: 1,
      samples: 100,
      source: 'agents',
      at: now,
    });
  const ms = () => estimate(client, 'mumbai')?.ms ?? 0;
  const distance = ms();
  put(key, 100);
  const slow = ms();
  assert.ok(slow > distance * 1.5);
  put(key, 200);
  const slower = ms();
  assert.ok(slower > slow * 1.3);
  put(formatAgentsKey({ latitude: 28.7, longitude: 77.2 }), 200);
  assert.ok(ms() > slower);
  table.remove(formatAgentsKey({ latitude: 28.7, longitude: 77.2 }), 'mumbai');
  assert.equal(ms(), slower);
  table.remove(key, 'mumbai');
  assert.equal(ms(), distance);
});

test('Estimator sees keys that come and go for a class that it has seen before', () => {
  const table = new PublishedTable();
  const { estimate } = new Estimator(
    table,
    (region) => places[region],
    () => now,
  );
  const source = () => estimate(client, 'mumbai')?.source;
  assert.equal(source(), 'distance');
  const key = 'asn 64500';
  const place = places['mumbai']!;
  const entry = { key, region: 'mumbai', place, ms: 90, trust: 0.9, samples: 95, at: now };
  table.put({ ...entry, source: 'measured-asn' });
  assert.equal(source(), 'measured-asn');
  table.remove(key, 'mumbai');
  assert.equal(source(), 'distance');
});
