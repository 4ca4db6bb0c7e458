import { Type } from 'typebox';
import { errorCodes } from '../../base/errors.ts';
import { checkMetricsAccess } from '../access.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import type { ApiMetrics } from '../api-metrics.ts';
import { statusOf } from '../problem-details.ts';
import { component, describeRoute } from '../route-schema.ts';
import { escapeHtml } from '../security-headers.ts';

const tags = ['system'];
const prometheus = 'text/plain; version=0.0.4; charset=utf-8';

/** Registers what is outside /v1: liveness, readiness, metrics, the page of error codes. */
export function systemRoutes(app: ApiInstance, context: ApiContext, metrics: ApiMetrics): void {
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/docs/', 302));
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
  const errorsPage = renderErrors();
  app.get('/docs/errors', { schema: { hide: true } }, (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(errorsPage),
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

/** The page that problems' `type` points into. */
function renderErrors(): string {
  const rows = Object.entries(errorCodes)
    .map(([code, headline]) => {
      const status = statusOf(code as keyof typeof errorCodes);
      const name = escapeHtml(code);
      return `<tr id="${name}"><td><code>${name}</code></td><td>${status}</td><td>${escapeHtml(headline)}</td></tr>`;
    })
    .join('\n');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Meridian: error codes</title>
<h1>Error codes</h1>
<table>
<tr><th>Code</th><th>HTTP status</th><th>Means</th></tr>
${rows}
</table>
</html>
`;
}
