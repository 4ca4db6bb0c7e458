import { systemClock } from '../base/clock.ts';
import type { Problem } from '../base/errors.ts';
import type { RunningController } from '../control/create-controller.ts';
import { Tokens } from '../control/tokens.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { formatEndpoint } from './flags.ts';
import { startAnycast } from './node/anycast.ts';
import { Closers } from './node/closers.ts';
import { firstFill, startControlling } from './node/controlling.ts';
import type { Membership } from './node/joining.ts';
import { startJudging } from './node/judging.ts';
import { LiveState } from './node/live-state.ts';
import type { NodeOptions, RunningNode } from './node/node-options.ts';
import { offerApi } from './node/offering-api.ts';
import { type Serving, startServing } from './node/serving.ts';

/**
 * Puts one node together and starts it: store → geo → image → data plane → health → API; in a cluster
 * its membership stands between the data plane and the API. Throws MeridianError when something that it
 * cannot do without is missing; what was started is closed again.
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const closers = new Closers(options.log);
  try {
    return await start(options, closers);
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

async function start(options: NodeOptions, closers: Closers): Promise<RunningNode> {
  const store = openSqliteStore(options.data);
  closers.add(() => store.close());
  const tokens = new Tokens(store, systemClock);
  // A chosen token is taken or refused at once; one of our own is made last, see below.
  if (options.adminToken) tokens.ensureAdmin(options.adminToken);

  const serving = await startServing(options, new LiveState(), store, closers);
  const membership = await join(options, serving, store, tokens, closers);
  const health = membership?.health ?? startJudging(options, serving, store, closers);
  // The store is the truth; the folder fills an empty one.
  const controller = await startControlling(
    ...([options, serving, health, store, closers, membership?.shared] as const),
  );
  const filled =
    membership === undefined
      ? await firstFill(controller, options, store.latest())
      : await enter(membership, controller, options, store);
  const selfCheck = startAnycast(options, serving, closers);
  const view = membership?.view;
  const http = await offerApi({ options, serving, controller, tokens, selfCheck, view, closers });
  // It is shown once. A start that fails after making it would lock everybody out for good.
  const newToken = tokens.ensureAdmin(options.adminToken);
  return {
    dns: (serving.dataPlane?.addresses ?? []).map(formatEndpoint),
    http,
    newToken,
    configuration: controller.configuration(),
    problems: [...controller.unread, ...filled],
    close: () => closers.closeAll(),
  };
}

/** Prepares the membership in a cluster; nothing of it is loaded by a process of its own. */
async function join(
  options: NodeOptions,
  serving: Serving,
  store: Store,
  tokens: Tokens,
  closers: Closers,
): Promise<Membership | undefined> {
  const { cluster } = options;
  if (cluster === undefined) return undefined;
  const { joinCluster } = await import('./node/joining.ts');
  return joinCluster({ options, cluster, serving, store, tokens, closers });
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
