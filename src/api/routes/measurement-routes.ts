import { Type } from 'typebox';
import { MeridianError, type Problem } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { LoadSample, RttSample } from '../../control/controller.ts';
import { actorOf } from '../access.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { parseMeasurementCsv } from '../measurement-csv.ts';
import { mediaTypes } from '../media-types.ts';
import { component, describeRoute } from '../route-schema.ts';
import { SampleBudget } from '../sample-budget.ts';
import { missingBody } from '../validate.ts';

const tags = ['measurements'];

// The bounds of numbers are judged sample by sample, so that one bad sample spoils no batch; only a
// batch of the wrong shape is refused as a whole.
const rttSample = Type.Object(
  {
    clients: Type.Optional(
      Type.String({ description: 'Any of the next three as text: 203.0.113.0/24, AS64500, IN.' }),
    ),
    prefix: Type.Optional(Type.String({ description: 'A prefix or an address.' })),
    asn: Type.Optional(Type.Integer({ description: '1 to 4294967295.' })),
    country: Type.Optional(Type.String({ description: 'ISO 3166-1 alpha-2.' })),
    region: Type.String(),
    ms: Type.Number({ description: 'Round-trip time, above 0.' }),
    count: Type.Optional(
      Type.Integer({ description: 'Measurements that it stands for, 1 or more; default 1.' }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Exactly one of `clients`, `prefix`, `asn` and `country` says whose time it is.',
  },
);

const loadSample = Type.Object(
  {
    service: Type.String(),
    member: Type.String(),
    load: Type.Number({ description: "0 or more, in the unit of the member's capacity." }),
  },
  { additionalProperties: false },
);

const batch = { minItems: 1, maxItems: limits.samplesPerBatch };

const answers = {
  200: { description: 'How many samples were taken.', schema: component('Taken') },
};

/** Registers `/measurements` and `/load`: what the world tells Meridian, in batches. */
export function measurementRoutes(app: ApiInstance, context: ApiContext): void {
  app.addContentTypeParser(mediaTypes.csv, { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
  measureRoute(app, context);
  loadRoute(app, context);
}

function measureRoute(app: ApiInstance, context: ApiContext): void {
  const budget = new SampleBudget(context.clock);
  app.post(
    '/measurements',
    {
      config: { access: 'write', isLocal: true, takesCsv: true },
      schema: describeRoute({
        summary: 'Report round-trip times between clients and regions',
        description:
          'Good samples are taken even where others of the batch are wrong. The compact form has a ' +
          'line for each: clients,region,ms or clients,region,ms,count.',
        tags,
        body: {
          content: {
            [mediaTypes.json]: {
              schema: Type.Object(
                { samples: Type.Array(rttSample, batch) },
                { additionalProperties: false },
              ),
            },
            [mediaTypes.csv]: { schema: Type.String() },
          },
        },
        answers,
      }),
      // The body of a sender who has to wait is not even read.
      onRequest: async (request, reply) => {
        const waitSeconds = budget.waitSeconds(actorOf(request));
        if (waitSeconds === 0) return;
        reply.header('retry-after', String(waitSeconds));
        throw new MeridianError({
          code: 'E_TOO_MANY_SAMPLES',
          message: `more than ${limits.samplesPerSecondAndToken} samples a second from one token, or ${limits.samplesPerSecond} from all, are not taken; wait ${waitSeconds} s, or send fewer`,
        });
      },
    },
    (request, reply) => {
      if ((request.body ?? undefined) === undefined) throw new MeridianError(missingBody);
      const samples =
        typeof request.body === 'string'
          ? parseMeasurementCsv(request.body)
          : (request.body as { readonly samples: readonly RttSample[] }).samples;
      const source = actorOf(request);
      budget.spend(source, samples.length);
      return reply.send(taken(context.controller.measure(samples, source)));
    },
  );
}

function loadRoute(app: ApiInstance, { controller }: ApiContext): void {
  app.post(
    '/load',
    {
      config: { access: 'write', isLocal: true },
      schema: describeRoute({
        summary: "Report members' load",
        description: 'Good samples are taken even where others of the batch are wrong.',
        tags,
        body: Type.Object(
          { samples: Type.Array(loadSample, batch) },
          { additionalProperties: false },
        ),
        answers,
      }),
    },
    (request, reply) =>
      reply.send(taken(controller.reportLoad(request.body.samples as readonly LoadSample[]))),
  );
}

/** A batch of which nothing could be taken is an error. */
function taken(result: { accepted: number; problems: readonly Problem[] }): object {
  if (result.accepted === 0 && result.problems.length > 0) throw new MeridianError(result.problems);
  return {
    accepted: result.accepted,
    problems: result.problems.slice(0, limits.problemsPerAnswer),
  };
}
