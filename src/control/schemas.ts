import { type TSchema, Type } from 'typebox';
import { limits } from '../base/limits.ts';
import { weekdays } from '../health/maintenance.ts';
import { continents } from './geo-codes.ts';
import { objectNamePattern, reservedNames } from './object-names.ts';
import { agentStates } from './parse-agent.ts';
import { monitorTypes } from './parse-monitor.ts';
import { adminStates } from './parse-region.ts';

/*
 * The operator's forms as JSON Schemas: for editors (zones/traffic.schema.json) and for OpenAPI. They
 * describe; the readers in parse-*.ts decide, with better messages. A test holds the two together:
 * whatever a reader takes, its schema takes as well.
 */

const closed = { additionalProperties: false };
const optional = Type.Optional;

const text = (description: string, maxLength: number = limits.textChars) =>
  Type.String({ description, minLength: 1, maxLength });
const oneOf = (words: readonly string[], description: string) =>
  Type.String({ enum: [...words], description });
const whole = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description });

const name = Type.String({ pattern: objectNamePattern.source });
const named = (entry: TSchema, options: object = {}) =>
  Type.Record(name, entry, { ...closed, ...options });
const duration = (description: string) =>
  Type.String({
    pattern: '^(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$',
    minLength: 2,
    description: `${description} A number with its unit: 500ms, 10s, 2m.`,
  });
const share = (description: string) => Type.Number({ minimum: 0, maximum: 1, description });
const dial = Type.Number({
  minimum: 0,
  maximum: 100,
  description: 'Percent of its weight that the region may take; 0 drains it. Default 100.',
});
const state = oneOf(
  adminStates,
  'active: health decides. drained: gets no new clients. down, up: outrank health. Default active.',
);
const country = Type.String({
  pattern: '^[A-Za-z]{2}$',
  description: 'ISO 3166-1 alpha-2, as DE.',
});
const continent = oneOf(
  [...continents, ...continents.map((code) => code.toLowerCase())],
  'AF, AN, AS, EU, NA, OC or SA.',
);
const subdivision = Type.String({
  pattern: '^[A-Za-z]{2}-[A-Za-z0-9]{1,3}$',
  description: 'ISO 3166-2 with its country, as US-CA.',
});
const asn = whole(1, 4_294_967_295, 'An AS number.');
const cidr = Type.String({ description: 'A prefix without further bits, as 203.0.113.0/24.' });
const weight = whole(
  0,
  limits.memberWeight,
  'Share among the others; 0 serves when nobody else can.',
);

const placed = {
  place: optional(
    text('A known place: aws:eu-west-1, gcp:europe-west1, azure:westeurope, iata:FRA.', 64),
  ),
  latitude: optional(Type.Number({ minimum: -90, maximum: 90, description: 'Degrees north.' })),
  longitude: optional(Type.Number({ minimum: -180, maximum: 180, description: 'Degrees east.' })),
};

const maintenance = optional(
  Type.Array(
    Type.Union([
      Type.Object({ from: text('RFC 3339.', 40), to: text('RFC 3339.', 40) }, closed),
      Type.Object(
        {
          days: optional(Type.Array(oneOf(weekdays, 'Default all.'), { minItems: 1, maxItems: 7 })),
          at: Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$', description: 'UTC.' }),
          for: duration('At most 7d.'),
        },
        closed,
      ),
    ]),
    {
      maxItems: limits.maintenanceWindows,
      description: 'Planned work: changes of health are no news meanwhile; answers follow them.',
    },
  ),
);

/** A region: `{ place, dial, state, expiry }`. */
export const regionSchema = Type.Object(
  {
    ...placed,
    dial: optional(dial),
    state: optional(state),
    expiry: optional(
      Type.Object(
        { at: text('When, RFC 3339.', 40), dial: optional(dial), state: optional(state) },
        { ...closed, description: 'When dial and state go back, and to what.' },
      ),
    ),
    maintenance,
  },
  { ...closed, description: 'A place with coordinates where services run.' },
);

/** What the operator says of a network. */
export const networkSchema = Type.Object(
  {
    country: optional(country),
    continent: optional(continent),
    subdivision: optional(subdivision),
    asn: optional(asn),
    ...placed,
  },
  { ...closed, minProperties: 1, description: 'Comes before every geo database.' },
);

const status = Type.Union([
  whole(100, 599, 'One status code.'),
  Type.String({ pattern: '^[1-5]\\d\\d(-[1-5]\\d\\d)?$' }),
]);

