import { createApi } from '../../api/create-api.ts';
import { listenApi } from '../../api/listen-api.ts';
import type { ClusterView } from '../../control/cluster-view.ts';
import type { Controller } from '../../control/controller.ts';
import type { Tokens } from '../../control/tokens.ts';
import { createCounters, sumCounters } from '../../server/counters.ts';
import type { DataPlane } from '../../server/data-plane.ts';
import type { TrafficSums } from '../../server/traffic.ts';
import { simulate } from '../../simulate/simulate.ts';
import { formatEndpoint } from '../flags.ts';
import { createNodeMetrics } from '../node-metrics.ts';
import { settleMemory } from '../settle-memory.ts';
import type { Closers } from './closers.ts';
import type { NodeOptions } from './node-options.ts';
import type { SelfCheck } from './self-check.ts';
import { type Serving, simulationOf } from './serving.ts';

/** When what a start leaves behind is cleared away: once its own haste is over, milliseconds. */
const settleAfterMs = 1000;

const noCounters = sumCounters([createCounters()]);
const noTraffic: TrafficSums = { zones: new Map(), members: new Map() };

export interface ApiParts {
  readonly options: NodeOptions;
  readonly serving: Serving;
  readonly controller: Controller;
  readonly tokens: Tokens;
  readonly selfCheck: SelfCheck | undefined;
  /** The cluster, where this process is part of one. */
  readonly view: ClusterView | undefined;
  readonly closers: Closers;
}

/** Offers the API; the last step of a start: whoever reaches it finds a node that serves. */
export async function offerApi(parts: ApiParts): Promise<string> {
  const { options, serving, controller, tokens, selfCheck, view, closers } = parts;
  const { dataPlane } = serving;
  const simulation = simulationOf(serving);
  const api = createApi({
    controller,
    tokens,
    log: options.log,
    version: options.version,
    metrics: createNodeMetrics({
      counters: () => dataPlane?.counters() ?? noCounters,
      traffic: () => dataPlane?.traffic() ?? noTraffic,
      slots: () => serving.images.slotNames(),
      restarts: () => dataPlane?.workers.reduce((sum, worker) => sum + worker.restarts, 0) ?? 0,
      controller,
      ...(view === undefined ? {} : { cluster: view }),
    }),
    ready: () => readiness(controller, dataPlane),
    ...(view === undefined ? {} : { cluster: view, role: options.cluster?.role ?? 'all' }),
    ...(selfCheck === undefined ? {} : { selfCheck: () => selfCheck.look() }),
    simulate: async (request) => simulate(request, simulation),
    hosts: options.hosts,
    openMetrics: options.openMetrics,
  });
  closers.add(() => api.close());
  const http = formatEndpoint(await listenApi(api, options.http));
  closers.add(serving.clock.setTimer(settleAfterMs, settleMemory));
  return http;
}

function readiness(controller: Controller, dataPlane: DataPlane | undefined) {
  const reasons: string[] = [];
  if (controller.configuration().zones.size === 0) reasons.push('no zone is configured');
  if (dataPlane !== undefined && !dataPlane.workers.every((worker) => worker.isRunning))
    reasons.push('a query worker is being replaced');
  return { ready: reasons.length === 0, reasons };
}
