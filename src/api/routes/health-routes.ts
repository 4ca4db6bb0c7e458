import { Type } from 'typebox';
import { MeridianError } from '../../base/errors.ts';
import type { AgentRegion } from '../../health/agent-record.ts';
import type { Verdict } from '../../health/verdict.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { pageOfKeys, pageOfNumbered } from '../pagination.ts';
import { component, describeRoute, pageOf, pageQuery } from '../route-schema.ts';
import { sortedKeys } from '../sorted-keys.ts';
import { notFound } from '../write-object.ts';

const tags = ['health'];

/** Registers `/health` and `/health-events`. */
export function healthRoutes(app: ApiInstance, context: ApiContext): void {
  serviceRoutes(app, context);
  memberRoute(app, context);
  eventsRoute(app, context);
}

function serviceRoutes(app: ApiInstance, context: ApiContext): void {
  const { controller } = context;
  app.get(
    '/health',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Health of all services',
        tags,
        querystring: Type.Object(pageQuery, { additionalProperties: false }),
        answers: {
          200: {
            description: 'Services, and the agent regions that judge them.',
            schema: Type.Intersect([
              pageOf(component('ServiceHealth')),
              Type.Object({ agentRegions: Type.Array(component('AgentRegion')) }),
            ]),
          },
        },
      }),
    },
    (request, reply) => {
      const names = sortedKeys(controller.configuration().traffic.services);
      const page = pageOfKeys(names, request.query);
      const items = page.items.map((service) => viewService(context, service));
      const agentRegions = controller.health().agentRegions().map(viewRegion);
      return reply.send({ items, next: page.next, agentRegions });
    },
  );
  app.get(
    '/health/:service',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Health of a service',
        tags,
        params: Type.Object({ service: Type.String() }),
        answers: { 200: { description: 'The service.', schema: component('ServiceHealth') } },
      }),
    },
    (request, reply) => reply.send(viewService(context, request.params.service)),
  );
}

function memberRoute(app: ApiInstance, context: ApiContext): void {
  const { controller } = context;
  app.get(
    '/health/:service/:member',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Health of a member: every target with the votes behind its verdict',
        tags,
        params: Type.Object({ service: Type.String(), member: Type.String() }),
        answers: { 200: { description: 'The member.', schema: component('MemberTargets') } },
      }),
    },
    (request, reply) => {
      const { service, member } = request.params;
      const known = viewService(context, service).members.find((each) => each.member === member);
      if (known === undefined) {
        throw new MeridianError({
          code: 'E_NOT_FOUND',
          message: `service "${service}" has no member ${JSON.stringify(member.slice(0, 80))}; GET /v1/health/${encodeURIComponent(service)} shows them`,
        });
      }
      const targets = controller.health().targets(service, member);
      return reply.send({ service, ...known, targets });
    },
  );
}

function eventsRoute(app: ApiInstance, { controller }: ApiContext): void {
  app.get(
    '/health-events',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Changes of verdicts, newest first',
        tags,
        querystring: Type.Object(pageQuery, { additionalProperties: false }),
        answers: { 200: { description: 'Events.', schema: pageOf(component('HealthEvent')) } },
      }),
    },
    (request, reply) => {
      const read = (before: number, limit: number) => controller.health().events(before, limit);
      return reply.send(pageOfNumbered(read, (event) => event.sequence, request.query));
    },
  );
}

function viewRegion({ silentMs, ...region }: AgentRegion): object {
  return { ...region, silentSeconds: Math.round(silentMs / 1000) };
}

interface MemberView {
  readonly member: string;
  readonly verdict: Verdict;
  readonly vips: Readonly<Record<string, Verdict>>;
  readonly ramp: number;
  readonly load?: number;
  readonly secondsToChange?: number;
}

function viewService(
  context: ApiContext,
  name: string,
): { service: string; members: readonly MemberView[] } {
  const service = context.controller.configuration().traffic.services.get(name);
  if (service === undefined) throw notFound({ kind: 'service', id: name });
  const health = context.controller.health().service(name);
  const members = [...service.members.values()].map((member): MemberView => {
    const known = health?.get(member.region);
    const vips = Object.fromEntries(
      [...member.a, ...member.aaaa].map((vip) => [vip, known?.vips.get(vip) ?? 'unknown'] as const),
    );
    return {
      member: member.region,
      verdict: summarise(Object.values(vips)),
      vips,
      ramp: known?.ramp ?? 1,
      ...(known?.load === undefined ? {} : { load: known.load }),
      ...(known?.secondsToChange === undefined ? {} : { secondsToChange: known.secondsToChange }),
    };
  });
  return { service: name, members };
}

/** One word for several VIPs: down when all are, degraded when some are not up. */
function summarise(verdicts: readonly Verdict[]): Verdict {
  const [first] = verdicts;
  if (first !== undefined && verdicts.every((verdict) => verdict === first)) return first;
  return verdicts.some((verdict) => verdict === 'down' || verdict === 'degraded')
    ? 'degraded'
    : 'unknown';
}
