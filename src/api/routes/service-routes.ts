import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { MeridianError } from '../../base/errors.ts';
import type { ApplyResult } from '../../control/change.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { mediaTypes } from '../media-types.ts';
import { isJsonObject, type Json, type JsonObject, mergePatch } from '../merge-patch.ts';
import { segment } from '../names-in-paths.ts';
import {
  component,
  deleteAnswers,
  describeRoute,
  writeAnswers,
  writeHeaders,
  writeQuery,
} from '../route-schema.ts';
import {
  answerRead,
  answerWrite,
  bodyAfter,
  changeOf,
  isDryRun,
  notFound,
  planOf,
  readBody,
  sendJson,
  setEtag,
  setWriteHeaders,
  type Target,
  updateObject,
} from '../write-object.ts';

const tags = ['services'];
const serviceParam = { service: Type.String({ description: "The service's name." }) };
const memberParams = Type.Object({
  ...serviceParam,
  member: Type.String({ description: 'The region that the member stands in.' }),
});
const memberUrl = '/services/:service/members/:member';
const partNote = 'A part of its service: the ETag and the revision are those of the service.';

/** Registers a service's policy and members as resources of their own. */
export function serviceRoutes(app: ApiInstance, context: ApiContext): void {
  policyRoutes(app, context);
  memberRoutes(app, context);
  memberRemoval(app, context);
}

function policyRoutes(app: ApiInstance, context: ApiContext): void {
  const params = Type.Object(serviceParam);
  const url = '/services/:service/policy';
  app.get(
    url,
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: "Read a service's policy",
        description: partNote,
        tags,
        params,
        answers: { 200: { description: 'The policy.', schema: component('Policy') } },
      }),
    },
    (request, reply) => {
      const target = serviceTarget(request.params.service);
      return answerRead(
        context,
        request,
        reply,
        target,
        () => existing(readBody(context, target), target)['policy'],
      );
    },
  );
  app.put(
    url,
    {
      config: { access: 'write' },
      schema: describeRoute({
        summary: "Replace a service's policy",
        description: partNote,
        tags,
        params,
        querystring: writeQuery,
        headers: writeHeaders,
        body: component<Json>('Policy'),
        answers: writeAnswers(component('Policy'), { creates: false }),
      }),
    },
    async (request, reply) => {
      const target = serviceTarget(request.params.service);
      const result = await updateObject(context, request, target, (before) => ({
        ...existing(before, target),
        policy: request.body,
      }));
      return answerWrite(context, request, reply, result, {
        target,
        location: url,
        show: (service) => existing(service, target)['policy'],
      });
    },
  );
}

function memberRoutes(app: ApiInstance, context: ApiContext): void {
  const object = component('Member');
  app.get(
    memberUrl,
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Read a member',
        description: partNote,
        tags,
        params: memberParams,
        answers: { 200: { description: 'The member.', schema: object } },
      }),
    },
    (request, reply) => {
      const { service, member } = request.params;
      const target = serviceTarget(service);
      return answerRead(context, request, reply, target, () =>
        viewMember(readBody(context, target), target, member),
      );
    },
  );
  for (const method of ['PUT', 'PATCH'] as const) {
    const isPatch = method === 'PATCH';
    app.route({
      method,
      url: memberUrl,
      config: { access: 'write' },
      schema: describeRoute({
        summary: isPatch ? 'Change a member' : 'Create or replace a member',
        description: partNote,
        tags,
        params: memberParams,
        querystring: writeQuery,
        headers: writeHeaders,
        ...(isPatch ? { consumes: [mediaTypes.mergePatch, mediaTypes.json] } : {}),
        body: component<Json>(isPatch ? 'MergePatch' : 'MemberBody'),
        answers: writeAnswers(object, { creates: !isPatch }),
      }),
      handler: async (request, reply) => {
        const { service, member } = request.params;
        const target = serviceTarget(service);
        const result = await updateObject(context, request, target, (before) => {
          const members = membersOf(existing(before, target));
          const known = members[member];
          if (isPatch && known === undefined) throw noMember(service, member);
          const body = withoutRegion(member, request.body);
          const next = isPatch ? mergePatch(known, body) : body;
          return { ...existing(before, target), members: { ...members, [member]: next } };
        });
        return answerMember(context, request, reply, result, target, member);
      },
    });
  }
}

function memberRemoval(app: ApiInstance, context: ApiContext): void {
  app.delete(
    memberUrl,
    {
      config: { access: 'write' },
      schema: describeRoute({
        summary: 'Remove a member',
        description: partNote,
        tags,
        params: memberParams,
        querystring: writeQuery,
        headers: writeHeaders,
        answers: deleteAnswers,
      }),
    },
    async (request, reply) => {
      const { service, member } = request.params;
      const target = serviceTarget(service);
      const result = await updateObject(context, request, target, (before) => {
        const { [member]: known, ...members } = membersOf(existing(before, target));
        if (known === undefined) throw noMember(service, member);
        return { ...existing(before, target), members };
      });
      return answerMember(context, request, reply, result, target, member);
    },
  );
}

/** Answers a write to one member: 201 when the write made it, 204 when it removed it. */
function answerMember(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  result: ApplyResult,
  target: Target,
  member: string,
): FastifyReply {
  if (isDryRun(request)) return sendJson(reply, planOf(result));
  setWriteHeaders(reply, result);
  setEtag(context, reply, result, target);
  const after = bodyAfter(context, result, target);
  if (membersOf(existing(after, target))[member] === undefined) return reply.code(204).send();
  const before = changeOf(result, target)?.before;
  if (typeof before === 'string') {
    const known = membersOf(existing(JSON.parse(before) as Json, target))[member];
    if (known === undefined) {
      const path = `/v1/services/${segment(target.id)}/members/${segment(member)}`;
      reply.code(201).header('location', path);
    }
  }
  return sendJson(reply, viewMember(after, target, member));
}

function serviceTarget(service: string): Target {
  return { kind: 'service', id: service };
}

function existing(body: Json | undefined, target: Target): JsonObject {
  if (!isJsonObject(body)) throw notFound(target);
  return body;
}

function membersOf(service: JsonObject): JsonObject {
  const members = service['members'];
  return isJsonObject(members) ? members : {};
}

function viewMember(service: Json | undefined, target: Target, member: string): object {
  const known = membersOf(existing(service, target))[member];
  if (known === undefined) throw noMember(target.id, member);
  return { region: member, ...(known as JsonObject) };
}

/** A body may repeat the member's region, as answers do, but not name another. */
function withoutRegion(member: string, body: Json): Json {
  if (!isJsonObject(body)) return body;
  const { region, ...rest } = body;
  if (region === undefined || region === member) return rest;
  throw new MeridianError({
    code: 'E_CONFLICT',
    message: `the body's region ${JSON.stringify(region)} is not the path's ${member}; make them agree`,
    where: '/region',
  });
}

function noMember(service: string, member: string): MeridianError {
  return new MeridianError({
    code: 'E_NOT_FOUND',
    message: `service "${service}" has no member ${JSON.stringify(member.slice(0, 80))}; GET /v1/services/${segment(service)} shows them`,
  });
}
