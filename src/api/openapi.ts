import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { ApiInstance } from './api-context.ts';
import { answerComponents } from './components.ts';
import { objectComponents } from './object-components.ts';

const tags = [
  { name: 'zones', description: 'Zones and their RRsets.' },
  { name: 'regions', description: 'Places where services run: their dial, state and drills.' },
  { name: 'services', description: 'What is steered: members and policies.' },
  { name: 'monitors', description: 'What is checked, and how.' },
  {
    name: 'agents',
    description: 'The probe fleet: who belongs to it, and what it asks and tells.',
  },
  { name: 'networks', description: "The operator's own knowledge of client networks." },
  { name: 'health', description: 'Verdicts, and the votes behind them.' },
  { name: 'measurements', description: 'Round-trip times and load, as the world reports them.' },
  { name: 'explain', description: 'What a client gets, and why.' },
  { name: 'simulations', description: 'What would happen if.' },
  { name: 'revisions', description: 'History, differences, rollback and audit.' },
  { name: 'events', description: 'What happens now.' },
  { name: 'nodes', description: 'The members of a cluster.' },
  { name: 'tokens', description: 'Who may do what.' },
  { name: 'system', description: 'Liveness, readiness, metrics.' },
];

const description = `Every change is one revision, on disk before its 2xx. Writers that read before
send the ETag that they read as \`If-Match\`; \`?dryRun=1\` shows what a write would do and how traffic
would move; \`Idempotency-Key\` makes a repeated write safe. Errors are problems (RFC 9457) with a
stable code. Writes answer with the number of their revision in \`X-Revision\`.`;

/** Settings of the OpenAPI document. */
export function openApiOptions(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Meridian', description, version, license: { name: 'MIT' } },
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description: 'The token printed on first start, or one made at /v1/tokens.',
          },
          agent: {
            type: 'apiKey',
            in: 'header',
            name: 'Authorization',
            description:
              '`Agent NAME:CHALLENGE:SIGNATURE`: Ed25519 over the challenge of `WWW-Authenticate` and ' +
              'the request. Reports are signed themselves.',
          },
        },
      },
      tags,
    },
    transform: ({ schema, url, route }) => {
      const method = String([route.method].flat()[0]).toLowerCase();
      return { schema: { ...schema, operationId: operationId(method, url) }, url };
    },
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) =>
        String(json['$id'] ?? `def-${index}`),
    },
  };
}

/** `GET /v1/zones/:zone/rrsets` → `getZonesByZoneRrsets`: stable names for generated clients. */
function operationId(method: string, url: string): string {
  const words = url
    .replace(/^\/v1/, '')
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) =>
      segment
        .replace(/^:/, 'by-')
        .replace(/(^|-)(\w)/g, (_, _dash, letter) => letter.toUpperCase()),
    );
  return method + (words.join('') || 'Overview');
}

/** Makes the components known to an instance, so that routes can refer to them. */
export function addComponents(app: ApiInstance): void {
  const components = { ...answerComponents, ...objectComponents };
  for (const [name, schema] of Object.entries(components)) {
    app.addSchema({ ...schema, $id: name });
  }
}
