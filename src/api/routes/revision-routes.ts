import { Type } from 'typebox';
import { MeridianError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Revision } from '../../control/change.ts';
import { diffRevisions } from '../../control/revision-diff.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { pageOfNumbered } from '../pagination.ts';
import {
  component,
  describeRoute,
  pageOf,
  pageQuery,
  writeHeaders,
  writeQuery,
} from '../route-schema.ts';
import { applyOptions, isDryRun, planOf, setWriteHeaders, viewChange } from '../write-object.ts';

const tags = ['revisions'];
const pageOnly = Type.Object(pageQuery, { additionalProperties: false });
const number = (description: string) => Type.Integer({ minimum: 0, description });

/** Registers revisions, the differences between them, rollback and the audit. */
export function revisionRoutes(app: ApiInstance, context: ApiContext): void {
  listRoutes(app, context);
  diffRoutes(app, context);
  rollbackRoute(app, context);
}

function listRoutes(app: ApiInstance, context: ApiContext): void {
  const { controller } = context;
  const read = (before: number, limit: number) => controller.revisions(before, limit);
  app.get(
    '/revisions',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'List revisions, newest first',
        tags,
        querystring: pageOnly,
        answers: { 200: { description: 'Revisions.', schema: pageOf(component('Revision')) } },
      }),
    },
    (request, reply) => {
      const page = pageOfNumbered(read, (revision) => revision.number, request.query);
      return reply.send({ ...page, items: page.items.map(viewRevision) });
    },
  );
  app.get(
    '/audit',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Who changed what, newest first',
        description:
          'Each entry carries its own hash and that of the entry before, over which it was made.',
        tags,
        querystring: pageOnly,
        answers: { 200: { description: 'Entries.', schema: pageOf(component('AuditEntry')) } },
      }),
    },
    (request, reply) => {
      const page = pageOfNumbered(read, (revision) => revision.number, request.query);
      const items = page.items.map((revision, index) => {
        const before = page.items[index + 1] ?? controller.revision(revision.number - 1);
        return viewAudit(revision, before?.hash ?? null);
      });
      return reply.send({ items, next: page.next });
    },
  );
  app.get(
    '/revisions/:number',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Read a revision with its changes',
        description: `At most ${limits.changesPerAnswer} changes are shown; changeCount has them all.`,
        tags,
        params: Type.Object({ number: Type.Integer({ minimum: 1 }) }),
        answers: { 200: { description: 'The revision.', schema: component('RevisionDetail') } },
      }),
    },
    (request, reply) => {
      const revision = revisionNumbered(context, request.params.number);
      const changes = revision.changes.slice(0, limits.changesPerAnswer).map(viewChange);
      const servedBy = context.cluster?.servedBy(revision.number);
      return reply.send({
        ...viewRevision(revision),
        changes,
        ...(servedBy === undefined ? {} : { servedBy }),
      });
    },
  );
}

function diffRoutes(app: ApiInstance, context: ApiContext): void {
  const answers = { 200: { description: 'The difference.', schema: component('Difference') } };
  const description =
    'What turns the configuration of the first revision into that of the second; 0 is empty.';
  app.get(
    '/revisions/:from/diff/:to',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Compare two revisions',
        description,
        tags,
        params: Type.Object({ from: number('From'), to: number('To') }),
        answers,
      }),
    },
    (request, reply) => {
      const { from, to } = request.params;
      return reply.send(difference(context, from, to));
    },
  );
  app.get(
    '/diff',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Compare two revisions, by query',
        description: `${description} \`to\` is the newest when it is left out.`,
        tags,
        querystring: Type.Object(
          { from: number('From'), to: Type.Optional(number('To')) },
          { additionalProperties: false },
        ),
        answers,
      }),
    },
    (request, reply) => {
      const to = request.query.to ?? context.controller.configuration().revision;
      return reply.send(difference(context, request.query.from, to));
    },
  );
}

function rollbackRoute(app: ApiInstance, context: ApiContext): void {
  app.post(
    '/revisions/:number/rollback',
    {
      config: { access: 'write' },
      schema: describeRoute({
        summary: 'Go back to a revision',
        description: 'Makes a new revision with the configuration of the old one.',
        tags,
        // Not 0, the empty configuration: a slip of a script would take every zone away.
        params: Type.Object({
          number: Type.Integer({ minimum: 1, description: 'The revision to go back to.' }),
        }),
        querystring: writeQuery,
        headers: writeHeaders,
        answers: {
          200: { description: 'The new revision, or the plan.', schema: component('Rollback') },
        },
      }),
    },
    async (request, reply) => {
      const { controller } = context;
      const result = await controller.rollback(
        request.params.number,
        applyOptions(context, request, undefined),
      );
      if (isDryRun(request)) return reply.send(planOf(result));
      setWriteHeaders(reply, result);
      return reply.send(viewRevision(revisionNumbered(context, result.revision)));
    },
  );
}

function revisionNumbered({ controller }: ApiContext, wanted: number): Revision {
  const revision = controller.revision(wanted);
  if (revision !== undefined) return revision;
  const newest = controller.configuration().revision;
  throw new MeridianError({
    code: 'E_NOT_FOUND',
    message: `there is no revision ${wanted}; the newest is ${newest}`,
  });
}

function difference(context: ApiContext, from: number, to: number): object {
  if (Math.abs(from - to) > limits.revisionsPerPage) {
    throw new MeridianError({
      code: 'E_QUERY',
      message: `revisions ${from} and ${to} are more than ${limits.revisionsPerPage} apart; compare in steps`,
    });
  }
  const changes = diffRevisions(context.controller, from, to);
  return {
    from,
    to,
    changeCount: changes.length,
    changes: changes.slice(0, limits.changesPerAnswer).map(viewChange),
  };
}

function viewRevision({ changes, ...revision }: Revision): object {
  return { ...revision, changeCount: changes.length };
}

function viewAudit(revision: Revision, previousHash: string | null): object {
  const { number, at, actor, summary, hash, changes } = revision;
  const objects = changes.slice(0, 20).map(({ kind, id }) => `${kind} ${id}`);
  return { number, at, actor, summary, changeCount: changes.length, objects, hash, previousHash };
}
