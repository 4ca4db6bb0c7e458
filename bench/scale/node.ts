import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { ImagePublishing } from '../../src/cli/image-publishing.ts';
import { SavedImage } from '../../src/cli/saved-image.ts';
import { ImageCompiler } from '../../src/control/compile-image.ts';
import type { Configuration } from '../../src/control/controller.ts';
import { createController, type RunningController } from '../../src/control/create-controller.ts';
import { emptyConfiguration } from '../../src/control/load-configuration.ts';
import { embeddedCountryDatabase, openGeoSources } from '../../src/geo/geo-sources.ts';
import type { ServiceHealth } from '../../src/health/verdict.ts';
import type { ImagePublisher, ImageUpdate } from '../../src/image/image-update.ts';
import { LatencyTable } from '../../src/latency/latency-table.ts';
import { type DataPlane, startDataPlane } from '../../src/server/data-plane.ts';
import type { Store } from '../../src/store/store.ts';

import { print } from './meter.ts';
import { Phases, timedStore } from './phases.ts';

/** A node without probes and API, opened up for measuring. */
export interface BenchNode {
  readonly controller: RunningController;
  readonly dataPlane: DataPlane;
  readonly saved: SavedImage;
  readonly images: ImageCompiler;
  /** Octets of all segments published so far. */
  readonly published: () => number;
}

/**
 * Starts a node on a store with two workers; health is what `health` says. With a data directory it
 * answers from the image that was saved there before it reads the store. Compiling, storing and
 * publishing are phases.
 */
export async function startBenchNode(
  store: Store,
  health: (service: string) => ServiceHealth,
  data?: string,
  phases = new Phases(),
): Promise<BenchNode> {
  const geo = await openGeoSources([{ kind: 'country', path: embeddedCountryDatabase() }]);
  let configuration: Configuration = emptyConfiguration;
  const latency = new LatencyTable({
    clock: systemClock,
    coordinatesOf: (region) => configuration.traffic.regions.get(region)?.coordinates,
  });
  const images = new ImageCompiler(
    {
      geo: () => geo,
      health,
      estimate: latency.estimate,
      measured: () => latency.measuredKeys(),
    },
    emptyConfiguration,
  );
  const dataPlane = await startDataPlane({
    addresses: [{ host: '127.0.0.1', port: 0 }],
    workers: 2,
    log: silentLog,
  });
  const saved = new SavedImage({
    folder: data ?? '',
    program: 'bench',
    dataPlane,
    clock: systemClock,
    log: silentLog,
  });
  if (data === undefined) await saved.suspend();
  saved.historyOf = (revision) => store.revision(revision)?.hash;
  if (data !== undefined && store.latest() > 0) {
    const served = await saved.serve(store.latest());
    const name = served ? 'process start to first answers (saved image)' : 'no saved image after';
    print(name, process.uptime(), 's');
  }
  const counted: ImagePublisher = {
    publish: (update) => {
      octets += octetsOf(update);
      return saved.publish(update);
    },
  };
  const publishing = new ImagePublishing({
    ...{ images, dataPlane: counted, latency, clock: systemClock, log: silentLog },
  });
  let octets = 0;
  const unused = () => {
    throw new Error('not part of this benchmark');
  };
  const controller = await createController({
    store: timedStore(store, phases),
    clock: systemClock,
    log: silentLog,
    compile: (next) => phases.time('compile', () => images.prepareInSlices(next)),
    publish: (update) => phases.time('publish', () => publishing.publish(update)),
    stored: (next) => {
      configuration = next;
    },
    health: {
      service: () => undefined,
      targets: () => [],
      events: () => [],
      agentRegions: () => [],
    },
    explain: unused,
    measure: unused,
    reportLoad: unused,
  });
  return { controller, dataPlane, saved, images, published: () => octets };
}

function octetsOf(update: ImageUpdate): number {
  let octets = update.zoneIndex?.byteLength ?? 0;
  for (const list of [update.zones, update.services, update.maps]) {
    for (const { segment, bytes } of list) octets += bytes ?? segment?.byteLength ?? 0;
  }
  return octets;
}
