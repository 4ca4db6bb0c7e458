import { type Static, Type } from 'typebox';
import { MeridianError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { readWanted, type WantedObject } from '../../control/bulk-change.ts';
import type { ApplyResult } from '../../control/change.ts';
import { wantedWrites } from '../../control/import-folder.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { component, describeRoute, writeHeaders, writeQuery } from '../route-schema.ts';
import { applyOptions, isDryRun, planOf, setWriteHeaders, viewChange } from '../write-object.ts';

const kinds = ['zone', 'rrset', 'region', 'monitor', 'service', 'network', 'agent'] as const;

const write = Type.Object(
  {
    kind: Type.Unsafe<(typeof kinds)[number]>({ type: 'string', enum: [...kinds] }),
    id: Type.String({
      maxLength: 4096,
      description: '`example.com./www.example.com./A` for an RRset; else the name or prefix.',
    }),
    body: Type.Unknown({
      description:
        'As in a PUT of the object; null removes it. A zone may be ' +
        '`{"rrsets": [{"name", "type", "ttl", "values" or "steer"}]}`: it then has exactly these. Its ' +
        'SOA serial is a floor: where changes have moved it on, it moves by one.',
    }),
    where: Type.Optional(
      Type.String({ maxLength: 4096, description: '`file:line`; problems will name it.' }),
    ),
  },
  { additionalProperties: false },
);

const changeBody = Type.Object(
  {
    writes: Type.Array(write, { maxItems: limits.writesPerChange }),
    summary: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        pattern: '^[^\\u0000-\\u001f\\u007f]+$',
        description: 'One line for the list of revisions.',
      }),
    ),
    prune: Type.Optional(
      Type.Array(Type.Union([Type.Literal('zones'), Type.Literal('traffic')]), {
        maxItems: 2,
        description:
          'Also remove what is not among the writes: `zones`; `traffic`, which is regions, ' +
          'monitors, services and networks.',
      }),
    ),
    onRevision: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'Only if this is still the newest revision; else 412.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Registers `/changes`: several writes as one revision. */
export function changeRoutes(app: ApiInstance, context: ApiContext): void {
  app.post(
    '/changes',
    {
      bodyLimit: limits.zoneBodyBytes,
      config: { access: 'write' },
      schema: describeRoute({
        summary: 'Make several writes as one revision',
        description:
          'All of them, or none and every problem. With dryRun, the plan: what `meridian apply` shows.',
        tags: ['revisions'],
        querystring: writeQuery,
        headers: writeHeaders,
        body: changeBody,
        answers: {
          200: {
            description: 'What was changed; with dryRun, the plan.',
            schema: Type.Union([component('Applied'), component('Plan')]),
          },
        },
      }),
    },
    async (request, reply) => {
      const body = request.body;
      const result = await applyBody(context, body, {
        ...applyOptions(context, request, undefined),
        ...(body.summary === undefined ? {} : { summary: body.summary }),
      });
      if (isDryRun(request)) return reply.send(planOf(result));
      setWriteHeaders(reply, result);
      return reply.send(viewApplied(result));
    },
  );
}

function applyBody(
  { controller }: ApiContext,
  body: Static<typeof changeBody>,
  options: ReturnType<typeof applyOptions>,
): Promise<ApplyResult> {
  const { problems, ...wanted } = readWanted(body.writes as readonly WantedObject[]);
  if (problems.length > 0) throw new MeridianError(problems);
  const prune = {
    zones: body.prune?.includes('zones') ?? false,
    traffic: body.prune?.includes('traffic') ?? false,
  };
  return controller.change(
    {
      asked: body,
      writes: (current) => {
        if (body.onRevision !== undefined && body.onRevision !== current.revision) {
          throw new MeridianError({
            code: 'E_PRECONDITION',
            message:
              `the newest revision is ${current.revision}, not ${body.onRevision}; ` +
              'look at the plan again and redo the change',
            where: '/onRevision',
          });
        }
        return { writes: wantedWrites(wanted, current, prune), problems: [] };
      },
    },
    options,
  );
}

function viewApplied(result: ApplyResult): object {
  return {
    revision: result.revision,
    changeCount: result.changes.length,
    changes: result.changes.slice(0, limits.changesPerAnswer).map(viewChange),
    warnings: result.warnings,
  };
}
