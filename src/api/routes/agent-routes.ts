import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { type ErrorCode, errorText, MeridianError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { AgentDesk } from '../../control/agent-desk.ts';
import { noAgents } from '../../control/traffic-form.ts';
import { maxReportBytes } from '../../health/report-codec.ts';
import { refuseGuessing } from '../access.ts';
import { answerFor, viewAgent } from '../agent-views.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { mediaTypes } from '../media-types.ts';
import { type Json, mergePatch } from '../merge-patch.ts';
import { pageOfKeys } from '../pagination.ts';
import {
  component,
  deleteAnswers,
  describeRoute,
  pageOf,
  pageQuery,
  writeAnswers,
  writeHeaders,
  writeQuery,
} from '../route-schema.ts';
import { sortedKeys } from '../sorted-keys.ts';
import { answerRead, answerWrite, notFound, removeObject, updateObject } from '../write-object.ts';
import { enrolRoute } from './enrol-route.ts';

const tags = ['agents'];
const params = Type.Object({ id: Type.String({ description: "The agent's name." }) });

/** Registers `/agents`: who belongs to the fleet, and what agents themselves ask and tell. */
export function agentRoutes(app: ApiInstance, context: ApiContext): void {
  readRoutes(app, context);
  enrolRoute(app, context);
  writeRoutes(app, context);
  const { agents: desk } = context;
  if (desk === undefined) return;
  bootRoute(app, context, desk);
  planRoute(app, context, desk);
  reportRoute(app, context, desk);
}

function readRoutes(app: ApiInstance, context: ApiContext): void {
  app.get(
    '/agents',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'List agents',
        tags,
        querystring: Type.Object(pageQuery, { additionalProperties: false }),
        answers: { 200: { description: 'One page.', schema: pageOf(component('Agent')) } },
      }),
    },
    (request, reply) => {
      const { agents = noAgents } = context.controller.configuration().traffic;
      const page = pageOfKeys(sortedKeys(agents), request.query);
      const items = page.items.map((id) => viewAgent(context, id));
      return reply.send({ items, next: page.next });
    },
  );
  app.get(
    '/agents/:id',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Read an agent, with how it is',
        tags,
        params,
        answers: { 200: { description: 'The agent.', schema: component('Agent') } },
      }),
    },
    (request, reply) => {
      const { id } = request.params;
      // How it is changes each second, what it is does not: no 304 for the former.
      delete request.headers['if-none-match'];
      return answerRead(context, request, reply, { kind: 'agent', id }, () =>
        viewAgent(context, id),
      );
    },
  );
}

function writeRoutes(app: ApiInstance, context: ApiContext): void {
  const shared = { tags, params, querystring: writeQuery, headers: writeHeaders };
  app.patch(
    '/agents/:id',
    {
      config: { access: 'write' },
      schema: describeRoute({
        summary: 'Change an agent: revoke it, move it, give it canaries',
        description:
          'The body is a JSON merge patch (RFC 7396). `{"state": "revoked"}` takes its word at once.',
        ...shared,
        consumes: [mediaTypes.mergePatch, mediaTypes.json],
        body: component<Json>('MergePatch'),
        answers: writeAnswers(component('Agent'), { creates: false }),
      }),
    },
    async (request, reply) => {
      const { id } = request.params;
      const target = { kind: 'agent', id } as const;
      const result = await updateObject(context, request, target, (before) => {
        if (before === undefined) throw notFound(target);
        return mergePatch(before, request.body);
      });
      return answerWrite(context, request, reply, result, answerFor(context, id));
    },
  );
  app.delete(
    '/agents/:id',
    {
      config: { access: 'write' },
      schema: describeRoute({
        summary: 'Remove an agent; its name is free again',
        ...shared,
        answers: deleteAnswers,
      }),
    },
    async (request, reply) => {
      const { id } = request.params;
      const result = await removeObject(context, request, { kind: 'agent', id });
      return answerWrite(context, request, reply, result, answerFor(context, id));
    },
  );
}

function bootRoute(app: ApiInstance, context: ApiContext, desk: AgentDesk): void {
  app.post(
    '/agents/:id/boots',
    {
      config: { forAgents: true },
      onRequest: async (request, reply) => demandProof(desk, request, reply),
      schema: describeRoute({
        forAgents: true,
        summary: 'For agents: take a boot number',
        description: 'Signed by the agent (`Authorization: Agent …`), as are the other requests.',
        tags,
        params,
        body: Type.Object(
          {
            current: Type.Integer({ minimum: 0, description: 'The greatest it knows of; or 0.' }),
            version: Type.String({ pattern: '^[\\x21-\\x7e]{1,32}$' }),
          },
          { additionalProperties: false },
        ),
        answers: {
          200: {
            description: 'The number.',
            schema: Type.Object({ boot: Type.Integer({ minimum: 1 }) }),
          },
        },
      }),
    },
    (request, reply) => {
      const body = JSON.stringify(request.body);
      const agent = authenticate(context, desk, request, reply, body);
      const { current, version } = request.body;
      return reply.send({ boot: desk.boot(agent, current, version) });
    },
  );
}

