import { type Clock, systemClock } from '../../base/clock.ts';
import { ImageCompiler } from '../../control/compile-image.ts';
import { LiveGeo } from '../../control/live-geo.ts';
import { emptyConfiguration } from '../../control/load-configuration.ts';
import type { ImagePublisher } from '../../image/image-update.ts';
import { LatencyTable } from '../../latency/latency-table.ts';
import { distinctionsOf } from '../../policy/distinctions.ts';
import { type DataPlane, startDataPlane } from '../../server/data-plane.ts';
import type { SimulationParts } from '../../simulate/simulate.ts';
import type { Store } from '../../store/store.ts';
import { ImagePublishing } from '../image-publishing.ts';
import { SavedImage } from '../saved-image.ts';
import type { Closers } from './closers.ts';
import type { LiveState } from './live-state.ts';
import type { NodeOptions } from './node-options.ts';

/** What images are compiled from, and where they are served. */
export interface Serving {
  readonly clock: Clock;
  readonly state: LiveState;
  readonly geo: LiveGeo;
  readonly latency: LatencyTable;
  readonly images: ImageCompiler;
  readonly publishing: ImagePublishing;
  /** Absent where no DNS is served. */
  readonly dataPlane: DataPlane | undefined;
}

/**
 * Opens the geo databases and starts to answer: from the image that was saved for the store's
 * newest revision, where there is one, else with SERVFAIL until the first is published. Without addresses in `options.dns`
 * images are compiled and go nowhere.
 */
export async function startServing(
  options: NodeOptions,
  state: LiveState,
  store: Store,
  closers: Closers,
): Promise<Serving> {
  const { log } = options;
  const clock = systemClock;
  const geo = await LiveGeo.open(options.geo, clock, log);
  closers.add(() => geo.close());
  const latency = new LatencyTable({
    clock,
    coordinatesOf: (region) => state.configuration.traffic.regions.get(region)?.coordinates,
  });
  const images = new ImageCompiler(
    {
      geo: (networks) => geo.sources(networks),
      health: (service) => state.health(service),
      estimate: latency.estimate,
      measured: () => latency.measuredKeys(),
    },
    emptyConfiguration,
  );
  const dataPlane = options.dns.length === 0 ? undefined : await openDataPlane(options, closers);
  const publisher =
    dataPlane === undefined
      ? nowhere
      : await startFromDisk(options, dataPlane, store, clock, closers);
  const publishing = new ImagePublishing({ images, dataPlane: publisher, latency, clock, log });
  closers.add(() => publishing.close());
  geo.onChange(() => publishing.mapsMoved());
  return { clock, state, geo, latency, images, publishing, dataPlane };
}

/** What simulations, and dry runs of changes, look at. */
export function simulationOf({ state, geo, latency }: Serving): SimulationParts {
  return {
    configuration: () => state.configuration,
    health: (service) => state.health(service),
    estimate: latency.estimate,
    distinctions: (name, { services, regions }) => {
      const service = services.get(name);
      const measured = latency.measuredKeys();
      return service === undefined ? undefined : distinctionsOf(service, regions, measured);
    },
    detail: () => geo.detail,
  };
}

const nowhere: ImagePublisher = { async publish() {} };

async function openDataPlane(options: NodeOptions, closers: Closers): Promise<DataPlane> {
  const dataPlane = await startDataPlane({
    addresses: options.dns,
    workers: options.workers,
    ...(options.io === undefined ? {} : { io: options.io }),
    ...(options.nsid === undefined ? {} : { nsid: options.nsid }),
    ...(options.versionBind === undefined ? {} : { versionBind: options.versionBind }),
    ...(options.serverId === undefined ? {} : { serverId: options.serverId }),
    ecs: options.ecs,
    ...options.protection,
    log: options.log,
  });
  closers.add(() => dataPlane.close());
  return dataPlane;
}

async function startFromDisk(
  options: NodeOptions,
  dataPlane: DataPlane,
  store: Store,
  clock: Clock,
  closers: Closers,
): Promise<SavedImage> {
  const program = `meridian ${options.version} ${process.arch}, image format 3`;
  const { data: folder, log } = options;
  // A replica may hold no more than the newest revision's hash.
  const historyOf = (revision: number) =>
    revision === store.latest() ? store.digest() : store.revision(revision)?.hash;
  const saved = new SavedImage({ folder, program, dataPlane, historyOf, clock, log });
  closers.add(() => saved.close());
  const revision = store.latest();
  if (revision > 0) await saved.serve(revision, options.cluster?.role === 'node');
  return saved;
}