/** A monitor: what to check, and how often. */
export const monitorSchema = Type.Object(
  {
    type: oneOf(monitorTypes, 'What is checked.'),
    interval: optional(duration('Time between checks. Default 10s.')),
    timeout: optional(duration('Less than the interval. Default 4s, or half the interval.')),
    fall: optional(whole(1, limits.monitorThreshold, 'Failures until down. Default 3.')),
    rise: optional(whole(1, limits.monitorThreshold, 'Successes until up. Default 2.')),
    quorum: optional(
      Type.Union(
        [
          oneOf(['any', 'majority', 'all'], 'Of the agents.'),
          whole(1, limits.monitorQuorum, 'Agents.'),
        ],
        { description: 'Whose word it takes. Default majority.' },
      ),
    ),
    from: optional(
      Type.Array(name, {
        minItems: 1,
        maxItems: limits.vantagesPerMonitor,
        description: 'Agents and agent regions that check and judge. Default all.',
      }),
    ),
    canaries: optional(
      Type.Array(Type.String(), {
        maxItems: limits.canariesPerMonitor,
        description: 'Addresses known to work, by which agents know whether they are well.',
      }),
    ),
    port: optional(
      whole(1, 65_535, 'Default by type: 80, 443, 53; tcp needs one; for icmp its substitute.'),
    ),
    method: optional(oneOf(['GET', 'HEAD'], 'Default GET.')),
    path: optional(Type.String({ pattern: '^/', description: 'Default /.' })),
    headers: optional(Type.Record(Type.String(), Type.String(), { description: 'Sent along.' })),
    host: optional(text('Host header and SNI; default the VIP.')),
    statuses: optional(
      Type.Union([status, Type.Array(status, { minItems: 1, maxItems: 32 })], {
        description: 'Accepted codes and ranges. Default 200-299.',
      }),
    ),
    bodyIncludes: optional(text('The body must hold this.')),
    bodyMatches: optional(text('The body must match this regular expression.')),
    redirects: optional(whole(0, limits.httpRedirects, 'How many to follow. Default 0.')),
    serverName: optional(text('SNI and the name to verify.')),
    verify: optional(Type.Boolean({ description: 'Verify the certificate. Default true.' })),
    minDaysLeft: optional(whole(0, 3650, 'Fewer days of validity are degraded. Default 7.')),
    ca: optional(text('Further trust anchors, PEM.', 64 * 1024)),
    name: optional(text('The name that a dns monitor asks for.', 1024)),
    recordType: optional(text('Its type. Default A.', 16)),
    transport: optional(oneOf(['udp', 'tcp'], 'Default udp.')),
    answer: optional(text('One answer must equal this.')),
    command: optional(
      Type.Array(text('Program and arguments; {address} and {port} are replaced.'), {
        minItems: 1,
        maxItems: limits.execWords,
      }),
    ),
  },
  { ...closed, description: 'What to check and how.' },
);

const node = Type.Ref('Policy#') as TSchema;
const nodes = Type.Array(node, { minItems: 1 });
const children = Type.Union([Type.Literal('all'), nodes]);
const weighted = Type.Union([
  Type.Literal('all'),
  named(weight, { minProperties: 1 }),
  Type.Array(Type.Union([Type.Object({ use: node, weight: optional(weight) }, closed), node]), {
    minItems: 1,
  }),
]);
const minHealthy = optional(share('Less healthy weight than this and the node has failed.'));
const answers = optional(whole(1, limits.answersPerQuery, 'Addresses in an answer.'));
const values = (entry: TSchema) => optional(Type.Array(entry, { minItems: 1 }));

/** A policy: a member, `all`, or a node with one kind; `$id` is `Policy`. */
export const policySchema = Type.Union(
  [
    Type.String({ description: "A member's name, or all." }),
    Type.Object({ roundRobin: children, answers, minHealthy }, closed),
    Type.Object({ weighted, minHealthy }, closed),
    Type.Object(
      {
        geo: Type.Array(
          Type.Object(
            {
              match: Type.Object(
                {
                  cidr: values(cidr),
                  asn: values(asn),
                  subdivision: values(subdivision),
                  country: values(country),
                  continent: values(continent),
                },
                { ...closed, minProperties: 1 },
              ),
              use: node,
            },
            closed,
          ),
          { minItems: 1 },
        ),
        else: optional(node),
        minHealthy,
      },
      closed,
    ),
    Type.Object(
      {
        nearest: children,
        answers,
        biasKm: optional(named(Type.Number({ minimum: -limits.biasKm, maximum: limits.biasKm }))),
        minHealthy,
      },
      closed,
    ),
    Type.Object(
      {
        latency: children,
        tolerance: optional(duration('Members this close to the best share. Default 10ms.')),
        toleranceRatio: optional(
          Type.Number({
            minimum: 0,
            maximum: 10,
            description: 'The same as a ratio. Default 0.1.',
          }),
        ),
        minHealthy,
      },
      closed,
    ),
    Type.Object({ failover: children, minHealthy }, closed),
    Type.Object({ sticky: weighted, minHealthy }, closed),
    Type.Object({ leastLoad: children, minHealthy }, closed),
  ],
  { $id: 'Policy', description: 'How a client comes to a member.' },
);

