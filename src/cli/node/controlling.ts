import { formatProblem, MeridianError, type Problem } from '../../base/errors.ts';
import type { HealthControl } from '../../control/apply-health.ts';
import type { HealthView, LoadSample, RttSample } from '../../control/controller.ts';
import { createController, type RunningController } from '../../control/create-controller.ts';
import { explain } from '../../control/explain.ts';
import { fillFromFolder } from '../../control/import-folder.ts';
import type { Replication } from '../../control/replication.ts';
import { trafficShift } from '../../simulate/traffic-shift.ts';
import type { Store } from '../../store/store.ts';
import { joinProblems } from '../output.ts';
import type { Closers } from './closers.ts';
import type { NodeOptions } from './node-options.ts';
import { type Serving, simulationOf } from './serving.ts';

/** Health as a controller needs it: a fleet, or in a cluster whatever counts at the moment. */
export type NodeHealth = HealthView & Pick<HealthControl, 'setTraffic' | 'reportLoad'>;

/** What a cluster wants to know of; all of it absent in a process of its own. */
export interface SharedChanges {
  readonly replication?: Replication;
  /** A revision is served here. */
  published?(revision: number): void;
  measured?(samples: readonly RttSample[], source: string | undefined): void;
  loaded?(samples: readonly LoadSample[]): void;
}

/** Starts the way of a change on a store: what is there is served when this resolves. */
export async function startControlling(
  options: NodeOptions,
  serving: Serving,
  health: NodeHealth,
  store: Store,
  closers: Closers,
  shared: SharedChanges = {},
): Promise<RunningController> {
  const { clock, state, geo, latency, images, publishing } = serving;
  const simulation = simulationOf(serving);
  const controller = await createController({
    store,
    clock,
    log: options.log,
    compile: (next) => images.prepare(next),
    publish: async (update) => {
      await publishing.publish(update);
      shared.published?.(update.revision);
    },
    stored: (next) => {
      state.configuration = next;
      health.setTraffic(next.traffic);
    },
    health,
    explain: (question) =>
      explain(
        {
          images,
          geo: (networks) => geo.sources(networks),
          health: (service) => state.health(service),
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
  closers.add(() => controller.close());
  return controller;
}

/**
 * Fills an empty store from the folder of zones, and says what of it had to be left out. Throws
 * MeridianError when nothing of it could be taken.
 */
export async function firstFill(
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
