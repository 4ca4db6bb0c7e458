import { watchCertificate } from '../api/api-certificate.ts';
import { systemClock } from '../base/clock.ts';
import { errorText, formatProblem, MeridianError, type Problem } from '../base/errors.ts';
import { createController, type RunningController } from '../control/create-controller.ts';
import { explain } from '../control/explain.ts';
import { fillFromFolder } from '../control/import-folder.ts';
import { keepHealth } from '../control/keep-health.ts';
import { tokenWrite } from '../control/parse-token.ts';
import { settleTokens } from '../control/token-changes.ts';
import { adminWish, Tokens } from '../control/tokens.ts';
import type { DataPlane } from '../server/data-plane.ts';
import { simulate } from '../simulate/simulate.ts';
import { trafficShift } from '../simulate/traffic-shift.ts';
import type { Store } from '../store/store.ts';
import type { AnsweringPart } from './answering-part.ts';
import { historyOf } from './answering-threads.ts';
import { Closers } from './closers.ts';
import { FirstToken, tokenFileName } from './first-token.ts';
import type { Endpoint } from './flags.ts';
import { keepLatency } from './keep-latency.ts';
import { type FillingCluster, fillCluster } from './node/fill-cluster.ts';
import type { Membership, SharedChanges } from './node/joining.ts';
import { nodeIdOf } from './node/node-id.ts';
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
  tokens.takeEnvironment(options.adminToken);
  parts.saved.historyOf = historyOf(store);
  const membership = await join(options, parts, store, closers);
  closers.add(keepHealth(health, store, clock, log));

  // Configuration: the store is the truth; the folder fills an empty one.
  const controller = await startController(
    store,
    { ...parts, tokens },
    options,
    membership?.shared,
  );
  closers.add(() => controller.close());
  if (options.cluster?.role !== 'node') closers.add(keepMeasurements(options, parts));
  const filling: Filling = {
    controller,
    options,
    store,
    tokens,
    first: new FirstToken(options.data, log),
    isOver: false,
  };
  closers.add(() => {
    filling.isOver = true;
  });
  const filled =
    membership === undefined ? await firstFill(filling) : await enter(membership, filling);
  const ownToken = await settle(membership, filling);
  if (options.predecessor !== undefined) await membership?.hearTables();
  await beforeApi();
  if (options.predecessor !== undefined) await membership?.hearLeader();

  // Loaded here, when the configuration is served: it takes a quarter of a second.
  const { createApi } = await import('../api/create-api.ts');
  const { apiDescriptor, closeApi, listenApi, tlsServerOf } = await import('../api/listen-api.ts');
  const { selfCheck } = parts;
  const view = membership?.view;
  const { certificate } = options;
  let certificateInUse = () => certificate;
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
      certificate: () => certificateInUse(),
    }),
    ...(view === undefined
      ? { nodeId: nodeIdOf(undefined, options.data) }
      : { cluster: view, role: options.cluster?.role ?? 'all' }),
    ...(selfCheck === undefined ? {} : { selfCheck: () => selfCheck.look() }),
    // Agents report to controllers.
    ...(options.cluster?.role === 'node' ? {} : { agents: desk }),
    ready: () => readiness(controller, dataPlane),
    simulate: async (request) => simulate(request, simulation),
    hosts: options.hosts,
    openMetrics: options.openMetrics,
    ...(certificate === undefined ? {} : { certificate }),
  });
  closers.add(() => closeApi(api));
  const tlsServer = tlsServerOf(api);
  if (certificate !== undefined && tlsServer !== undefined) {
    const watched = watchCertificate(certificate, tlsServer, clock, log);
    closers.add(() => watched.close());
    certificateInUse = () => watched.current;
  }
  const http = await listenApi(api, place);
  closers.add(clock.setTimer(settleAfterMs, settleMemory));
  const waiting = filling.first.waiting();
  const isShared = waiting !== undefined && tokens.verify(waiting) !== undefined;
  const newToken = ownToken ?? (isShared ? waiting : undefined);
  return {
    http,
    httpDescriptor: apiDescriptor(api),
    newToken,
    problems: [...controller.unread, ...filled],
    close: () => closers.closeAll(),
  };
}

