import { Type } from 'typebox';
import type { RRset } from '../../zone/zone.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { mediaTypes } from '../media-types.ts';
import { type Json, mergePatch } from '../merge-patch.ts';
import {
  type RRsetAddress,
  readOwner,
  readRRsetAddress,
  readType,
  readZoneName,
  segment,
} from '../names-in-paths.ts';
import { pageOfSorted } from '../pagination.ts';
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
import {
  answerRead,
  answerWrite,
  notFound,
  removeObject,
  type Target,
  updateObject,
  type WriteAnswer,
} from '../write-object.ts';
import { sortedRRsets, viewRRset } from '../zone-views.ts';
import { zoneNamed } from './zone-routes.ts';

const tags = ['zones'];
const zoneParam = { zone: Type.String({ description: 'The apex.' }) };
const params = Type.Object({
  ...zoneParam,
  name: Type.String({
    description: '`@`, relative, or absolute; a name that ends in the apex is taken as absolute.',
  }),
  type: Type.String({ description: '`A`, `STEER`, `TYPE65280` …' }),
});

/** Registers `/zones/{zone}/rrsets` and what is below it. */
export function rrsetRoutes(app: ApiInstance, context: ApiContext): void {
  listRoute(app, context);
  readRoutes(app, context);
  writeRoutes(app, context);
}

function listRoute(app: ApiInstance, context: ApiContext): void {
  app.get(
    '/zones/:zone/rrsets',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'List the RRsets of a zone',
        description: 'The apex first, then down the tree. `name` and `type` narrow the list.',
        tags,
        params: Type.Object(zoneParam),
        querystring: Type.Object(
          {
            ...pageQuery,
            name: Type.Optional(Type.String({ description: 'Only this owner name.' })),
            type: Type.Optional(Type.String({ description: 'Only this type.' })),
          },
          { additionalProperties: false },
        ),
        answers: { 200: { description: 'RRsets.', schema: pageOf(component('RRset')) } },
      }),
    },
    (request, reply) => {
      const zone = zoneNamed(context, readZoneName(request.params.zone));
      const { name, type } = request.query;
      const owner = name === undefined ? undefined : readOwner(name, zone.origin);
      const wanted = type === undefined ? undefined : readType(type).type;
      const all = sortedRRsets(zone);
      const list =
        owner === undefined && wanted === undefined
          ? all
          : all.filter(
              ({ rrset, ownerKey }) =>
                (owner === undefined || ownerKey === owner) &&
                (wanted === undefined || rrset.type === wanted),
            );
      const page = pageOfSorted(list, ({ key }) => key, request.query);
      const items = page.items.map(({ rrset }) => viewRRset(rrset));
      return reply.send({ items, next: page.next });
    },
  );
}

function readRoutes(app: ApiInstance, context: ApiContext): void {
  app.get(
    '/zones/:zone/rrsets/:name/:type',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Read an RRset',
        tags,
        params,
        answers: { 200: { description: 'The RRset.', schema: component('RRset') } },
      }),
    },
    (request, reply) => {
      const { address, rrset } = find(context, request.params);
      const target: Target = { kind: 'rrset', id: address.id };
      if (rrset === undefined) throw notFound(target);
      return answerRead(context, request, reply, target, () => viewRRset(rrset));
    },
  );
}

function writeRoutes(app: ApiInstance, context: ApiContext): void {
  const path = '/zones/:zone/rrsets/:name/:type';
  const shared = { tags, params, querystring: writeQuery, headers: writeHeaders };
  app.put(
    path,
    {
      config: { access: 'write' },
      schema: describeRoute({
        summary: 'Create or replace an RRset',
        ...shared,
        body: component<Json>('RRsetBody'),
        answers: writeAnswers(component('RRset'), { creates: true }),
      }),
    },
    async (request, reply) => {
      const { address } = find(context, request.params);
      const target: Target = { kind: 'rrset', id: address.id };
      const body = withoutAddress(request.body);
      const result = await updateObject(context, request, target, () => body);
      const answer = answerFor(request.params, address);
      return answerWrite(context, request, reply, result, answer);
    },
  );
  app.patch(
    path,
    {
      config: { access: 'write' },
      schema: describeRoute({
        summary: 'Change an RRset, for example its TTL',
        description: 'The body is a JSON merge patch (RFC 7396): `{"ttl": 60}`.',
        ...shared,
        consumes: [mediaTypes.mergePatch, mediaTypes.json],
        body: component<Json>('RRsetBody'),
        answers: writeAnswers(component('RRset'), { creates: false }),
      }),
    },
    async (request, reply) => {
      const { address } = find(context, request.params);
      const target: Target = { kind: 'rrset', id: address.id };
      const result = await updateObject(context, request, target, (current) => {
        if (current === undefined) throw notFound(target);
        return mergePatch(current, withoutAddress(request.body));
      });
      const answer = answerFor(request.params, address);
      return answerWrite(context, request, reply, result, answer);
    },
  );
  app.delete(
    path,
    {
      config: { access: 'write' },
      schema: describeRoute({ summary: 'Remove an RRset', ...shared, answers: deleteAnswers }),
    },
    async (request, reply) => {
      const { address } = find(context, request.params);
      const result = await removeObject(context, request, { kind: 'rrset', id: address.id });
      const answer = answerFor(request.params, address);
      return answerWrite(context, request, reply, result, answer);
    },
  );
}

interface RRsetPath {
  readonly zone: string;
  readonly name: string;
  readonly type: string;
}

function find(
  context: ApiContext,
  path: RRsetPath,
): { address: RRsetAddress; rrset: RRset | undefined } {
  const zone = zoneNamed(context, readZoneName(path.zone));
  const address = readRRsetAddress(zone.origin, path.name, path.type);
  return { address, rrset: zone.nodes.get(address.owner)?.get(address.type) };
}

function answerFor(path: RRsetPath, address: RRsetAddress): WriteAnswer {
  const zone = segment(readZoneName(path.zone));
  return {
    target: { kind: 'rrset', id: address.id },
    location: `/v1/zones/${zone}/rrsets/${segment(address.owner)}/${address.typeName}`,
    show: (body) => ({ name: address.owner, type: address.typeName, ...(body as object) }),
  };
}

/** A body may repeat what its path says, as answers do; only the rest is the object. */
function withoutAddress(body: Json): Json {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const { name: _name, type: _type, ...rest } = body as { readonly [key: string]: Json };
  return rest;
}
