import { createApi } from '../api/create-api.ts';
import { listenApi } from '../api/listen-api.ts';
import { systemClock } from '../base/clock.ts';
import { errorText, formatProblem, MeridianError, type Problem } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Random } from '../base/random.ts';
import { createHealthControl, type HealthControl } from '../control/apply-health.ts';
import { ImageCompiler } from '../control/compile-image.ts';
import type { Configuration } from '../control/controller.ts';
import { createController, type RunningController } from '../control/create-controller.ts';
import { explain } from '../control/explain.ts';
import { fillFromFolder } from '../control/import-folder.ts';
import { keepHealth } from '../control/keep-health.ts';
import { LiveGeo } from '../control/live-geo.ts';
import { emptyConfiguration } from '../control/load-configuration.ts';
import { Tokens } from '../control/tokens.ts';
import { LatencyTable } from '../latency/latency-table.ts';
import { distinctionsOf } from '../policy/distinctions.ts';
import { type Agent, startAgent } from '../probe/agent.ts';
import { type DataPlane, startDataPlane } from '../server/data-plane.ts';
import type { UdpIo } from '../server/open-udp.ts';
import type { RateLimitOptions, SubnetSettings } from '../server/settings.ts';
import { type SimulationParts, simulate } from '../simulate/simulate.ts';
import { trafficShift } from '../simulate/traffic-shift.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { type Endpoint, formatEndpoint, type GeoFlag } from './flags.ts';
import { ImagePublishing } from './image-publishing.ts';
import { createNodeMetrics } from './node-metrics.ts';
import { SavedImage } from './saved-image.ts';

/** Everything that `meridian serve` can be told. */
export interface NodeOptions {
  readonly zones: string;
  readonly data: string;
  readonly dns: readonly Endpoint[];
  readonly http: Endpoint;
  readonly geo: readonly GeoFlag[];
  readonly workers: number;
  /** How UDP packets move; undefined: as well as this machine can. */
  readonly io: UdpIo | undefined;
  readonly nsid: string | undefined;
  readonly versionBind: string | undefined;
  readonly serverId: string | undefined;
  readonly ecs: SubnetSettings;
  /** Default as `startDataPlane` has it. */
  readonly protection?: {
    readonly rateLimit?: RateLimitOptions;
    readonly cookieSecrets?: readonly Uint8Array[];
  };
  readonly allowPrivateTargets: boolean;
  readonly allowExec: boolean;
  readonly adminToken: string | undefined;
  /** Names, besides loopback ones, under which the API may be called. */
  readonly hosts: readonly string[];
  readonly openMetrics: boolean;
  readonly version: string;
  readonly log: Log;
}

/** A node that serves. */
export interface RunningNode {
  /** `ADDR:PORT` as bound. */
  readonly dns: readonly string[];
  readonly http: string;
  /** The admin token, only when this start has made it. */
  readonly newToken: string | undefined;
  readonly configuration: Configuration;
  /** What was wrong with files at the first start, and with stored objects. */
  readonly problems: readonly Problem[];
  /** Stops taking queries, answers what is queued, and closes the store. */
  close(): Promise<void>;
}

