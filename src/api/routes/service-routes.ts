import { Type } from 'typebox';
import { MeridianError } from '../../base/errors.ts';
import { formatPolicy } from '../../control/parse-policy.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { mediaTypes } from '../media-types.ts';
import { isJsonObject, type Json, type JsonObject, mergePatch } from '../merge-patch.ts';
import { segment } from '../names-in-paths.ts';
import { isUnchanged } from '../preconditions.ts';
import {
  component,
  deleteAnswers,
  describeRoute,
  writeAnswers,
  writeHeaders,
  writeQuery,
} from '../route-schema.ts';
import { answerPartWrite, notFound, readBody, type Target, updateObject } from '../write-object.ts';

const tags = ['services'];
const serviceParam = { service: Type.String({ description: "The service's name." }) };
const memberParams = Type.Object({
  ...serviceParam,
  member: Type.String({ description: 'The region that the member stands in.' }),
});
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
      const view = viewPolicy(context, target);
      const etag = context.controller.etag(target.kind, target.id);
      if (etag !== undefined) {
        reply.header('etag', etag);
        if (isUnchanged(request, etag)) return reply.code(304).send();
      }
      // A policy may be a bare word such as `all`: said in JSON, with its quotes.
      reply.type(mediaTypes.json);
      return reply.send(JSON.stringify(view));
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
      return answerPartWrite(context, request, reply, result, {
        target,
        show: () => viewPolicy(context, target),
      });
    },
  );
}

function memberRoutes(app: ApiInstance, context: ApiContext): void {
  const url = '/services/:service/members/:member';
  const object = component('Member');
  const shared = {
    description: partNote,
    tags,
    params: memberParams,
    querystring: writeQuery,
    headers: writeHeaders,
  };
  app.get(
    url,
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
      const view = viewMember(context, target, member);
      const etag = context.controller.etag(target.kind, target.id);
      if (etag !== undefined) {
        reply.header('etag', etag);
        if (isUnchanged(request, etag)) return reply.code(304).send();
      }
      return reply.send(view);
    },
  );
  for (const method of ['PUT', 'PATCH'] as const) {
    const isPatch = method === 'PATCH';
    app.route({
      method,
      url,
      config: { access: 'write' },
      schema: describeRoute({
        summary: isPatch ? 'Change a member' : 'Create or replace a member',
        ...shared,
        ...(isPatch ? { consumes: [mediaTypes.mergePatch, mediaTypes.json] } : {}),
        body: component<Json>(isPatch ? 'MergePatch' : 'MemberBody'),
        answers: writeAnswers(object, { creates: !isPatch }),
      }),
      handler: async (request, reply) => {
        const { service, member } = request.params;
        const target = serviceTarget(service);
        let created = false;
        const result = await updateObject(context, request, target, (before) => {
          const members = membersOf(existing(before, target));
          const known = members[member];
          if (isPatch && known === undefined) throw noMember(service, member);
          created = known === undefined;
          const body = withoutRegion(member, request.body);
          const next = isPatch ? mergePatch(known, body) : body;
          return { ...existing(before, target), members: { ...members, [member]: next } };
        });
        return answerPartWrite(context, request, reply, result, {
          target,
          show: () => viewMember(context, target, member),
          ...(created
            ? { createdAt: `/v1/services/${segment(service)}/members/${segment(member)}` }
            : {}),
        });
      },
    });
  }
}

function memberRemoval(app: ApiInstance, context: ApiContext): void {
  app.delete(
    '/services/:service/members/:member',
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
      return answerPartWrite(context, request, reply, result, { target, show: undefined });
    },
  );
}

function serviceTarget(service: string): Target {
  return { kind: 'service', id: service };
}

function viewPolicy(context: ApiContext, target: Target): unknown {
  const service = context.controller.configuration().traffic.services.get(target.id);
  if (service === undefined) throw notFound(target);
  return formatPolicy(service.policy);
}

function existing(body: Json | undefined, target: Target): JsonObject {
  if (!isJsonObject(body)) throw notFound(target);
  return body;
}

function membersOf(service: JsonObject): JsonObject {
  const members = service['members'];
  return isJsonObject(members) ? members : {};
}

function viewMember(context: ApiContext, target: Target, member: string): object {
  const known = membersOf(existing(readBody(context, target), target))[member];
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
