import { systemClock } from '../base/clock.ts';
import { Tokens } from '../control/tokens.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { formatEndpoint } from './flags.ts';
import { startAnycast } from './node/anycast.ts';
import { Closers } from './node/closers.ts';
import { firstFill, startControlling } from './node/controlling.ts';
import { startJudging } from './node/judging.ts';
import { LiveState } from './node/live-state.ts';
import type { NodeOptions, RunningNode } from './node/node-options.ts';
import { offerApi } from './node/offering-api.ts';
import { startServing } from './node/serving.ts';

/**
 * Puts one node together and starts it: store → geo → image → data plane → health → API. Throws
 * MeridianError when something that it cannot do without is missing; what was started is closed again.
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
  const health = startJudging(options, serving, store, closers);
  // The store is the truth; the folder fills an empty one.
  const controller = await startControlling(options, serving, health, store, closers);
  const problems = [
    ...controller.unread,
    ...(await firstFill(controller, options, store.latest())),
  ];
  const selfCheck = startAnycast(options, serving, closers);
  const http = await offerApi(options, serving, controller, tokens, selfCheck, closers);
  // It is shown once. A start that fails after making it would lock everybody out for good.
  const newToken = tokens.ensureAdmin(options.adminToken);
  return {
    dns: (serving.dataPlane?.addresses ?? []).map(formatEndpoint),
    http,
    newToken,
    configuration: controller.configuration(),
    problems,
    close: () => closers.closeAll(),
  };
}
