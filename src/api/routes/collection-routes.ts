import { Type } from 'typebox';
import { MeridianError } from '../../base/errors.ts';
import type { ObjectKind } from '../../control/change.ts';
import type { Traffic } from '../../policy/traffic.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { mediaTypes } from '../media-types.ts';
import { isJsonObject, type Json, type JsonObject, mergePatch } from '../merge-patch.ts';
import { readPrefix, segment } from '../names-in-paths.ts';
import { pageOfKeys } from '../pagination.ts';
import { patchRegion, putRegion } from '../region-writes.ts';
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
import {
  answerRead,
  answerWrite,
  notFound,
  readBody,
  removeObject,
  type Target,
  updateObject,
  type WriteAnswer,
} from '../write-object.ts';

/** What sets one collection of objects apart from the others. */
interface Collection {
  readonly kind: Exclude<ObjectKind, 'zone' | 'rrset'>;
  /** The first segment of its paths, and its tag. */
  readonly path: string;
  /** Name of the component that describes answers; its body has `Body` at the end. */
  readonly component: string;
  readonly ids: (traffic: Traffic) => readonly string[];
  /** From a path's segment to the id; throws `E_QUERY`. */
  readonly readId: (text: string) => string;
  /** What a PUT or a PATCH makes of what there was; default: the body, the merged body. */
  readonly put?: (body: Json, before: Json | undefined, nowMs: number) => Json;
  readonly patch?: (patch: Json, before: Json, nowMs: number) => Json;
  /** Shown where a body does not have them. */
  readonly defaults?: JsonObject;
  /** Something worth knowing about writes. */
  readonly note?: string;
}

const regionNote =
  'With `expires` (`"10m"`, or a time as in RFC 3339) `dial` and `state` go back by themselves to ' +
  'what they were. What a PATCH says of `dial` or `state` without `expires` is meant to last, ' +
  'whatever else is pending. A PUT without a place keeps the place of the region.';

const networkIds = new WeakMap<object, readonly string[]>();

const collections: readonly Collection[] = [
  {
    kind: 'region',
    path: 'regions',
    component: 'Region',
    ids: (traffic) => sortedKeys(traffic.regions),
    readId: (text) => text,
    put: putRegion,
    patch: patchRegion,
    defaults: { dial: 100, state: 'active' },
    note: regionNote,
  },
  {
    kind: 'monitor',
    path: 'monitors',
    component: 'Monitor',
    ids: (traffic) => sortedKeys(traffic.monitors),
    readId: (text) => text,
  },
  {
    kind: 'service',
    path: 'services',
    component: 'Service',
    ids: (traffic) => sortedKeys(traffic.services),
    readId: (text) => text,
  },
  {
    kind: 'network',
    path: 'networks',
    component: 'Network',
    ids: sortedNetworks,
    readId: readPrefix,
  },
];

/** Registers list, GET, PUT, PATCH and DELETE of regions, monitors, services and networks. */
export function collectionRoutes(app: ApiInstance, context: ApiContext): void {
  for (const collection of collections) {
    readRoutes(app, context, collection);
    writeRoutes(app, context, collection);
  }
}

function readRoutes(app: ApiInstance, context: ApiContext, collection: Collection): void {
  const { kind, path } = collection;
  app.get(
    `/${path}`,
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: `List ${path}`,
        tags: [path],
        querystring: Type.Object(pageQuery, { additionalProperties: false }),
        answers: {
          200: { description: `One page.`, schema: pageOf(component(collection.component)) },
        },
      }),
    },
    (request, reply) => {
      const ids = collection.ids(context.controller.configuration().traffic);
      const page = pageOfKeys(ids, request.query);
      const items = page.items.map((id) => viewObject(context, collection, id));
      return reply.send({ items, next: page.next });
    },
  );
  app.get(
    `/${path}/:id`,
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: `Read a ${kind}`,
        tags: [path],
        params: idParams(collection),
        answers: {
          200: { description: `The ${kind}.`, schema: component(collection.component) },
        },
      }),
    },
    (request, reply) => {
      const id = collection.readId(request.params.id);
      return answerRead(context, request, reply, { kind, id }, () =>
        viewObject(context, collection, id),
      );
    },
  );
}