function planRoute(app: ApiInstance, context: ApiContext, desk: AgentDesk): void {
  app.get(
    '/agents/:id/plan',
    {
      config: { forAgents: true },
      onRequest: async (request, reply) => demandProof(desk, request, reply),
      schema: describeRoute({
        forAgents: true,
        summary: 'For agents: what to check',
        description:
          'With `If-None-Match` and `wait` the answer waits until the plan is another, or so many seconds.',
        tags,
        params,
        querystring: Type.Object(
          {
            wait: Type.Optional(Type.Integer({ minimum: 0, maximum: limits.planWaitSeconds })),
          },
          { additionalProperties: false },
        ),
        answers: {
          200: {
            description: 'The plan; its revision is in X-Revision.',
            schema: Type.Record(Type.String(), Type.Unknown()),
          },
        },
      }),
    },
    async (request, reply) => {
      const agent = authenticate(context, desk, request, reply, '');
      const known = /^"([0-9a-f]{64})"$/.exec(request.headers['if-none-match'] ?? '')?.[1];
      const { wait = 0 } = request.query;
      if (known !== undefined && wait > 0) await desk.waitForPlan(agent, known, wait * 1000);
      const plan = desk.plan(agent);
      if (plan === undefined) {
        // It was revoked or removed while it waited, which this says.
        authenticate(context, desk, request, reply, '');
        throw notFound({ kind: 'agent', id: agent });
      }
      reply.header('etag', `"${plan.digest}"`);
      reply.header('x-revision', context.controller.configuration().revision);
      if (plan.digest === known) return reply.code(304).send();
      return reply.type(mediaTypes.json).send(plan.body);
    },
  );
}

function reportRoute(app: ApiInstance, context: ApiContext, desk: AgentDesk): void {
  app.addContentTypeParser(
    mediaTypes.report,
    { parseAs: 'buffer', bodyLimit: maxReportBytes },
    (_request, body, done) => done(null, body),
  );
  app.post(
    '/agents/:id/reports',
    {
      config: { forAgents: true, takesReports: true },
      bodyLimit: maxReportBytes,
      onError: async (_request, _reply, error) => {
        if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') desk.countTooLarge();
      },
      schema: describeRoute({
        forAgents: true,
        summary: 'For agents: report',
        description: 'The body is signed itself: `docs/life-of-a-probe.md` has its form.',
        tags,
        params,
        headers: Type.Object({
          'meridian-rtt': Type.Optional(
            Type.Number({ minimum: 0, description: 'Of the report before, milliseconds.' }),
          ),
        }),
        consumes: [mediaTypes.report],
        answers: { 204: null },
      }),
    },
    (request, reply) => {
      const address = refuseGuessing(context, request, reply);
      const { body } = request;
      if (!(body instanceof Uint8Array)) {
        const message = `the body is no report; send one as ${mediaTypes.report}`;
        throw new MeridianError({ code: 'E_REPORT_FORM', message });
      }
      const rttMs = request.headers['meridian-rtt'];
      try {
        desk.take(request.params.id, body, rttMs);
      } catch (error) {
        noteForgery(context, address, error);
        throw error;
      }
      return reply.code(204).send();
    },
  );
}

/** Finds out which agent a request is of, and that it is the one of its path. */
function authenticate(
  context: ApiContext,
  desk: AgentDesk,
  request: FastifyRequest,
  reply: FastifyReply,
  body: string,
): string {
  const address = refuseGuessing(context, request, reply);
  reply.header('meridian-challenge', desk.challenge());
  try {
    const { method, url } = request;
    const agent = desk.authenticate(request.headers.authorization, { method, url, body });
    const { id } = request.params as { id: string };
    if (agent === id) return agent;
    const message = `agent "${agent}" asks for what is ${JSON.stringify(id.slice(0, 63))}'s; use its own path`;
    throw new MeridianError({ code: 'E_FORBIDDEN', message });
  } catch (error) {
    noteForgery(context, address, error);
    throw error;
  }
}

/** Says at once, before anything is read, that a request without a proof needs one. */
function demandProof(desk: AgentDesk, request: FastifyRequest, reply: FastifyReply): void {
  if (desk.hasProof(request.headers.authorization)) return;
  reply.header('www-authenticate', `Agent challenge="${desk.challenge()}"`);
  throw desk.noProof();
}

const forgeries: readonly ErrorCode[] = ['E_AGENT_SIGNATURE', 'E_AGENT_UNKNOWN'];

/** Each costs the checking of a signature, so that an address which sends many has to wait. */
function noteForgery(context: ApiContext, address: string, error: unknown): void {
  if (!(error instanceof MeridianError) || !forgeries.includes(error.code)) return;
  context.attempts.failed(address);
  context.log.warn({ address, code: error.code }, `an agent was refused: ${errorText(error)}`);
}
