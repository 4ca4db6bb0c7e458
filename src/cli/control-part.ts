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
import { historyOf } from './answering-threads.ts';
import { Closers } from './closers.ts';
import type { Endpoint } from './flags.ts';
import { startAnycast } from './node/anycast.ts';
import type { Membership, SharedChanges } from './node/joining.ts';
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
  // An image is labelled with the store's history: the last one is saved while that can be read.
  closers.add(() => parts.saved.close());
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
  parts.saved.historyOf = historyOf(store);
  const membership = await join(options, parts, store, tokens, closers);
  closers.add(keepHealth(health, store, clock, log));

  // Configuration: the store is the truth; the folder fills an empty one.
  const controller = await startController(store, parts, options, membership?.shared);
  closers.add(() => controller.close());
  const filled =
    membership === undefined
      ? await firstFill(controller, options, store.latest())
      : await enter(membership, controller, options, store);
  await beforeApi();

  // Loaded here, when the configuration is served: it takes a quarter of a second.
  const { createApi } = await import('../api/create-api.ts');
  const { apiDescriptor, closeApi, listenApi } = await import('../api/listen-api.ts');
  const selfCheck = startAnycast(options, parts, closers);
  const view = membership?.view;
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
      ...(view === undefined ? {} : { cluster: view }),
      agents: desk,
    }),
    ...(view === undefined ? {} : { cluster: view, role: options.cluster?.role ?? 'all' }),
    ...(selfCheck === undefined ? {} : { selfCheck: () => selfCheck.look() }),
    // Agents report to controllers.
    ...(options.cluster?.role === 'node' ? {} : { agents: desk }),
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
  shared: SharedChanges = {},
): Promise<RunningController> {
  const { geo, images, latency, publishing, health, simulation } = parts;
  return createController({
    store,
    clock: systemClock,
    log,
    compile: (next) => images.prepare(next),
    publish: async (update) => {
      await publishing.publish(update);
      shared.published?.(update.revision);
    },
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
    measure: (samples, source) => {
      shared.measured?.(samples, source);
      return publishing.measure(samples, source);
    },
    reportLoad: (samples) => {
      shared.loaded?.(samples);
      return health.reportLoad(samples);
    },
    ...(shared.replication === undefined ? {} : { replication: shared.replication }),
    trafficShift: (before, after) => trafficShift(before, after, simulation),
  });
}

/** Prepares the membership in a cluster; nothing of it is loaded by a process of its own. */
async function join(
  options: NodeOptions,
  parts: AnsweringPart,
  store: Store,
  tokens: Tokens,
  closers: Closers,
): Promise<Membership | undefined> {
  const { cluster } = options;
  if (cluster === undefined) return undefined;
  const { joinCluster } = await import('./node/joining.ts');
  return joinCluster({ options, cluster, answering: parts, store, tokens, closers });
}

/**
 * Enters the cluster. A process that has nothing yet waits for what the cluster has; where that is
 * nothing either, the first leader fills it from its folder of zones.
 */
async function enter(
  membership: Membership,
  controller: RunningController,
  options: NodeOptions,
  store: Store,
): Promise<readonly Problem[]> {
  await membership.start(controller);
  if (store.latest() > 0) return [];
  const leads = await membership.settle();
  if (leads) return store.latest() > 0 ? [] : firstFill(controller, options, 0);
  if (store.latest() === 0) {
    options.log.warn({}, 'the cluster has not answered with a configuration yet; waiting for it');
    membership.onFirstLead(() => {
      firstFill(controller, options, 0).catch((error) =>
        options.log.error({ error }, `the folder of zones could not be taken: ${error}`),
      );
    });
  }
  return [];
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