function writeRoutes(app: ApiInstance, context: ApiContext, collection: Collection): void {
  const { kind, path, note } = collection;
  const shared = {
    tags: [path],
    params: idParams(collection),
    querystring: writeQuery,
    headers: writeHeaders,
  };
  const described = note === undefined ? {} : { description: note };
  const object = component(collection.component);
  const body = component<Json>(`${collection.component}Body`);

  app.put(
    `/${path}/:id`,
    {
      config: { access: 'write' },
      schema: describeRoute({
        summary: `Create or replace a ${kind}`,
        ...described,
        ...shared,
        body,
        answers: writeAnswers(object, { creates: true }),
      }),
    },
    async (request, reply) => {
      const id = collection.readId(request.params.id);
      const target: Target = { kind, id };
      const body = withoutId(collection, id, request.body);
      const result = await updateObject(context, request, target, (before) =>
        collection.put === undefined ? body : collection.put(body, before, context.clock.epochMs()),
      );
      return answerWrite(context, request, reply, result, answerFor(collection, id));
    },
  );
  app.patch(
    `/${path}/:id`,
    {
      config: { access: 'write' },
      schema: describeRoute({
        summary: `Change a ${kind}`,
        description: ['The body is a JSON merge patch (RFC 7396).', note ?? ''].join(' ').trim(),
        ...shared,
        consumes: [mediaTypes.mergePatch, mediaTypes.json],
        body: component<Json>('MergePatch'),
        answers: writeAnswers(object, { creates: false }),
      }),
    },
    async (request, reply) => {
      const id = collection.readId(request.params.id);
      const target: Target = { kind, id };
      const patch = withoutId(collection, id, request.body);
      const result = await updateObject(context, request, target, (before) => {
        if (before === undefined) throw notFound(target);
        return collection.patch === undefined
          ? mergePatch(before, patch)
          : collection.patch(patch, before, context.clock.epochMs());
      });
      return answerWrite(context, request, reply, result, answerFor(collection, id));
    },
  );
  app.delete(
    `/${path}/:id`,
    {
      config: { access: 'write' },
      schema: describeRoute({ summary: `Remove a ${kind}`, ...shared, answers: deleteAnswers }),
    },
    async (request, reply) => {
      const id = collection.readId(request.params.id);
      const result = await removeObject(context, request, { kind, id });
      return answerWrite(context, request, reply, result, answerFor(collection, id));
    },
  );
}

function idParams(collection: Collection) {
  const description =
    collection.kind === 'network'
      ? 'The prefix, its slash written %2F: `203.0.113.0%2F24`.'
      : `The ${collection.kind}'s name.`;
  return Type.Object({ id: Type.String({ description }) });
}

function viewObject(context: ApiContext, collection: Collection, id: string): object {
  const target: Target = { kind: collection.kind, id };
  const body = readBody(context, target);
  if (body === undefined) throw notFound(target);
  return viewBody(collection, id, body);
}

function viewBody({ defaults }: Collection, id: string, body: Json): object {
  return { id, ...defaults, ...(body as JsonObject) };
}

function answerFor(collection: Collection, id: string): WriteAnswer {
  return {
    target: { kind: collection.kind, id },
    location: `/v1/${collection.path}/${segment(id)}`,
    show: (body) => viewBody(collection, id, body),
  };
}

/** A body may repeat its id, as answers do, but not name another object. */
function withoutId({ readId }: Collection, id: string, body: Json): Json {
  if (!isJsonObject(body)) return body;
  const { id: named, ...rest } = body;
  if (named === undefined || (typeof named === 'string' && readId(named) === id)) return rest;
  throw new MeridianError({
    code: 'E_CONFLICT',
    message: `the body's id ${JSON.stringify(named)} is not the path's ${id}; make them agree`,
    where: '/id',
  });
}

function sortedNetworks({ networks }: Traffic): readonly string[] {
  const known = networkIds.get(networks);
  if (known !== undefined) return known;
  const ids = networks.map((network) => network.cidr).sort();
  networkIds.set(networks, ids);
  return ids;
}
