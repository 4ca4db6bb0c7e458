import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import { ImagePublishing } from '../../src/cli/image-publishing.ts';
import type { ImageInputs } from '../../src/control/image-state.ts';
import type { ImageUpdate } from '../../src/image/image-update.ts';
import { LatencyTable } from '../../src/latency/latency-table.ts';
import { geoOf, Serving, zone } from '../control/serving.ts';
import { failover, latency, places, service } from '../policy/build.ts';

const members = { ireland: { a: ['192.0.2.1'], aaaa: [] }, tokyo: { a: ['192.0.2.2'], aaaa: [] } };
const web = service(latency(['ireland', 'tokyo']), members);
const api = service(failover(['ireland', 'tokyo']), members);
const networks = [
  { cidr: '198.18.0.0/16', country: 'JP', coordinates: { latitude: 35, longitude: 139 } },
];
const inJapan = '198.18.7.1';

function stage(inputs: Partial<ImageInputs> = {}) {
  const clock = new VirtualClock();
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (fields) => errors.push(JSON.stringify(fields)) };
  const table = new LatencyTable({ clock, coordinatesOf: (region) => places[region] });
  const serving = new Serving({
    estimate: table.estimate,
    measured: () => table.measuredKeys(),
    ...inputs,
  });
  serving.serve({
    zones: [zone('example.', 'www STEER web\napi STEER api\n')],
    services: { web, api },
    networks,
  });
  let failure: Error | undefined;
  const dataPlane = {
    async publish(update: ImageUpdate) {
      if (failure !== undefined) throw failure;
      serving.take(update);
    },
  };
  const { images } = serving;
  const publishing = new ImagePublishing({ images, dataPlane, latency: table, clock, log });
  return {
    clock,
    errors,
    serving,
    table,
    publishing,
    updates: serving.updates,
    fail: (error: Error | undefined) => {
      failure = error;
    },
  };
}

const sample = (region: string, ms: number) => ({
  prefix: '198.18.7.0/24',
  region,
  ms,
  count: 100,
});

test('ImagePublishing.measure() moves answers within a second, and compiles once for many samples', () => {
  const { clock, serving, publishing, updates } = stage();
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.2']);
  const before = updates.length;
  assert.deepEqual(publishing.measure([sample('ireland', 5), sample('tokyo', 200)]), {
    accepted: 2,
    problems: [],
  });
  publishing.measure([sample('ireland', 5)]);
  assert.equal(updates.length, before);
  clock.advance(1000);
  assert.equal(updates.length, before + 1);
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.1']);
  assert.deepEqual(serving.addresses('www.example', '198.18.8.1'), ['192.0.2.2'], 'its own class');
  publishing.close();
});

test('ImagePublishing.measure() makes new maps for new keys only', () => {
  const { clock, serving, publishing, updates } = stage();
  publishing.measure([sample('ireland', 5), sample('tokyo', 200)]);
  clock.advance(1010);
  assert.ok((updates.at(-1)?.maps.length ?? 0) > 0);
  publishing.measure(Array.from({ length: 20 }, () => sample('ireland', 500)));
  clock.advance(1010);
  assert.deepEqual(
    [updates.at(-1)?.maps.length, updates.at(-1)?.services.length],
    [0, 1],
    'the service that latency matters to, and no map',
  );
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.2']);
  publishing.close();
});

test('ImagePublishing.measure() says what is wrong with which sample, and takes the others', () => {
  const { publishing } = stage();
  const result = publishing.measure([sample('ireland', 5), sample('moon', 5), sample('tokyo', -1)]);
  assert.equal(result.accepted, 1);
  assert.deepEqual(
    result.problems.map(({ where, code }) => [where, code]),
    [
      ['/samples/1', 'E_MEASUREMENT'],
      ['/samples/2', 'E_MEASUREMENT'],
    ],
  );
  publishing.close();
});

test('ImagePublishing lets measurements age by itself', () => {
  const { clock, serving, publishing } = stage();
  publishing.measure([sample('ireland', 5), sample('tokyo', 200)]);
  clock.advance(1000);
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.1']);
  clock.advance(7 * 86_400_000);
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.2']);
  publishing.close();
});

test('ImagePublishing.latencyMoved() lets answers follow values that were taken over', () => {
  const leader = stage();
  leader.publishing.measure([sample('ireland', 5), sample('tokyo', 200)]);
  leader.clock.advance(1000);
  const node = stage();
  node.table.replacePublished(leader.table.published());
  node.publishing.latencyMoved();
  node.publishing.latencyMoved();
  assert.equal(node.publishing.isFollowing, true);
  node.clock.advance(1010);
  assert.equal(node.publishing.isFollowing, false);
  assert.deepEqual(node.serving.addresses('www.example', inJapan), ['192.0.2.1']);
  const before = node.updates.length;
  node.table.replacePublished(leader.table.published());
  node.publishing.latencyMoved();
  node.clock.advance(1010);
  assert.equal(node.updates.length, before, 'the same again compiles nothing');
  leader.publishing.close();
  node.publishing.close();
});

test('ImagePublishing.servicesMoved() publishes before it returns', () => {
  const { publishing, updates } = stage();
  const before = updates.length;
  publishing.servicesMoved(['api']);
  assert.equal(updates.length, before + 1);
  assert.equal(updates.at(-1)?.services.length, 1);
  publishing.close();
});

test('ImagePublishing.mapsMoved() throws when no maps can be made, and what served goes on', () => {
  let broken = false;
  const { publishing, serving, updates } = stage({
    geo: (given) => {
      if (broken) throw new Error('bad database');
      return geoOf(given);
    },
  });
  broken = true;
  const before = updates.length;
  assert.throws(() => publishing.mapsMoved(), /bad database/);
  assert.equal(updates.length, before);
  publishing.servicesMoved(['web']);
  assert.deepEqual(serving.addresses('www.example', inJapan), ['192.0.2.2']);
  publishing.close();
});

test('ImagePublishing logs what could not be handed over, and goes on', async () => {
  const { publishing, errors, fail, updates } = stage();
  fail(new Error('no worker'));
  publishing.servicesMoved(['api']);
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(errors, ['{"error":"no worker"}']);
  fail(undefined);
  const before = updates.length;
  publishing.servicesMoved(['api']);
  assert.equal(updates.length, before + 1);
  publishing.close();
});

test('ImagePublishing.close() leaves no timer behind', () => {
  const { clock, publishing, updates } = stage();
  publishing.measure([sample('ireland', 5), sample('tokyo', 200)]);
  publishing.close();
  const before = updates.length;
  clock.advance(86_400_000);
  assert.equal(updates.length, before);
});
