/**
 * How long answers take to follow measurements: many services by latency, many measured networks. Says
 * how long each step holds up the main thread when known values move and when new networks appear.
 * Run: node bench/latency-recompile.ts [--services 10000] [--shapes 20] [--networks 100,1000,10000]
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import { ImagePublishing } from '../src/cli/image-publishing.ts';
import { ImageCompiler } from '../src/control/compile-image.ts';
import { emptyConfiguration } from '../src/control/load-configuration.ts';
import { embeddedCountryDatabase, openGeoSources } from '../src/geo/geo-sources.ts';
import { findPlace } from '../src/geo/places.ts';
import type { ImageUpdate } from '../src/image/image-update.ts';
import { LatencyTable } from '../src/latency/latency-table.ts';
import type { Member, PolicyNode, Region, Service } from '../src/policy/traffic.ts';
import { regionNames } from './latency/synthetic-matrix.ts';
import { print } from './scale/meter.ts';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '10000' },
    shapes: { type: 'string', default: '20' },
    networks: { type: 'string', default: '100,1000,10000' },
  },
});

const services = Number(values.services);
const shapes = Number(values.shapes);

async function main(): Promise<void> {
  const geo = await openGeoSources([{ kind: 'country', path: embeddedCountryDatabase() }]);
  for (const networks of values.networks.split(',').map(Number)) {
    process.stdout.write(
      `\n${services} services of ${shapes} shapes, ${regionNames.length} regions, ${networks} networks\n`,
    );
    const regions = new Map<string, Region>(
      regionNames.flatMap((name) => {
        const coordinates = findPlace(name)?.coordinates;
        return coordinates === undefined
          ? []
          : [[name, { coordinates, dial: 100, state: 'active' }]];
      }),
    );
    const latency = new LatencyTable({
      clock: systemClock,
      coordinatesOf: (name) => regions.get(name)?.coordinates,
    });
    const images = new ImageCompiler(
      {
        geo: () => geo,
        health: () => new Map(),
        estimate: latency.estimate,
        measured: () => latency.measuredKeys(),
      },
      emptyConfiguration,
    );
    const traffic = {
      ...emptyConfiguration.traffic,
      regions,
      services: new Map(Array.from({ length: services }, (_, at) => [`s${at}`, serviceOf(at)])),
    };
    images.prepare({ ...emptyConfiguration, traffic }).accept();
    await follow('new networks', images, latency, networks, 1);
    await follow('known networks, new times', images, latency, networks, 3);
    await follow('one more network', images, latency, networks + 1, 3);
  }
}

/** Measures all networks again and prints how the main thread was held up until answers followed. */
async function follow(
  name: string,
  images: ImageCompiler,
  latency: LatencyTable,
  networks: number,
  factor: number,
): Promise<void> {
  let octets = 0;
  let updates = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const dataPlane = {
    async publish(update: ImageUpdate) {
      updates += 1;
      for (const { segment, bytes } of [...update.services, ...update.maps]) {
        octets += bytes ?? segment?.byteLength ?? 0;
      }
      resolve();
    },
  };
  const publishing = new ImagePublishing({
    images,
    dataPlane,
    latency,
    clock: systemClock,
    log: silentLog,
  });
  const start = performance.now();
  for (let network = 0; network < networks; network += 1) {
    for (const [index, region] of regionNames.entries()) {
      const ms = factor * (10 + ((network * 7 + index * 31) % 200));
      const prefix = `11.${network >> 8}.${network & 255}.0/24`;
      latency.measure({ prefix, region, ms, count: 1000 });
    }
  }
  print(`${name}: measuring`, performance.now() - start, 'ms');
  publishing.latencyMoved();
  const held = watch();
  await promise;
  while (publishing.isFollowing) await new Promise((resolve) => setTimeout(resolve, 20));
  publishing.close();
  const { longestMs, sumMs } = held();
  print(`${name}: longest turn of the main thread`, longestMs, 'ms');
  print(`${name}: main thread altogether`, sumMs, 'ms');
  print(`${name}: until answers follow`, performance.now() - start, 'ms');
  print(`${name}: updates published`, updates, '');
  print(`${name}: octets`, octets / 1e6, 'MB');
}

/** The longest turn of the event loop and all of them together, in the thread's own processor time. */
function watch(): () => { readonly longestMs: number; readonly sumMs: number } {
  let longestMs = 0;
  const start = threadMs();
  let before = start;
  const look = () => {
    const now = threadMs();
    longestMs = Math.max(longestMs, now - before);
    before = now;
  };
  const timer = setInterval(look, 1);
  return () => {
    clearInterval(timer);
    look();
    return { longestMs, sumMs: before - start };
  };
}

/** Processor time of this thread: on a busy machine the time of day says little. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function serviceOf(index: number): Service {
  const some = regionNames.filter((_, at) => at % shapes !== index % shapes || at < 3);
  const members = new Map<string, Member>(
    some.map((name, at) => [
      name,
      {
        region: name,
        a: [`10.${at}.${index >> 8}.${index & 255}`],
        aaaa: [],
        weight: 1 + (index % shapes),
        capacity: undefined,
        state: 'active',
      },
    ]),
  );
  const children = some.map((member): PolicyNode => ({ kind: 'member', member }));
  return {
    ttl: { min: 30, max: 30 },
    monitors: [],
    members,
    policy: { kind: 'latency', children, toleranceMs: 10, toleranceRatio: 0.1 },
    minHealthy: 0.5,
    whenAllDown: 'all',
    rampSeconds: 180,
    spill: false,
  };
}

await main();
