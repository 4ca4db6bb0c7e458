import { systemClock } from '../base/clock.ts';
import { Random } from '../base/random.ts';
import { AgentDesk } from '../control/agent-desk.ts';
import { createHealthControl, type HealthControl } from '../control/apply-health.ts';
import { ImageCompiler } from '../control/compile-image.ts';
import type { Configuration } from '../control/controller.ts';
import { LiveGeo } from '../control/live-geo.ts';
import { emptyConfiguration } from '../control/load-configuration.ts';
import { embeddedAgent } from '../health/report.ts';
import { LatencyTable } from '../latency/latency-table.ts';
import { distinctionsOf } from '../policy/distinctions.ts';
import { type Agent, startAgent } from '../probe/agent.ts';
import { type DataPlane, startDataPlane } from '../server/data-plane.ts';
import type { SimulationParts } from '../simulate/simulate.ts';
import { ImagePublishing } from './image-publishing.ts';
import type { NodeOptions } from './node-options.ts';
import { SavedImage } from './saved-image.ts';

/** What a node answers with and keeps answering, whoever has the store: geo, images, health, threads. */
export interface AnsweringPart {
  readonly geo: LiveGeo;
  readonly images: ImageCompiler;
  readonly latency: LatencyTable;
  readonly dataPlane: DataPlane;
  readonly saved: SavedImage;
  readonly publishing: ImagePublishing;
  readonly health: HealthControl;
  /** Where agents of the fleet come to. */
  readonly desk: AgentDesk;
  readonly simulation: SimulationParts;
  configuration(): Configuration;
  /** Takes the configuration that is stored now. */
  follow(next: Configuration): void;
}

/** The threads that answer, and the image on disk that they may begin with. */
export interface AnsweringThreads {
  readonly dataPlane: DataPlane;
  readonly saved: SavedImage;
}

type OnClose = (close: () => void | Promise<void>) => void;

/** Starts the threads that answer: on sockets of their own, or on those of the process before. */
export async function startThreads(
  options: NodeOptions,
  onClose: OnClose,
): Promise<AnsweringThreads> {
  const { log, predecessor } = options;
  const dataPlane = await startDataPlane({
    addresses: options.dns,
    workers: options.workers,
    ...(predecessor === undefined ? {} : { sockets: predecessor.sockets.plane }),
    ...(options.io === undefined ? {} : { io: options.io }),
    ...(options.nsid === undefined ? {} : { nsid: options.nsid }),
    ...(options.versionBind === undefined ? {} : { versionBind: options.versionBind }),
    ...(options.serverId === undefined ? {} : { serverId: options.serverId }),
    ecs: options.ecs,
    ...options.protection,
    log,
  });
  onClose(() => dataPlane.close());
  const program = `meridian ${options.version} ${process.arch}, image format 2`;
  const clock = systemClock;
  const saved = new SavedImage({ folder: options.data, program, dataPlane, clock, log });
  onClose(() => saved.close());
  return { dataPlane, saved };
}

/** Starts what makes and moves images: geo → compiler → publishing → health. */
export async function startAnswering(
  options: NodeOptions,
  { dataPlane, saved }: AnsweringThreads,
  onClose: OnClose,
): Promise<AnsweringPart> {
  const { log } = options;
  const clock = systemClock;
  const geo = await LiveGeo.open(options.geo, clock, log);
  onClose(() => geo.close());
  let configuration = emptyConfiguration;
  const latency = new LatencyTable({
    clock,
    coordinatesOf: (region) => configuration.traffic.regions.get(region)?.coordinates,
  });
  let health: HealthControl | undefined;
  const images = new ImageCompiler(
    {
      geo: (networks) => geo.sources(networks),
      health: (service) => health?.health(service) ?? new Map(),
      estimate: latency.estimate,
      measured: () => latency.measuredKeys(),
    },
    emptyConfiguration,
  );
  const publishing = new ImagePublishing({ images, dataPlane: saved, latency, clock, log });
  onClose(() => publishing.close());
  geo.onChange(() => publishing.mapsMoved());

  // Health: an agent inside, by the same code as one far away.
  let agent: Agent | undefined;
  health = createHealthControl({
    clock,
    log,
    onServicesChanged: (names) => publishing.servicesMoved(names),
    onConnectTimes: (name, region, ms) => {
      // The agent inside has no place of its own.
      const coordinates = configuration.traffic.agents?.get(name)?.coordinates;
      if (coordinates === undefined) return;
      latency.observeAgent({ agent: name, coordinates, region, ms });
      publishing.latencyMoved();
    },
  });
  const control = health;
  onClose(() => control.close());
  const desk = new AgentDesk({ clock, log, receive: (report) => control.receive(report) });
  onClose(() => desk.close());
  agent = startAgent({
    ...embeddedAgent,
    clock,
    random: new Random(Date.now()),
    log,
    allowPrivateTargets: options.allowPrivateTargets,
    allowExec: options.allowExec,
    report: (report) => control.receive(report),
  });
  onClose(() => agent?.close());

  const simulation: SimulationParts = {
    configuration: () => configuration,
    health: (service) => control.health(service),
    estimate: latency.estimate,
    distinctions: (name, { services, regions }) => {
      const service = services.get(name);
      const measured = latency.measuredKeys();
      return service === undefined ? undefined : distinctionsOf(service, regions, measured);
    },
    detail: () => geo.detail,
  };
  return {
    ...{ geo, images, latency, dataPlane, saved, publishing, health: control, desk, simulation },
    configuration: () => configuration,
    follow: (next) => {
      configuration = next;
      control.setTraffic(next.traffic);
      desk.setTraffic(control.plan(), next.traffic);
      agent?.setPlan(desk.targetsFor(embeddedAgent.agent, embeddedAgent.region));
    },
  };
}
