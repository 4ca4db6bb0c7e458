import { createApi } from '../api/create-api.ts';
import { apiDescriptor, closeApi, listenApi } from '../api/listen-api.ts';
import { systemClock } from '../base/clock.ts';
import { formatProblem, MeridianError, type Problem } from '../base/errors.ts';
import { createController, type RunningController } from '../control/create-controller.ts';
import { explain } from '../control/explain.ts';
import { fillFromFolder } from '../control/import-folder.ts';
import { keepHealth } from '../control/keep-health.ts';
import { Tokens } from '../control/tokens.ts';
import type { DataPlane } from '../server/data-plane.ts';
import { simulate } from '../simulate/simulate.ts';
import { trafficShift } from '../simulate/traffic-shift.ts';
import type { Store } from '../store/store.ts';
import type { AnsweringPart } from './answering-part.ts';
import { Closers } from './closers.ts';
import type { Endpoint } from './flags.ts';
import { createNodeMetrics } from './node-metrics.ts';
import type { NodeOptions } from './node-options.ts';
import { joinProblems } from './output.ts';
import { settleMemory } from './settle-memory.ts';

/** When what a start leaves behind is cleared away: once its own haste is over, milliseconds. */
const settleAfterMs = 1000;

/** What has the store: the controller and the API. */
export interface ControlPart {
  readonly http: Endpoint;
  /** The API's socket as a file descriptor; undefined where the platform has none. */
  readonly httpDescriptor: number | undefined;
  /** The admin token, only when this start has made it. */
  readonly newToken: string | undefined;
  /** What was wrong with files at the first start, and with stored objects. */
  readonly problems: readonly Problem[];
  /** Answers the requests under way, and closes the store. */
  close(): Promise<void>;
}

/** Where the API listens: at an address, or on a socket that does so already. */
export interface HttpPlace extends Endpoint {
  readonly descriptor?: number;
}

/**
 * Starts the controller on a store, and then the API; what was started is closed again on failure.
 * `beforeApi` is waited for when the configuration is served, and before anything can be changed.
 */
export async function startControl(
  options: NodeOptions,
  store: Store,
  parts: AnsweringPart,
  place: HttpPlace,
  beforeApi: () => Promise<void> = async () => {},
): Promise<ControlPart> {
  const closers = new Closers(options.log);
  closers.add(() => store.close());
  try {
    return await start(options, store, parts, { place, beforeApi }, closers);
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

async function start(
  options: NodeOptions,
  store: Store,
  parts: AnsweringPart,
  { place, beforeApi }: { place: HttpPlace; beforeApi: () => Promise<void> },
  closers: Closers,
): Promise<ControlPart> {
  const { log } = options;
  const clock = systemClock;
  const { dataPlane, health, desk, simulation } = parts;
  const tokens = new Tokens(store, clock);
  // A chosen token is taken or refused at once; one of our own is made last, see below.
  if (options.adminToken) tokens.ensureAdmin(options.adminToken);
  closers.add(keepHealth(health, store, clock, log));

  // Configuration: the store is the truth; the folder fills an empty one.
  const controller = await startController(store, parts, options);
  closers.add(() => controller.close());
  const filled = await firstFill(controller, options, store.latest());
  await beforeApi();

  // The API comes last: whoever reaches it finds a node that serves.
  const api = createApi({
    controller,
    tokens,
    log,
    version: options.version,
    metrics: createNodeMetrics({
      counters: () => dataPlane.counters(),
      traffic: () => dataPlane.traffic(),
      slots: () => parts.images.slotNames(),
      restarts: () => dataPlane.workers.reduce((sum, worker) => sum + worker.restarts, 0),
      controller,
      agents: desk,
    }),
    agents: desk,
    ready: () => readiness(controller, dataPlane),
    simulate: async (request) => simulate(request, simulation),
    hosts: options.hosts,
    openMetrics: options.openMetrics,
  });
  closers.add(() => closeApi(api));
  const http = await listenApi(api, place);
  closers.add(clock.setTimer(settleAfterMs, settleMemory));
  // It is shown once. A start that fails after making it would lock everybody out for good.
  const newToken = tokens.ensureAdmin(options.adminToken);
  return {
    http,
    httpDescriptor: apiDescriptor(api),
    newToken,
    problems: [...controller.unread, ...filled],
    close: () => closers.closeAll(),
  };
}

function startController(
  store: Store,
  parts: AnsweringPart,
  { log }: NodeOptions,
): Promise<RunningController> {
  const { geo, images, latency, publishing, health, simulation } = parts;
  return createController({
    store,
    clock: systemClock,
    log,
    compile: (next) => images.prepare(next),
    publish: (update) => publishing.publish(update),
    stored: (next) => parts.follow(next),
    health,
    explain: (question) =>
      explain(
        {
          images,
          geo: (networks) => geo.sources(networks),
          health: (service) => health.health(service),
          estimate: latency.estimate,
          blend: latency.blend,
        },
        question,
      ),
    measure: (samples, source) => publishing.measure(samples, source),
    reportLoad: (samples) => health.reportLoad(samples),
    trafficShift: (before, after) => trafficShift(before, after, simulation),
  });
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
  // A zone is looked at as a file, and again as part of the change.
  for (const problem of joinProblems(problems)) {
    const fields = { code: problem.code, where: problem.where };
    if (problem.severity === 'warning') options.log.info(fields, formatProblem(problem));
    else options.log.error(fields, `left out: ${formatProblem(problem)}`);
  }
  if (problems.some((problem) => problem.severity !== 'warning')) {
    // The store counts from now on: a restart would not look at the folder again.
    const remedy = `mend what was left out of ${options.zones}, then bring it in: meridian apply ${options.zones}`;
    options.log.error({ revision }, remedy);
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
