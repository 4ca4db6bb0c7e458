import { type Static, Type } from 'typebox';
import { MeridianError, type Problem } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { ObjectWrite } from '../../control/change.ts';
import { typeName } from '../../wire/type-names.ts';
import { formatZone } from '../../zone/format-zone.ts';
import type { NameKey, Zone } from '../../zone/zone.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { essence, mediaTypes, preferredType } from '../media-types.ts';
import { readRRsetAddress, readZoneName, segment } from '../names-in-paths.ts';
import { pageOfKeys } from '../pagination.ts';
import { parseTextBody } from '../parse-body.ts';
import { isUnchanged } from '../preconditions.ts';
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
import { missingBody } from '../validate.ts';
import {
  answerWrite,
  applyOptions,
  notFound,
  removeObject,
  replaceObjects,
  type Target,
} from '../write-object.ts';
import { sortedRRsets, viewRRset, zoneSummary } from '../zone-views.ts';

const tags = ['zones'];
const params = Type.Object({
  zone: Type.String({ description: 'The apex, with or without its final dot.' }),
});

const rrsetInZone = Type.Object(
  {
    name: Type.String({ description: '`@`, relative, or absolute with a final dot.' }),
    type: Type.String(),
    ttl: Type.Optional(Type.Integer()),
    values: Type.Optional(Type.Array(Type.String())),
    steer: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

/** The body of a JSON `PUT`; what only answers have may stand there and is not read. */
const zoneBody = Type.Object(
  {
    name: Type.Optional(Type.String()),
    serial: Type.Optional(Type.Unknown()),
    rrsetCount: Type.Optional(Type.Unknown()),
    recordCount: Type.Optional(Type.Unknown()),
    rrsets: Type.Array(rrsetInZone),
  },
  { additionalProperties: false },
);

type ZoneBody = Static<typeof zoneBody>;

const zoneContent = {
  [mediaTypes.json]: component('Zone'),
  [mediaTypes.dns]: Type.String({ description: 'A master file (RFC 1035 §5, RFC 4027).' }),
};

/** Registers `/zones` and `/zones/{zone}`. */
export function zoneRoutes(app: ApiInstance, context: ApiContext): void {
  takeMasterFiles(app);
  listRoute(app, context);
  readRoute(app, context);
  replaceRoute(app, context);
  removeRoute(app, context);
}

function takeMasterFiles(app: ApiInstance): void {
  app.addContentTypeParser(
    mediaTypes.dns,
    { parseAs: 'buffer', bodyLimit: limits.zoneBodyBytes },
    (_request, body, done) => {
      try {
        done(null, parseTextBody(body as Buffer));
      } catch (error) {
        done(error as Error);
      }
    },
  );
}

function listRoute(app: ApiInstance, context: ApiContext): void {
  app.get(
    '/zones',
    {
      // Any token may ask; it sees the zones that it may read.
      config: {},
      schema: describeRoute({
        summary: 'List the zones that the token may read',
        tags,
        querystring: Type.Object(pageQuery, { additionalProperties: false }),
        answers: { 200: { description: 'Zones.', schema: pageOf(component('ZoneSummary')) } },
      }),
    },
    (request, reply) => {
      const { zones } = context.controller.configuration();
      const { identity } = request;
      const mayRead = (zone: NameKey) =>
        identity !== undefined && context.tokens.allows(identity, 'read', zone);
      const all = sortedKeys(zones);
      const page = pageOfKeys(all.filter(mayRead), request.query);
      const items = page.items.flatMap((name) => zones.get(name) ?? []).map(zoneSummary);
      return reply.send({ items, next: page.next });
    },
  );
}

function readRoute(app: ApiInstance, context: ApiContext): void {
  app.get(
    '/zones/:zone',
    {
      config: { access: 'read', produces: [mediaTypes.json, mediaTypes.dns] },
      schema: describeRoute({
        summary: 'Read a zone, as JSON or as a master file',
        tags,
        params,
        answers: { 200: { description: 'The zone.', content: zoneContent } },
      }),
    },
    (request, reply) => {
      const name = readZoneName(request.params.zone);
      const zone = zoneNamed(context, name);
      const etag = context.controller.etag('zone', name);
      if (etag !== undefined) {
        reply.header('etag', etag);
        if (isUnchanged(request, etag)) return reply.code(304).send();
      }
      reply.header('vary', 'accept');
      const type = preferredType(request.headers.accept, [mediaTypes.json, mediaTypes.dns]);
      if (type === mediaTypes.dns) return reply.type(mediaTypes.dns).send(formatZone(zone));
      const rrsets = sortedRRsets(zone).map(({ rrset }) => viewRRset(rrset));
      return reply.send({ ...zoneSummary(zone), rrsets });
    },
  );
}

function replaceRoute(app: ApiInstance, context: ApiContext): void {
  app.put(
    '/zones/:zone',
    {
      config: { access: 'write', takesMasterFiles: true },
      schema: describeRoute({
        summary: 'Create or replace a zone, from JSON or from a master file',
        tags,
        params,
        querystring: writeQuery,
        headers: writeHeaders,
        body: {
          content: {
            [mediaTypes.json]: { schema: zoneBody },
            [mediaTypes.dns]: { schema: Type.String() },
          },
        },
        answers: writeAnswers(component('ZoneSummary'), { creates: true }),
      }),
    },
    async (request, reply) => {
      const name = readZoneName(request.params.zone);
      const target: Target = { kind: 'zone', id: name };
      if (request.body === undefined) throw new MeridianError(missingBody);
      const isText = essence(request.headers['content-type']) === mediaTypes.dns;
      const result = isText
        ? await context.controller.applyZoneText(
            name,
            request.body as string,
            applyOptions(context, request, target),
          )
        : await replaceObjects(context, request, target, () =>
            zoneWrites(context, name, request.body as ZoneBody),
          );
      return answerWrite(context, request, reply, result, {
        target,
        location: `/v1/zones/${segment(name)}`,
        show: () => zoneSummary(zoneNamed(context, name)),
      });
    },
  );
}

function removeRoute(app: ApiInstance, context: ApiContext): void {
  app.delete(
    '/zones/:zone',
    {
      config: { access: 'write' },
      schema: describeRoute({
        summary: 'Remove a zone with all its records',
        tags,
        params,
        querystring: writeQuery,
        headers: writeHeaders,
        answers: deleteAnswers,
      }),
    },
    async (request, reply) => {
      const target: Target = { kind: 'zone', id: readZoneName(request.params.zone) };
      const result = await removeObject(context, request, target);
      const location = `/v1/zones/${segment(target.id)}`;
      return answerWrite(context, request, reply, result, { target, location, show: () => ({}) });
    },
  );
}

/** The zone with this apex; throws `E_NOT_FOUND`. */
export function zoneNamed(context: ApiContext, name: NameKey): Zone {
  const zone = context.controller.configuration().zones.get(name);
  if (zone === undefined) throw notFound({ kind: 'zone', id: name });
  return zone;
}

/** The writes that make a zone hold exactly these RRsets. */
function zoneWrites(context: ApiContext, origin: NameKey, body: ZoneBody): readonly ObjectWrite[] {
  if (body.name !== undefined && readZoneName(body.name) !== origin) {
    throw new MeridianError({
      code: 'E_CONFLICT',
      message: `the body's name ${JSON.stringify(body.name)} is not the path's ${origin}; make them agree`,
      where: '/name',
    });
  }
  const writes = new Map<string, ObjectWrite>();
  const problems: Problem[] = [];
  for (const [index, { name, type, ...rrset }] of body.rrsets.entries()) {
    const { id } = readRRsetAddress(origin, name, type);
    if (writes.has(id)) {
      const message = `${name} ${type} is there twice; put all its values into one entry`;
      problems.push({ code: 'E_FORM_DUPLICATE', message, where: `/rrsets/${index}` });
    }
    writes.set(id, { kind: 'rrset', id, body: JSON.stringify(rrset) });
  }
  if (problems.length > 0) throw new MeridianError(problems);
  const before = context.controller.configuration().zones.get(origin);
  for (const { rrset } of before === undefined ? [] : sortedRRsets(before)) {
    const { id } = readRRsetAddress(origin, rrset.owner, typeName(rrset.type));
    if (!writes.has(id)) writes.set(id, { kind: 'rrset', id, body: null });
  }
  return [{ kind: 'zone', id: origin, body: '{}' }, ...writes.values()];
}
