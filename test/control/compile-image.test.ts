import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { MeridianError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { createHealthControl, type HealthControl } from '../../src/control/apply-health.ts';
import type { Configuration } from '../../src/control/controller.ts';
import { combineSources } from '../../src/geo/geo-sources.ts';
import type { Monitor } from '../../src/health/monitor.ts';
import type { Verdict } from '../../src/health/verdict.ts';
import { LatencyTable } from '../../src/latency/latency-table.ts';
import type { MeasuredKeys } from '../../src/policy/distinctions.ts';
import { failover, geo, healthOf, latency, nearest, regions, service } from '../policy/build.ts';
import { configure, geoOf, Serving, zone } from './serving.ts';

const ireland = { ireland: { a: ['192.0.2.1'], aaaa: [] } };
const tokyo = { tokyo: { a: ['192.0.2.2'], aaaa: [] } };
const both = { ...ireland, ...tokyo };
const site = zone('example.', 'www STEER web\n');
const plain = service('ireland', ireland);
/** By the operator's networks: 198.18.0.0/16 is in Japan. */
const byCountry = service(geo([[{ country: ['JP'] }, 'tokyo']], 'ireland'), both);
const japan = { cidr: '198.18.0.0/16', country: 'JP' };
const inJapan = '198.18.0.1';

test('ImageCompiler.prepare() changes nothing until it is accepted', () => {
  const serving = new Serving().serve({ zones: [site], services: { web: plain } });
  const other = service('ireland', { ireland: { a: ['192.0.2.9'], aaaa: [] } });
  serving.images.prepare(configure({ services: { web: other } }, serving.configuration));
  assert.equal(serving.images.configuration(), serving.configuration);
  serving.take(serving.images.recompileServices(['web']));
  assert.deepEqual(serving.addresses('www.example'), ['192.0.2.1']);
});

test('ImageCompiler.prepare() compiles only what a change touches', () => {
  const other = zone('example.org.', 'www STEER api\n');
  const serving = new Serving().serve({
    zones: [site, other],
    services: { web: byCountry, api: plain },
    networks: [japan],
  });
  const edited = zone('example.', 'www 5 STEER web\n');
  serving.serve({ zones: [edited, other] });
  const [update] = serving.updates.slice(-1);
  assert.deepEqual(
    [update?.zones.length, update?.services.length, update?.maps.length, update?.zoneIndex],
    [1, 0, 0, undefined],
  );
  const apiOnly = service('ireland', { ireland: { a: ['192.0.2.7'], aaaa: [] } });
  serving.serve({ services: { web: byCountry, api: apiOnly } });
  const [next] = serving.updates.slice(-1);
  assert.deepEqual([next?.zones.length, next?.services.length, next?.maps.length], [0, 1, 0]);
  assert.deepEqual(serving.addresses('www.example.org'), ['192.0.2.7']);
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.2']);
});

test('ImageCompiler.accept() serves the health that moved after prepare', () => {
  let verdict: Verdict = 'up';
  let asked = 0;
  const web = service(failover(['ireland', 'tokyo']), both);
  const health = () => {
    asked += 1;
    return healthOf(web, { ireland: verdict });
  };
  const serving = new Serving({ health }).serve({ zones: [site], services: { web } });
  const renewed = { ...web, ttl: { min: 7, max: 7 } };
  const edited = zone('example.', 'www STEER web\nnew 60 TXT "x"\n');
  const next = configure({ zones: [edited], services: { web: renewed } }, serving.configuration);
  const prepared = serving.images.prepare(next);
  verdict = 'down';
  serving.take(serving.images.recompileServices(['web']));
  assert.deepEqual(serving.addresses('www.example'), ['192.0.2.2']);
  asked = 0;
  serving.take(prepared.accept());
  assert.deepEqual(serving.ask('www.example').answer, ['www.example. 7 A 192.0.2.2']);
  assert.equal(asked, 1, 'its service was compiled again');
  assert.equal(serving.ask('new.example TXT').answer.length, 1);
});

test('ImageCompiler.accept() makes of a stale image one that fits what took over meanwhile', () => {
  const serving = new Serving().serve({ zones: [site], services: { web: plain } });
  const added = zone('example.org.', 'www STEER web\n');
  const first = configure({ zones: [site, added] }, serving.configuration);
  const second = configure({ services: { web: byCountry }, networks: [japan] }, first);
  const [one, two] = [first, second].map((next) => serving.images.prepare(next));
  assert.ok(one && two);
  serving.take(one.accept());
  serving.take(two.accept());
  assert.deepEqual(serving.addresses('www.example.org', inJapan), ['192.0.2.2']);
  assert.deepEqual(serving.addresses('www.example', '198.51.100.1'), ['192.0.2.1']);
  assert.equal(serving.images.configuration(), second);
});

test('ImageCompiler.accept() uses the geo data that was loaded after prepare', () => {
  let where = 'JP';
  const geoNow = () => geoOf([{ ...japan, country: where }]);
  const serving = new Serving({ geo: geoNow });
  serving.serve({ zones: [site], services: { web: byCountry } });
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.2']);
  const moved = service(geo([[{ country: ['JP', 'KR'] }, 'tokyo']], 'ireland'), both);
  const prepared = serving.images.prepare(
    configure({ services: { web: moved } }, serving.configuration),
  );
  where = 'FR';
  serving.take(serving.images.rebuildMaps());
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.1']);
  serving.take(prepared.accept());
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.1']);
});

test('ImageCompiler gives a freed slot to nobody within the same update', () => {
  const serving = new Serving().serve({ zones: [site], services: { web: plain } });
  const renamed = zone('example.', 'www STEER shop\n');
  serving.serve({ zones: [renamed], services: { shop: plain } });
  assert.deepEqual(serving.addresses('www.example'), ['192.0.2.1']);
  const [update] = serving.updates.slice(-1);
  assert.equal(new Set(update?.services.map(({ slot }) => slot)).size, 2);
  // Now the slot of web is free: another service takes it, and shop keeps its own.
  const api = service('tokyo', tokyo);
  const more = zone('example.', 'www STEER shop\napi STEER api\n');
  serving.serve({ zones: [more], services: { shop: plain, api } });
  assert.deepEqual(serving.addresses('www.example'), ['192.0.2.1']);
  assert.deepEqual(serving.addresses('api.example'), ['192.0.2.2']);
  const slots = serving.updates.flatMap(({ services }) => services.map(({ slot }) => slot));
  assert.equal(Math.max(...slots), 1, 'slots are used again');
});

test('ImageCompiler.prepare() refuses to take away a service that an unchanged zone names', () => {
  const serving = new Serving().serve({ zones: [site], services: { web: plain } });
  // A configuration that changes without its zones is refused while they need what is gone.
  const without = configure({ services: { api: plain } }, serving.configuration);
  assert.throws(
    () => serving.images.prepare(without),
    (error) => error instanceof MeridianError && error.code === 'E_SERVICE_UNKNOWN',
  );
  assert.deepEqual(serving.addresses('www.example'), ['192.0.2.1']);
});

test('ImageCompiler removes zones and serves the one above again', () => {
  const parent = zone('example.', '* 60 A 198.51.100.1\n');
  const child = zone('sub.example.', 'www STEER web\n');
  const serving = new Serving().serve({ zones: [parent, child], services: { web: plain } });
  assert.deepEqual(serving.addresses('www.sub.example'), ['192.0.2.1']);
  serving.serve({ zones: [parent], services: {} });
  assert.deepEqual(serving.addresses('www.sub.example'), ['198.51.100.1']);
  serving.serve({ zones: [] });
  assert.equal(serving.ask('www.sub.example').rcode, 'REFUSED');
});

test('ImageCompiler follows the networks of the operator', () => {
  const serving = new Serving().serve({ zones: [site], services: { web: byCountry } });
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.1']);
  serving.serve({ networks: [japan] });
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.2']);
  serving.serve({ networks: [{ ...japan, country: 'FR' }] });
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.1']);
});

test('ImageCompiler lets a moved region count at once, for nearest and for latency', () => {
  for (const policy of [nearest(['ireland', 'tokyo']), latency(['ireland', 'tokyo'])]) {
    const clock = new VirtualClock();
    let stored: Configuration | undefined;
    // As in a node: what is stored is known to the table only after it has been compiled.
    const table = new LatencyTable({
      clock,
      coordinatesOf: (region) => stored?.traffic.regions.get(region)?.coordinates,
    });
    const serving = new Serving({ estimate: table.estimate });
    serving.serve({
      zones: [site],
      services: { web: service(policy, both) },
      networks: [{ ...japan, coordinates: { latitude: 35, longitude: 139 } }],
    });
    stored = serving.configuration;
    assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.2'], policy.kind);
    const swapped = regions({
      ireland: { coordinates: { latitude: 35, longitude: 139 } },
      tokyo: { coordinates: { latitude: 53, longitude: -6 } },
    });
    serving.serve({ regions: swapped });
    assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.1'], policy.kind);
  }
});

test('ImageCompiler.rebuildMaps() leaves the image alone when it fails half way', () => {
  let fails = 0;
  const geoNow: typeof geoOf = (networks) => {
    if (fails > 0 && --fails === 0) throw new Error('no maps');
    return geoOf(networks);
  };
  const api = service(geo([[{ country: ['FR'] }, 'tokyo']], 'ireland'), both);
  const serving = new Serving({ geo: geoNow }).serve({
    zones: [zone('example.', 'www STEER web\napi STEER api\n')],
    services: { web: byCountry, api },
    networks: [japan, { cidr: '198.19.0.0/16', country: 'FR' }],
  });
  fails = 2;
  assert.throws(() => serving.images.rebuildMaps(), /no maps/);
  serving.take(serving.images.recompileServices(['web', 'api']));
  serving.take(serving.images.rebuildMaps());
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.2']);
  assert.deepEqual(serving.addresses('api.example', '198.19.0.1'), ['192.0.2.2']);
  assert.deepEqual(serving.addresses('api.example', inJapan), ['192.0.2.1']);
});

/** Once 198.18.7.0/24 is told apart, it is near Ireland. */
function measuredServing() {
  let measured: MeasuredKeys = { prefixes: [], asns: [], countries: [] };
  const serving = new Serving({
    geo: () => combineSources([], [{ ...japan, coordinates: { latitude: 35, longitude: 139 } }]),
    measured: () => measured,
    estimate: ({ prefixes }, region) => ({
      ms: prefixes.includes('198.18.7.0/24') === (region === 'ireland') ? 10 : 200,
      source: 'measured-prefix',
      samples: 10,
    }),
  });
  const measure = (prefixes: readonly string[]) => {
    measured = { prefixes, asns: [], countries: [] };
  };
  return { measure, serving };
}

test('ImageCompiler.followLatency() lets measured prefixes split classes', () => {
  const { measure, serving } = measuredServing();
  const web = service(latency(['ireland', 'tokyo']), both);
  serving.serve({ zones: [site], services: { web } });
  assert.deepEqual(serving.addresses('www.example', '198.18.7.1'), ['192.0.2.2']);
  measure(['198.18.7.0/24']);
  for (const update of serving.images.followLatency(() => false)) serving.take(update);
  assert.deepEqual(serving.addresses('www.example', '198.18.7.1'), ['192.0.2.1']);
  assert.deepEqual(serving.addresses('www.example', '198.18.8.1'), ['192.0.2.2']);
  measure([]);
  for (const update of serving.images.followLatency(() => false)) serving.take(update);
  assert.deepEqual(serving.addresses('www.example', '198.18.7.1'), ['192.0.2.2']);
});

test('ImageCompiler.followLatency() works in parts, and a change in between stands', () => {
  const { measure, serving } = measuredServing();
  const fast = service(failover([latency(['ireland', 'tokyo']), 'ireland']), both);
  const site = zone('example.', 'a STEER a\nb STEER b\nc STEER c\nd STEER d\n');
  const services = { a: fast, b: fast, c: fast, d: plain };
  serving.serve({ zones: [site], services });
  measure(['198.18.7.0/24']);
  const at = (name: string) => serving.addresses(`${name}.example`, '198.18.7.1');
  const parts = serving.images.followLatency(() => true);
  const take = () => {
    const { value } = parts.next();
    if (value !== undefined) serving.take(value);
    return value;
  };
  assert.deepEqual(
    take()?.services.map(({ slot }) => slot),
    [0],
  );
  assert.deepEqual(
    [at('a'), at('b')],
    [['192.0.2.1'], ['192.0.2.2']],
    'the old map still serves b',
  );
  serving.serve({ zones: [site], services: { ...services, a: plain, c: plain } });
  assert.deepEqual(at('b'), ['192.0.2.2']);
  const second = take();
  assert.deepEqual(at('b'), ['192.0.2.1']);
  take();
  assert.equal(take(), undefined);
  const elsewhere = new Serving().serve({
    zones: [site],
    services: { a: plain, b: plain, c: plain, d: plain },
  });
  for (const name of ['a', 'c', 'd']) {
    assert.deepEqual(at(name), elsewhere.addresses('d.example', '198.18.7.1'), name);
  }
  assert.ok(second !== undefined);
});

test('ImageCompiler.followLatency() compiles what rests on latency and nothing else', () => {
  const serving = new Serving().serve({
    services: {
      web: byCountry,
      near: service(nearest(['ireland']), ireland),
      fast: service(failover([latency(['tokyo']), 'ireland']), both),
      plain,
    },
  });
  const updates = [...serving.images.followLatency(() => true)];
  assert.deepEqual(
    updates.map(({ services, maps }) => [services.map(({ slot }) => slot), maps.length]),
    [[[2], 0]],
  );
});

test('ImageCompiler shares one map among services that tell the same apart, and drops it last', () => {
  const serving = new Serving().serve({ services: { web: byCountry, api: byCountry } });
  assert.equal(serving.updates[0]?.maps.length, 1);
  serving.serve({ services: { api: byCountry } });
  assert.deepEqual(serving.updates[1]?.maps, []);
  serving.serve({ services: { api: plain } });
  assert.deepEqual(
    serving.updates[2]?.maps.map(({ segment }) => segment),
    [null],
  );
});

const tcp: Monitor = {
  type: 'tcp',
  intervalMs: 10_000,
  timeoutMs: 1000,
  fall: 1,
  rise: 1,
  quorum: 'any',
  port: 80,
};

test('a verdict changes the answer within the call that brings it', () => {
  const web = { ...service(failover(['ireland', 'tokyo']), both), monitors: ['port'] };
  let control: HealthControl | undefined;
  let flips = 0;
  const serving = new Serving({ health: (name) => control?.health(name) ?? new Map() });
  control = createHealthControl({
    clock: new VirtualClock(),
    log: silentLog,
    onServicesChanged: (names) => {
      flips += 1;
      serving.take(serving.images.recompileServices(names));
    },
  });
  const configuration = configure({ zones: [site], services: { web } });
  const traffic = { ...configuration.traffic, monitors: new Map([['port', tcp]]) };
  const prepared = serving.images.prepare({ ...configuration, traffic });
  control.setTraffic(traffic);
  serving.take(prepared.accept());
  flips = 0;
  const report = (sequence: number, states: Readonly<Record<string, Verdict>>) =>
    control?.receive({
      agent: 'a',
      region: 'r',
      boot: 1,
      sequence,
      canariesOk: true,
      results: Object.entries(states).map(([address, state]) => ({
        target: `port@${address}`,
        state,
        forMs: 0,
      })),
    });
  report(1, { '192.0.2.1': 'up', '192.0.2.2': 'up' });
  const upFlips = flips;
  assert.deepEqual(serving.addresses('www.example'), ['192.0.2.1']);
  report(2, { '192.0.2.1': 'down', '192.0.2.2': 'up' });
  assert.deepEqual(serving.addresses('www.example'), ['192.0.2.2'], 'no timer, no promise');
  assert.equal(flips, upFlips + 1, 'one image for one flip');
  const [update] = serving.updates.slice(-1);
  assert.deepEqual(
    [update?.services.length, update?.zones.length, update?.maps.length, update?.zoneIndex],
    [1, 0, 0, undefined],
  );
  report(3, { '192.0.2.1': 'down', '192.0.2.2': 'up' });
  assert.equal(flips, upFlips + 1, 'no image without a change');
  control.close();
});

test('a health flip of one service leaves every other segment alone', () => {
  const asked: string[] = [];
  const services = Object.fromEntries(
    Array.from({ length: 50 }, (_, index) => [`s${index}`, byCountry]),
  );
  const serving = new Serving({
    health: (name) => {
      asked.push(name);
      return new Map();
    },
  }).serve({ services });
  asked.length = 0;
  serving.take(serving.images.recompileServices(['s7', 'unknown']));
  assert.deepEqual(asked, ['s7']);
  assert.equal(serving.updates.at(-1)?.services.length, 1);
});
