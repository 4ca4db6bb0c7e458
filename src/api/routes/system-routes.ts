import { resolve } from 'node:path';
import { Type } from 'typebox';
import { checkMetricsAccess } from '../access.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import type { ApiMetrics } from '../api-metrics.ts';
import { errorsPage } from '../errors-page.ts';
import { icon } from '../icon.ts';
import { component, describeRoute } from '../route-schema.ts';
import { docsContentPolicy } from '../security-headers.ts';

const tags = ['system'];
const prometheus = 'text/plain; version=0.0.4; charset=utf-8';

/** Registers what is outside /v1: liveness, readiness, metrics, the page of error codes. */
export function systemRoutes(app: ApiInstance, context: ApiContext, metrics: ApiMetrics): void {
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/docs/', 302));
  app.get(icon.path, { schema: { hide: true } }, (_request, reply) =>
    reply.header('cache-control', 'max-age=86400').type(icon.type).send(icon.content),
  );
  app.get(
    '/livez',
    {
      schema: describeRoute({
        summary: 'Whether the process answers at all',
        tags,
        open: true,
        answers: { 200: { description: 'It does.', schema: component('Alive') } },
      }),
    },
    (_request, reply) => reply.send({ alive: true, version: context.version }),
  );
  app.get(
    '/readyz',
    {
      schema: describeRoute({
        summary: 'Whether this node serves',
        tags,
        open: true,
        answers: {
          200: { description: 'It does.', schema: component('Ready') },
          503: { description: 'It does not, and why.', schema: component('Ready') },
        },
      }),
    },
    (_request, reply) => {
      const { ready, reasons } = context.ready();
      return reply.code(ready ? 200 : 503).send({ ready, reasons });
    },
  );
  app.get(
    '/metrics',
    {
      schema: describeRoute({
        summary: 'Metrics for Prometheus',
        description: 'Open to clients on the same machine; others need a token that may read.',
        tags,
        answers: {
          200: { description: 'Metrics.', content: { 'text/plain': Type.String() } },
        },
      }),
      onRequest: async (request, reply) => checkMetricsAccess(context, request, reply),
    },
    async (_request, reply) => {
      const parts = [await context.metrics(), await metrics.text()];
      return reply.type(prometheus).send(parts.map((part) => `${part.trimEnd()}\n`).join('\n'));
    },
  );
  anycastRoute(app, context);
  const errors = errorsPage(resolve(import.meta.dirname, '../../../docs/errors.md'));
  app.get('/docs/errors', { schema: { hide: true } }, (_request, reply) =>
    reply
      .header('content-security-policy', docsContentPolicy)
      .type('text/html; charset=utf-8')
      .send(errors),
  );
}

function anycastRoute(app: ApiInstance, { selfCheck }: ApiContext): void {
  if (selfCheck === undefined) return;
  app.get(
    '/anycast',
    {
      schema: describeRoute({
        summary: 'Whether this node answers queries: the route to it may be announced',
        description:
          'A real query to each of its listeners, at most once a second. Controllers and the bus do ' +
          'not matter, nor how old the configuration is.',
        tags,
        open: true,
        answers: {
          200: { description: 'It answers.', schema: component('SelfCheck') },
          503: { description: 'It does not, and why.', schema: component('SelfCheck') },
        },
      }),
    },
    async (_request, reply) => {
      const result = await selfCheck();
      return reply.code(result.answers ? 200 : 503).send(result);
    },
  );
}