/** What is measured outlives this process; nodes of a cluster measure nothing themselves. */
function keepMeasurements(options: NodeOptions, parts: AnsweringPart): () => void {
  return keepLatency({
    folder: options.data,
    table: parts.latency,
    clock: systemClock,
    log: options.log,
    regions: () => parts.configuration().traffic.regions,
    onRestored: () => parts.publishing.latencyMoved(),
  });
}

function startController(
  store: Store,
  parts: AnsweringPart & { readonly tokens: Tokens },
  { log }: NodeOptions,
  shared: SharedChanges = {},
): Promise<RunningController> {
  const { geo, images, latency, publishing, health, simulation } = parts;
  return createController({
    store,
    clock: systemClock,
    log,
    compile: (next) => images.prepareInSlices(next),
    publish: async (update) => {
      await publishing.publish(update);
      shared.published?.(update.revision);
    },
    stored: (next) => {
      parts.tokens.follow(next);
      parts.follow(next);
    },
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
  closers: Closers,
): Promise<Membership | undefined> {
  const { cluster } = options;
  if (cluster === undefined) return undefined;
  const { joinCluster } = await import('./node/joining.ts');
  return joinCluster({ options, cluster, answering: parts, store, closers });
}

/** What fills an empty store. */
interface Filling {
  readonly controller: RunningController;
  readonly options: NodeOptions;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly first: FirstToken;
  /** This process ends, or leaves the store to another. */
  isOver: boolean;
}

/**
 * Enters the cluster. A process that has nothing yet waits for what the cluster has; where that is
 * nothing either, the first leader fills it from its folder of zones.
 */
async function enter(membership: Membership, filling: Filling): Promise<readonly Problem[]> {
  const { controller, options, store } = filling;
  await membership.start(controller);
  if (store.latest() > 0) return [];
  const leads = await membership.settle();
  // Once here, so that a folder that cannot be used ends the start; then beside all else.
  if (leads) return fillCluster(clusterFilling(membership, filling), 1);
  if (store.latest() === 0) {
    options.log.warn({}, 'the cluster has not answered with a configuration yet; waiting for it');
  }
  return [];
}

/**
 * Sees to it that somebody can get in: at once where this process may make revisions, else whenever it
 * comes to lead. Returns the secret of a token that is this process's own.
 */
async function settle(
  membership: Membership | undefined,
  filling: Filling,
): Promise<string | undefined> {
  const { controller, options, store, tokens, first } = filling;
  if (options.cluster?.role === 'node') return tokens.ensureOwnAdmin();
  const settleNow = () => settleTokens(controller, tokens, () => first.secret());
  if (membership === undefined) {
    await settleNow();
    return undefined;
  }
  let filled: Promise<unknown> | undefined;
  const lead = async () => {
    filled ??= fillCluster(clusterFilling(membership, filling)).finally(() => {
      filled = undefined;
    });
    await filled;
    if (!membership.leads) return;
    await settleNow();
    const waiting = first.waiting();
    if (waiting === undefined || tokens.verify(waiting) === undefined) return;
    first.keep(waiting);
    options.log.info({}, `the admin token is in ${tokenFileName} of the data folder`);
  };
  const failed = (error: unknown) =>
    options.log.error({ error }, `the cluster could not be filled: ${errorText(error)}`);
  membership.onLead = () => void lead().catch(failed);
  if (membership.leads && store.latest() === 0) membership.onLead();
  else if (membership.leads) await settleNow().catch(failed);
  return undefined;
}

function clusterFilling(membership: Membership, filling: Filling): FillingCluster {
  return {
    log: filling.options.log,
    isEmpty: () => !filling.isOver && filling.store.latest() === 0,
    leads: () => membership.leads,
    fill: () => firstFill(filling),
    pause: (delayMs) => new Promise((done) => void systemClock.setTimer(delayMs, done)),
  };
}

async function firstFill(filling: Filling): Promise<readonly Problem[]> {
  const { controller, options, store, tokens, first } = filling;
  const latestRevision = store.latest();
  if (latestRevision > 0) {
    const message = `revision ${latestRevision} of the store is served; changes of ${options.zones} come in by "meridian apply"`;
    options.log.info({ revision: latestRevision }, message);
    return [];
  }
  const admin = tokens.hasAdmin() ? [] : [tokens.draft(adminWish, first.secret()).token];
  const { revision, problems } = await fillFromFolder(
    controller,
    options.zones,
    admin.map(tokenWrite),
  );
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
