import { Type } from 'typebox';
import { MeridianError, type Problem } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { LoadSample, RttSample } from '../../control/controller.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { component, describeRoute } from '../route-schema.ts';

const tags = ['measurements'];

const rttSample = Type.Object(
  {
    prefix: Type.Optional(Type.String({ description: 'A prefix or an address.' })),
    asn: Type.Optional(Type.Integer({ minimum: 1, maximum: 4_294_967_295 })),
    country: Type.Optional(Type.String({ description: 'ISO 3166-1 alpha-2.' })),
    region: Type.String(),
    ms: Type.Number({ minimum: 0, description: 'Round-trip time.' }),
    count: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Measurements that it stands for; default 1.' }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Exactly one of `prefix`, `asn` and `country` says whose time it is.',
  },
);

const loadSample = Type.Object(
  {
    service: Type.String(),
    member: Type.String(),
    load: Type.Number({ minimum: 0, description: "In the unit of the member's capacity." }),
  },
  { additionalProperties: false },
);

const batch = { minItems: 1, maxItems: limits.samplesPerBatch };

/** Registers `/measurements` and `/load`: what the world tells Meridian, in batches. */
export function measurementRoutes(app: ApiInstance, context: ApiContext): void {
  const { controller } = context;
  const answers = {
    200: { description: 'How many samples were taken.', schema: component('Taken') },
  };
  app.post(
    '/measurements',
    {
      config: { access: 'write', isLocal: true },
      schema: describeRoute({
        summary: 'Report round-trip times between clients and regions',
        description: 'Good samples are taken even where others of the batch are wrong.',
        tags,
        body: Type.Object(
          { samples: Type.Array(rttSample, batch) },
          { additionalProperties: false },
        ),
        answers,
      }),
    },
    (request, reply) =>
      reply.send(taken(controller.measure(request.body.samples as readonly RttSample[]))),
  );
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