const ttl = whole(0, limits.ttlSeconds, 'Seconds.');
const vips = (description: string) =>
  optional(Type.Array(Type.String(), { maxItems: limits.vipsPerMember, description }));

const member = Type.Object(
  {
    a: vips('IPv4 VIPs.'),
    aaaa: vips('IPv6 VIPs.'),
    weight: optional(weight),
    capacity: optional(
      Type.Number({ exclusiveMinimum: 0, description: 'In the unit in which load is reported.' }),
    ),
    state: optional(state),
    maintenance,
  },
  { ...closed, description: "A service's presence in one region." },
);

/** A service: members, policy, monitors, TTL. Refers to `Policy`. */
export const serviceSchema = Type.Object(
  {
    ttl: optional(
      Type.Union([ttl, Type.Object({ min: ttl, max: ttl }, closed)], {
        description:
          'Seconds, or a range that shrinks towards min while a change is near. Default 30.',
      }),
    ),
    monitors: optional(
      Type.Array(name, {
        maxItems: limits.monitorsPerService,
        description: 'Every VIP must pass all of them.',
      }),
    ),
    members: named(member, { minProperties: 1, description: 'By region.' }),
    policy: optional(node),
    minHealthy: optional(share('Default for the nodes of the policy. Default 0.5.')),
    whenAllDown: optional(
      Type.String({ description: "all, nodata, or a member's name. Default all." }),
    ),
    ramp: optional(duration('Time until a recovered member has its full weight. Default 180s.')),
    spill: optional(
      Type.Boolean({
        description: 'Demand beyond capacity goes to the next choice. Default false.',
      }),
    ),
    maintenance,
  },
  { ...closed, description: 'What is steered. Without a policy: { roundRobin: all }.' },
);

/** An agent, as enrolment writes it. */
export const agentSchema = Type.Object(
  {
    location: text('A known place, as aws:eu-west-1, or "52.5,13.4".', 64),
    region: optional(text('The agent region. Default from the location.', 63)),
    publicKey: Type.String({
      pattern: '^[A-Za-z0-9_-]{43}$',
      description: 'Ed25519, 32 octets in base64url.',
    }),
    state: optional(oneOf(agentStates, 'A revoked agent has no say. Default active.')),
    canaries: optional(
      named(Type.Array(Type.String(), { maxItems: limits.canariesPerAgent }), {
        description: 'Its own canary targets: monitor → addresses.',
      }),
    ),
  },
  { ...closed, description: 'A probe agent.' },
);

/** An rrset: `{ ttl, values }`, or `{ ttl, steer }` for type STEER. */
export const rrsetSchema = Type.Object(
  {
    ttl: optional(whole(0, limits.ttlSeconds, 'Seconds; may be absent for STEER only.')),
    values: optional(
      Type.Array(Type.String({ description: 'Rdata as master files write it.' }), {
        minItems: 1,
        maxItems: limits.rrsPerRrset,
      }),
    ),
    steer: optional(Type.String({ description: 'The service, for type STEER.' })),
  },
  { ...closed, description: 'All records of one owner and type.' },
);

/** The traffic file as a whole. Refers to `Policy`. */
export const trafficSchema = Type.Object(
  {
    regions: optional(named(regionSchema)),
    monitors: optional(named(monitorSchema)),
    services: optional(named(serviceSchema)),
    networks: optional(Type.Record(Type.String(), networkSchema)),
    agents: optional(named(agentSchema)),
  },
  {
    ...closed,
    title: "Meridian's traffic file",
    description: `Names may not be ${reservedNames.join(', ')}.`,
  },
);

/** The schema for editors: one document, JSON Schema 2020-12, as text. */
export function formatTrafficSchema(): string {
  const { $id: _, ...policy } = policySchema as TSchema & { $id?: string };
  const whole = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...trafficSchema,
    $defs: { Policy: policy },
  };
  const text = JSON.stringify(
    whole,
    (key, value: unknown) => (key === '$ref' && value === 'Policy#' ? '#/$defs/Policy' : value),
    2,
  );
  return `${text}\n`;
}
