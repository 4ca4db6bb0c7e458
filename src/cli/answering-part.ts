import { systemClock } from '../base/clock.ts';
import { AgentDesk, type OnReportHeard } from '../control/agent-desk.ts';
import { ImageCompiler } from '../control/compile-image.ts';
import type { Configuration } from '../control/controller.ts';
import type { OwnFleet } from '../control/health-source.ts';
import { LiveGeo } from '../control/live-geo.ts';
import { emptyConfiguration } from '../control/load-configuration.ts';
import { embeddedAgent } from '../health/report.ts';
import { LatencyTable } from '../latency/latency-table.ts';
import { distinctionsOf } from '../policy/distinctions.ts';
import type { DataPlane } from '../server/data-plane.ts';
import type { SimulationParts } from '../simulate/simulate.ts';
import type { AnsweringThreads } from './answering-threads.ts';
import { ImagePublishing } from './image-publishing.ts';
import { openSelfCheck } from './node/anycast.ts';
import type { SelfCheck } from './node/self-check.ts';
import { type FleetWish, LateHealth, type NodeHealth, openFleet } from './node-health.ts';
import type { NodeOptions } from './node-options.ts';
import type { SavedImage } from './saved-image.ts';

/** What a node answers with and keeps answering, whoever has the store: geo, images, health, threads. */
export interface AnsweringPart {
  readonly geo: LiveGeo;
  readonly images: ImageCompiler;
  readonly latency: LatencyTable;
  readonly dataPlane: DataPlane;
  readonly saved: SavedImage;
  readonly publishing: ImagePublishing;
  readonly health: NodeHealth;
  /** Whether this node answers, by asking itself; undefined where it serves no DNS. */
  readonly selfCheck: SelfCheck | undefined;
  /** Where agents of the fleet come to. */
  readonly desk: AgentDesk;
  /** Has agents' reports passed on to the other controllers of a cluster. */
  onReportHeard(listener: OnReportHeard): void;
  /** Opens a fleet with an agent inside: the one of this process, or one that a member needs now. */
  openFleet(more: FleetWish): OwnFleet;
  readonly simulation: SimulationParts;
  configuration(): Configuration;
  /** Takes the configuration that is stored now. */
  follow(next: Configuration): void;
}

type OnClose = (close: () => void | Promise<void>) => void;

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
  let publishing: ImagePublishing | undefined;
  let heard: OnReportHeard = () => {};
  const desk = new AgentDesk({
    ...{ clock, log },
    receive: (report) => health.receive(report),
    heard: (report, bytes) => heard(report, bytes),
  });
  onClose(() => desk.close());
  const open = (more: FleetWish) =>
    openFleet({
      options,
      ...more,
      planFor: (targets) => {
        desk.setTraffic(targets, configuration.traffic);
        return desk.targetsFor(embeddedAgent.agent, embeddedAgent.region);
      },
      onConnectTimes: (name, region, ms) => {
        // The agent inside has no place of its own.
        const coordinates = configuration.traffic.agents?.get(name)?.coordinates;
        if (coordinates === undefined) return;
        latency.observeAgent({ agent: name, coordinates, region, ms });
        publishing?.latencyMoved();
      },
    });
  const health = startHealth(options, open, (names) => publishing?.servicesMoved(names), onClose);
  const images = new ImageCompiler(
    {
      geo: (networks) => geo.sources(networks),
      health: (service) => health.health(service),
      estimate: latency.estimate,
      measured: () => latency.measuredKeys(),
    },
    emptyConfiguration,
  );
  const published = new ImagePublishing({ images, dataPlane: saved, latency, clock, log });
  publishing = published;
  onClose(() => published.close());
  geo.onChange(() => published.mapsMoved());

  const simulation: SimulationParts = {
    configuration: () => configuration,
    health: (service) => health.health(service),
    estimate: latency.estimate,
    distinctions: (name, { services, regions }) => {
      const service = services.get(name);
      const measured = latency.measuredKeys();
      return service === undefined ? undefined : distinctionsOf(service, regions, measured);
    },
    detail: () => geo.detail,
  };
  return {
    ...{ geo, images, latency, dataPlane, saved, health, desk, simulation, openFleet: open },
    publishing: published,
    selfCheck: openSelfCheck(dataPlane, () => configuration),
    onReportHeard: (listener) => {
      heard = listener;
    },
    configuration: () => configuration,
    follow: (next) => {
      configuration = next;
      health.setTraffic(next.traffic);
    },
  };
}

/** Judges health in this process; in a cluster its membership decides whose word counts. */
function startHealth(
  options: NodeOptions,
  open: (wish: FleetWish) => OwnFleet,
  onServicesChanged: (names: readonly string[]) => void,
  onClose: OnClose,
): NodeHealth {
  if (options.cluster !== undefined) {
    const late = new LateHealth();
    onClose(() => late.close());
    return late;
  }
  const fleet = open({ agent: embeddedAgent.agent, onServicesChanged });
  onClose(() => fleet.close?.());
  return fleet.health;
}
