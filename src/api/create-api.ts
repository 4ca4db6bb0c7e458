import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify from 'fastify';
import { systemClock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { leastTls } from './api-certificate.ts';
import type { ApiContext, ApiInstance, ApiOptions } from './api-context.ts';
import { ApiMetrics } from './api-metrics.ts';
import { EventStreams } from './event-stream.ts';
import { FailedAttempts } from './failed-attempts.ts';
import { guardHost } from './guard-host.ts';
import { mediaTypes } from './media-types.ts';
import { addComponents, openApiOptions } from './openapi.ts';
import { parseJsonBody } from './parse-body.ts';
import { errorHandler, problemDetails } from './problem-details.ts';
import { refuseMethods } from './refuse-methods.ts';
import { systemRoutes } from './routes/system-routes.ts';
import { commonHeaders, dataContentPolicy, docsContentPolicy } from './security-headers.ts';
import { unknownPath, v1Routes } from './v1-routes.ts';
import { validatorCompiler } from './validate.ts';

/**
 * Builds the admin API: routes below /v1 behind tokens, OpenAPI at /docs, /livez, /readyz, /metrics.
 * Nothing listens yet: `listenApi` does, or `inject` in tests. `close()` ends every open stream.
 */
export function createApi(options: ApiOptions): ApiInstance {
  const clock = options.clock ?? systemClock;
  const context: ApiContext = {
    ...options,
    clock,
    streams: new EventStreams(options.controller, clock, options.log, options.cluster),
    attempts: new FailedAttempts(clock),
  };
  const metrics = new ApiMetrics();
  const app = makeServer(context);
  app.setValidatorCompiler(validatorCompiler);
  // Schemas of answers are documentation, held true by tests: nothing is dropped for not being in one.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler(errorHandler(options.log));
  app.setNotFoundHandler((request) => {
    throw unknownPath(request.url);
  });
  takeJson(app);
  guardEverything(app, context, metrics);
  addComponents(app);
  app.register(fastifySwagger, openApiOptions(options.version));
  app.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    theme: { title: 'Meridian: admin API' },
    uiConfig: {
      layout: 'BaseLayout',
      deepLinking: true,
      validatorUrl: null,
      persistAuthorization: false,
    },
    staticCSP: docsContentPolicy,
  });
  app.register(async (root) => {
    const refuseOthers = refuseMethods(root, '');
    systemRoutes(root, context, metrics);
    refuseOthers();
  });
  app.register(async (v1) => v1Routes(v1, context), { prefix: '/v1' });
  return app;
}

function makeServer(context: ApiContext): ApiInstance {
  const { certificate } = context;
  const app = fastify({
    ...(certificate === undefined
      ? {}
      : { https: { cert: certificate.cert, key: certificate.key, minVersion: leastTls } }),
    logger: false,
    bodyLimit: limits.bodyBytes,
    // A master file of 64 MiB over a slow line; a head must come within node's 60 s.
    requestTimeout: 300_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: limits.pathSegmentChars },
    frameworkErrors: (error, request, reply) =>
      errorHandler(context.log)(error, request as never, reply as never),
    clientErrorHandler: (_error, socket) => {
      if (socket.destroyed || !socket.writable) return;
      const message = 'the request is not HTTP/1.1 that can be read; check what sent it';
      const body = JSON.stringify(problemDetails([{ code: 'E_HTTP', message }]));
      socket.end(
        `HTTP/1.1 400 Bad Request\r\nContent-Type: ${mediaTypes.problem}\r\n` +
          `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.server.maxConnections = limits.apiConnections;
  return app;
}

/** Bodies are JSON, plain or as a merge patch; a route that takes more adds it. */
function takeJson(app: ApiInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    [mediaTypes.json, mediaTypes.mergePatch],
    { parseAs: 'string' },
    (_request, body, done) => {
      try {
        done(null, parseJsonBody(String(body)));
      } catch (error) {
        done(error as Error);
      }
    },
  );
}

/** What holds for every request, whatever it asks for. */
function guardEverything(app: ApiInstance, context: ApiContext, metrics: ApiMetrics): void {
  const names = new Set((context.hosts ?? []).map((name) => name.toLowerCase()));
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(commonHeaders);
    reply.header('content-security-policy', dataContentPolicy);
    guardHost(request, names);
    // Before the body is read; what is below /v1 asks for the token first.
    if (request.is404 && !request.url.startsWith('/v1')) throw unknownPath(request.url);
  });
  app.addHook('onResponse', async (request, reply) => {
    metrics.observe(request, reply);
    const { method, id, identity, routeOptions } = request;
    const fields = { requestId: id, method, route: routeOptions.url, status: reply.statusCode };
    context.log.debug({ ...fields, actor: identity?.name, ms: reply.elapsedTime }, 'answered');
  });
}