/**
 * Puts one node together and starts it: store → geo → image → data plane → health → API. Throws
 * MeridianError when something that it cannot do without is missing; what was started is closed again.
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const closers: (() => void | Promise<void>)[] = [];
  const closeAll = async () => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
      try {
        await close();
      } catch (error) {
        // What comes next is to be closed all the same, the store above all.
        options.log.error({ error: errorText(error) }, `closing failed: ${errorText(error)}`);
      }
    }
  };
  try {
    return await start(options, (close) => closers.push(close), closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function start(
  options: NodeOptions,
  onClose: (close: () => void | Promise<void>) => void,
  closeAll: () => Promise<void>,
): Promise<RunningNode> {
  const { log } = options;
  const clock = systemClock;
  const store = openSqliteStore(options.data);
  onClose(() => store.close());
  const tokens = new Tokens(store, clock);
  // A chosen token is taken or refused at once; one of our own is made last, see below.
  if (options.adminToken) tokens.ensureAdmin(options.adminToken);

  // What images are compiled from.
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

  // Where they are served.
  const dataPlane = await startDataPlane({
    addresses: options.dns,
    workers: options.workers,
    ...(options.io === undefined ? {} : { io: options.io }),
    ...(options.nsid === undefined ? {} : { nsid: options.nsid }),
    ...(options.versionBind === undefined ? {} : { versionBind: options.versionBind }),
    ...(options.serverId === undefined ? {} : { serverId: options.serverId }),
    ecs: options.ecs,
    ...options.protection,
    log,
  });
  onClose(() => dataPlane.close());
  const program = `meridian ${options.version} ${process.arch}, image format 1`;
  const saved = new SavedImage({ folder: options.data, program, dataPlane, clock, log });
  onClose(() => saved.close());
  if (store.latest() > 0) await saved.serve(store.latest());
  const publishing = new ImagePublishing({ images, dataPlane: saved, latency, clock, log });
  onClose(() => publishing.close());
  geo.onChange(() => publishing.mapsMoved());

  // Health: an agent inside, by the same code as one far away.
  let agent: Agent | undefined;
  health = createHealthControl({
    clock,
    log,
    onServicesChanged: (names) => publishing.servicesMoved(names),
    onPlan: (targets) => agent?.setPlan(targets),
  });
  const control = health;
  onClose(() => control.close());
  agent = startAgent({
    agent: 'embedded',
    region: 'local',
    clock,
    random: new Random(Date.now()),
    log,
    allowPrivateTargets: options.allowPrivateTargets,
    allowExec: options.allowExec,
    report: (report) => control.receive(report),
  });
  onClose(() => agent?.close());
  onClose(keepHealth(control, store, clock, log));

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

  // Configuration: the store is the truth; the folder fills an empty one.
  const controller = await createController({
    store,
    clock,
    log,
    compile: (next) => images.prepare(next),
    publish: (update) => publishing.publish(update),
    stored: (next) => {
      configuration = next;
      control.setTraffic(next.traffic);
    },
    health: control,
    explain: (question) =>
      explain(
        {
          images,
          geo: (networks) => geo.sources(networks),
          health: (service) => control.health(service),
          estimate: latency.estimate,
        },
        question,
      ),
    measure: (samples, source) => publishing.measure(samples, source),
    reportLoad: (samples) => control.reportLoad(samples),
    trafficShift: (before, after) => trafficShift(before, after, simulation),
  });
  onClose(() => controller.close());
  const problems = [
    ...controller.unread,
    ...(await firstFill(controller, options, store.latest())),
  ];

  // The API comes last: whoever reaches it finds a node that serves.
  const api = createApi({
    controller,
    tokens,
    log,
    version: options.version,
    metrics: createNodeMetrics({
      counters: () => dataPlane.counters(),
      restarts: () => dataPlane.workers.reduce((sum, worker) => sum + worker.restarts, 0),
      controller,
    }),
    ready: () => readiness(controller, dataPlane),
    simulate: async (request) => simulate(request, simulation),
    hosts: options.hosts,
    openMetrics: options.openMetrics,
  });
  onClose(() => api.close());
  const http = await listenApi(api, options.http);
  // It is shown once. A start that fails after making it would lock everybody out for good.
  const newToken = tokens.ensureAdmin(options.adminToken);
  return {
    dns: dataPlane.addresses.map(formatEndpoint),
    http: formatEndpoint(http),
    newToken,
    configuration: controller.configuration(),
    problems,
    close: closeAll,
  };
}

async function firstFill(
  controller: RunningController,
  options: NodeOptions,
  latestRevision: number,
): Promise<readonly Problem[]> {
  if (latestRevision > 0) {
    const message = `revision ${latestRevision} of the store is served; changes of ${options.zones} come in by "meridian apply"`;
    options.log.info({ revision: latestRevision }, message);
    return [];
  }
  const { revision, problems } = await fillFromFolder(controller, options.zones);
  if (revision === 0 && problems.some((problem) => problem.severity !== 'warning')) {
    throw new MeridianError(problems);
  }
  for (const problem of problems) {
    const fields = { code: problem.code, where: problem.where };
    if (problem.severity === 'warning') options.log.info(fields, formatProblem(problem));
    else options.log.error(fields, `left out: ${formatProblem(problem)}`);
  }
  return problems;
}

function readiness(controller: RunningController, dataPlane: DataPlane) {
  const reasons: string[] = [];
  if (controller.configuration().zones.size === 0) reasons.push('no zone is configured');
  if (!dataPlane.workers.every((worker) => worker.isRunning))
    reasons.push('a query worker is being replaced');
  return { ready: reasons.length === 0, reasons };
}
