import { Type } from 'typebox';
import { MeridianError } from '../base/errors.ts';
import { requireAccess } from './access.ts';
import type { ApiContext, ApiInstance } from './api-context.ts';
import { forwardToLeader, isForLeader } from './forward-writes.ts';
import { essence, mediaTypes, preferredType } from './media-types.ts';
import { wrongMediaType } from './problem-details.ts';
import { refuseMethods } from './refuse-methods.ts';
import { component, describeRoute } from './route-schema.ts';
import { agentRoutes } from './routes/agent-routes.ts';
import { changeRoutes } from './routes/change-routes.ts';
import { collectionRoutes } from './routes/collection-routes.ts';
import { eventRoutes } from './routes/event-routes.ts';
import { explainRoutes } from './routes/explain-routes.ts';
import { healthRoutes } from './routes/health-routes.ts';
import { measurementRoutes } from './routes/measurement-routes.ts';
import { nodeRoutes } from './routes/node-routes.ts';
import { revisionRoutes } from './routes/revision-routes.ts';
import { rrsetRoutes } from './routes/rrset-routes.ts';
import { serviceRoutes } from './routes/service-routes.ts';
import { simulationRoutes } from './routes/simulation-routes.ts';
import { tokenRoutes } from './routes/token-routes.ts';
import { zoneRoutes } from './routes/zone-routes.ts';
import { readWait, waitUntilServed } from './wait-served.ts';

/** Registers everything below /v1: all of it behind a token. */
export function v1Routes(app: ApiInstance, context: ApiContext): void {
  app.addHook('onRequest', async (request, reply) => {
    requireAccess(context, request, reply);
    if (request.is404) throw unknownPath(request.url);
    reply.header('cache-control', 'no-store');
    const {
      produces: offered = [mediaTypes.json],
      takesCsv,
      takesMasterFiles,
      takesReports,
    } = request.routeOptions.config;
    const sent = essence(request.headers['content-type']);
    const isMisplaced =
      (sent === mediaTypes.dns && takesMasterFiles !== true) ||
      (sent === mediaTypes.csv && takesCsv !== true) ||
      (sent === mediaTypes.report && takesReports !== true) ||
      (sent === mediaTypes.mergePatch && request.method !== 'PATCH');
    if (isMisplaced) throw wrongMediaType(request);
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (reads && preferredType(request.headers.accept, offered) === undefined) {
      throw new MeridianError({
        code: 'E_NOT_ACCEPTABLE',
        message: `Accept ${JSON.stringify(request.headers.accept?.slice(0, 80))} leaves nothing; there is ${offered.join(' and ')}`,
        where: 'Accept',
      });
    }
    if (isForLeader(context, request)) return forwardToLeader(context, request, reply);
  });
  app.addHook('preHandler', async (request) => void readWait(request));
  app.addHook('onSend', (request, reply) => waitUntilServed(context, request, reply));
  app.setNotFoundHandler((request) => {
    throw unknownPath(request.url);
  });
  const refuseOthers = refuseMethods(app, '/v1');
  indexRoute(app, context);
  zoneRoutes(app, context);
  rrsetRoutes(app, context);
  collectionRoutes(app, context);
  serviceRoutes(app, context);
  healthRoutes(app, context);
  measurementRoutes(app, context);
  changeRoutes(app, context);
  revisionRoutes(app, context);
  nodeRoutes(app, context);
  tokenRoutes(app, context);
  agentRoutes(app, context);
  explainRoutes(app, context);
  if (context.simulate !== undefined) simulationRoutes(app, context.simulate);
  eventRoutes(app, context);
  refuseOthers();
}

/** The error for a path that leads nowhere. */
export function unknownPath(url: string): MeridianError {
  return new MeridianError({
    code: 'E_NOT_FOUND',
    message: `nothing is at ${JSON.stringify(url.split('?', 1)[0]?.slice(0, 200))}; /docs shows every path`,
  });
}

function indexRoute(app: ApiInstance, context: ApiContext): void {
  app.get(
    '',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'What this server holds',
        tags: ['system'],
        querystring: Type.Object({}, { additionalProperties: false }),
        answers: { 200: { description: 'Counts.', schema: component('Overview') } },
      }),
    },
    (_request, reply) => {
      const { revision, zones, traffic } = context.controller.configuration();
      return reply.send({
        version: context.version,
        revision,
        zones: zones.size,
        regions: traffic.regions.size,
        monitors: traffic.monitors.size,
        services: traffic.services.size,
        networks: traffic.networks.length,
      });
    },
  );
}
