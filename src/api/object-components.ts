import { type TSchema, Type } from 'typebox';
import {
  agentSchema,
  monitorSchema,
  networkSchema,
  policySchema,
  regionSchema,
  rrsetSchema,
  serviceSchema,
} from '../control/schemas.ts';

const region = Type.String({ description: 'The region that it stands in.' });
const id = Type.String({ description: 'Its name, or the prefix of a network.' });

/** What a PUT of a region may say besides: `expires` makes its expiry. */
const expires = Type.Optional(
  Type.Union([Type.String(), Type.Null()], {
    description:
      'A duration (`10m`) or a time (RFC 3339) after which dial and state go back; null forgets it.',
  }),
);

/** What is known of an agent besides its configuration. */
const live = Type.Union(
  [
    Type.Object({
      reportAgeMs: Type.Integer({ minimum: 0, description: 'Since its last report came.' }),
      boot: Type.Integer({ description: 'Greater for each start of the agent.' }),
      sequence: Type.Integer({ description: 'Of its last report in this boot.' }),
      canariesOk: Type.Boolean({ description: 'False: its own targets fail, and it has no vote.' }),
      checks: Type.Integer({ minimum: 0 }),
      version: Type.Optional(Type.String()),
      rttMs: Type.Optional(
        Type.Number({ description: 'To this controller and back, by the clock of the agent.' }),
      ),
    }),
    Type.Null(),
  ],
  { description: 'null: nothing was heard of it since this controller started.' },
);

interface ObjectForm {
  readonly properties: Readonly<Record<string, TSchema>>;
  readonly description?: string;
}

/** The operator's objects: as they are written, and as answers show them, with their id. */
export const objectComponents: Readonly<Record<string, TSchema>> = {
  ...objectPair('Region', regionSchema, { id }, { expires }),
  ...objectPair('Monitor', monitorSchema, { id }),
  ...objectPair('Service', serviceSchema, { id }),
  ...objectPair('Network', networkSchema, { id }),
  Agent: agentForm(),
  ...objectPair('Member', memberForm(), { region }),
  RRsetBody: rrsetSchema,
  Policy: policySchema,
};

/**
 * `Region`, as answers show it, and `RegionBody`, as it is written. A body may repeat the id. Nothing
 * is required of a body here: the control plane says what is missing, and a PUT of a region may leave
 * its place out.
 */
function objectPair(
  title: string,
  { properties, description = '' }: ObjectForm,
  ids: Readonly<Record<string, TSchema>>,
  written: Readonly<Record<string, TSchema>> = {},
): Record<string, TSchema> {
  const optionalIds = Object.entries(ids).map(
    ([key, schema]) => [key, Type.Optional(schema)] as const,
  );
  return {
    [title]: Type.Object({ ...properties, ...ids }, { description, additionalProperties: false }),
    [`${title}Body`]: Type.Object(
      { ...properties, ...Object.fromEntries(optionalIds), ...written },
      { description, additionalProperties: false },
    ),
  };
}

/** An agent, as answers show it; it is written by enrolment and merge patches alone. */
function agentForm(): TSchema {
  const { properties, description = '' } = agentSchema as ObjectForm;
  return Type.Object({ ...properties, id, live }, { description, additionalProperties: false });
}

/** The form of a member, from within that of its service. */
function memberForm(): ObjectForm {
  const { members } = serviceSchema.properties;
  const [form] = Object.values(
    (members as unknown as { patternProperties: Record<string, ObjectForm> }).patternProperties,
  );
  if (form === undefined) throw new Error('the schema of services has no members');
  return form;
}
