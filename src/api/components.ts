import { type TSchema, Type } from 'typebox';
import { errorCodes } from '../base/errors.ts';

/** Schemas of what the API answers, by the names that OpenAPI's `components` have. */

const text = (description: string) => Type.String({ description });
const count = (description: string) => Type.Integer({ minimum: 0, description });
const time = Type.String({ description: 'RFC 3339, UTC.' });
const words = (values: readonly string[]) =>
  Type.Unsafe<string>({ type: 'string', enum: [...values] });
const reference = (name: string) => Type.Unsafe({ $ref: `${name}#` });
const anyObject = Type.Record(Type.String(), Type.Unknown());
const verdict = words(['up', 'degraded', 'down', 'unknown']);
const share = Type.Number({ minimum: 0, maximum: 1 });

const problem = Type.Object({
  code: words(Object.keys(errorCodes)),
  message: text('What is wrong, with the offending value, and the remedy.'),
  where: Type.Optional(text('`file:line`, a JSON pointer, a parameter or a header.')),
  severity: Type.Optional(words(['error', 'warning'])),
});

const change = Type.Object({
  kind: words(['zone', 'rrset', 'region', 'monitor', 'service', 'network', 'agent', 'token']),
  id: text('`example.com./www.example.com./A` for an RRset; else the name, prefix or id.'),
  before: Type.Unknown({ description: 'null: it did not exist.' }),
  after: Type.Unknown({ description: 'null: it is gone.' }),
});

const revision = {
  number: Type.Integer({ minimum: 1 }),
  at: time,
  actor: text('The name of a token, `files`, `start`, `expiry` or `cli`.'),
  summary: text('`PUT /v1/regions/eu-west`'),
  changeCount: count('Objects that it changed.'),
  hash: text("SHA-256 over the entry before's hash and this one's content, hex."),
};

const zone = {
  name: text('The apex, with its final dot.'),
  serial: Type.Union([Type.Integer(), Type.Null()]),
  rrsetCount: count('RRsets.'),
  recordCount: count('Records.'),
};

const rrsetContent = {
  ttl: Type.Optional(Type.Integer({ minimum: 0, description: 'Seconds.' })),
  values: Type.Optional(Type.Array(Type.String(), { description: 'Rdata, as in a master file.' })),
  steer: Type.Optional(text('The service that answers A and AAAA here; type STEER only.')),
};

const memberHealth = {
  member: text('The region that it stands in.'),
  verdict,
  vips: Type.Record(Type.String(), verdict),
  ramp: Type.Number({ minimum: 0, maximum: 1, description: 'Share of its weight it may take.' }),
  load: Type.Optional(Type.Number()),
  secondsToChange: Type.Optional(Type.Number()),
};

const vote = Type.Object({
  agent: Type.String(),
  region: text('The agent region.'),
  state: verdict,
  since: time,
  counts: Type.Boolean({ description: 'False: it is silent, or its own canaries fail.' }),
  forgotten: Type.Optional(
    Type.Literal(true, { description: 'Silent for a day: nobody waits for its word.' }),
  ),
  connectMs: Type.Optional(Type.Number()),
  tlsMs: Type.Optional(Type.Number()),
  firstByteMs: Type.Optional(Type.Number()),
  error: Type.Optional(Type.String()),
  errorText: Type.Optional(Type.String()),
  downgraded: Type.Optional(Type.Literal(true, { description: 'icmp, but checked over tcp.' })),
});

const target = Type.Object({
  service: Type.String(),
  member: Type.String(),
  address: Type.String(),
  monitor: Type.String(),
  verdict,
  since: time,
  heldUntil: Type.Optional(time),
  guarded: Type.Optional(
    Type.Literal(true, { description: 'One agent region alone says that it is down: it is held.' }),
  ),
  awaits: Type.Optional(
    Type.Array(Type.String(), { description: 'Where guarded: agent regions that are not heard.' }),
  ),
  maintenance: Type.Optional(Type.Literal(true, { description: 'Planned work goes on.' })),
  votes: Type.Array(vote),
});

const servedBy = Type.Object(
  {
    serving: count('Live members of the cluster that serve it or a later one.'),
    live: count('Live members.'),
    missing: Type.Array(Type.String(), { description: 'Ids of those that do not.' }),
    at: Type.Union([time, Type.Null()], { description: 'When all that lived did; null: not yet.' }),
  },
  { description: 'Where the process is part of a cluster.' },
);

const healthAgeMs = Type.Union([Type.Number(), Type.Null()], {
  description: 'Since the last word of the leader on health; null before the first.',
});

const healthSource = words(['own', 'leader']);

const clusterState = {
  id: text('Of the process that answers.'),
  leader: Type.Union([Type.String(), Type.Null()]),
  leads: Type.Boolean(),
  term: count('Fencing term under which what is stored here was confirmed.'),
  sequence: count('The newest revision that is stored here.'),
  busUp: Type.Union([Type.Boolean(), Type.Null()], { description: 'null: there is no bus.' }),
  busSilenceMs: Type.Union([Type.Number(), Type.Null()]),
  healthAgeMs,
  healthSource,
  live: count('Live members.'),
};

const node = {
  id: Type.String(),
  role: words(['all', 'controller', 'node']),
  url: text('Where its API is; empty where it has none to offer.'),
  version: Type.String(),
  term: count('Fencing term.'),
  sequence: count('The newest revision that it has stored.'),
  digest: text('The chain hash there, hex.'),
  serving: count('The revision that its answers come from.'),
  healthAgeMs,
  healthSource,
  startedAt: time,
  since: time,
  leads: Type.Boolean(),
  self: Type.Boolean(),
};

const token = {
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(Type.String()),
  createdAt: time,
  expiresAt: Type.Union([time, Type.Null()]),
};

const vip = Type.Object({ member: Type.String(), address: Type.String() });
const changes = {
  changeCount: count('All changes, also those that are not shown.'),
  changes: Type.Array(change),
};

const regions = Type.Optional(Type.Array(Type.String({ description: 'A region.' })));

const simulationRequest = {
  down: regions,
  drain: regions,
  up: regions,
  dial: Type.Optional(Type.Record(Type.String(), Type.Number(), { description: 'By region.' })),
  services: Type.Optional(
    Type.Array(Type.String(), { description: 'Which to look at; all when left out.' }),
  ),
  demand: Type.Optional(
    Type.Record(Type.String(), Type.Number(), {
      description: "By service, in the unit of its members' capacity.",
    }),
  ),
};

const number = Type.Number();
const maybe = Type.Optional(Type.Number());

const simulatedService = {
  service: Type.String(),
  members: Type.Array(
    Type.Object({
      member: Type.String(),
      shareBefore: share,
      shareAfter: share,
      capacity: maybe,
      demandBefore: maybe,
      demandAfter: maybe,
      breachBefore: Type.Optional(Type.Boolean()),
      breachAfter: Type.Optional(Type.Boolean()),
    }),
  ),
  demand: maybe,
  demandSource: Type.Optional(words(['request', 'reported'])),
  sustainableBefore: maybe,
  sustainableAfter: maybe,
  meanDistanceKmBefore: number,
  meanDistanceKmAfter: number,
  meanLatencyMsBefore: maybe,
  meanLatencyMsAfter: maybe,
  deadShareBefore: share,
  deadShareAfter: share,
  emptyShareAfter: share,
};

/** Every component but those of the operator's objects. */
export const answerComponents: Readonly<Record<string, TSchema>> = {
  Problem: Type.Object({
    type: text('Where the code is explained, relative to this server.'),
    title: text('The headline of the code.'),
    status: Type.Integer(),
    detail: text('The first problem.'),
    code: words(Object.keys(errorCodes)),
    errors: Type.Array(problem, { description: 'Every problem found.' }),
  }),
  Plan: Type.Object({
    dryRun: Type.Literal(true),
    revision: count('The revision that the plan starts from.'),
    ...changes,
    warnings: Type.Array(problem),
    traffic: Type.Array(
      Type.Object({
        service: Type.String(),
        member: Type.String(),
        before: share,
        after: share,
      }),
      { description: 'Share of clients per member before and after.' },
    ),
  }),
  Applied: Type.Object({
    revision: count('The new revision; the one before when nothing differed.'),
    ...changes,
    warnings: Type.Array(problem),
  }),
  MergePatch: Type.Object(
    {},
    { additionalProperties: true, description: 'RFC 7396; null removes a member.' },
  ),
  Overview: Type.Object({
    version: Type.String(),
    revision: count('The newest.'),
    zones: count('Zones.'),
    regions: count('Regions.'),
    monitors: count('Monitors.'),
    services: count('Services.'),
    networks: count('Networks.'),
  }),
  ZoneSummary: Type.Object(zone),
  Zone: Type.Object({ ...zone, rrsets: Type.Array(reference('RRset')) }),
  RRset: Type.Object({
    name: text('Absolute.'),
    type: text('`A`, `STEER`, `TYPE65280`.'),
    ...rrsetContent,
  }),
  ServiceHealth: Type.Object({
    service: Type.String(),
    members: Type.Array(Type.Object(memberHealth)),
  }),
  AgentRegion: Type.Object({
    region: Type.String(),
    agents: count('Agents of the fleet that stand there, silent ones included.'),
    fresh: count('Of these, those that are heard and whose canaries are well.'),
    unwell: count('Of these, those that are heard and not to be believed: their canaries fail.'),
    forgotten: count('Of these, those that were silent for a day: nobody waits for them.'),
    silentSeconds: count('Since the last word from there.'),
  }),
  MemberTargets: Type.Object({
    service: Type.String(),
    ...memberHealth,
    targets: Type.Array(target),
  }),
  HealthEvent: Type.Object({
    sequence: Type.Integer(),
    at: time,
    service: Type.String(),
    member: Type.String(),
    address: Type.String(),
    from: verdict,
    to: verdict,
    text: Type.String(),
  }),
  Rollback: Type.Union([Type.Object(revision), reference('Plan')]),
  Taken: Type.Object({
    accepted: count('Samples taken.'),
    problems: Type.Array(problem, { description: 'What was wrong with the others.' }),
  }),
  Revision: Type.Object(revision),
  RevisionDetail: Type.Object({
    ...revision,
    changes: Type.Array(change),
    servedBy: Type.Optional(servedBy),
  }),
  Cluster: Type.Object({ ...clusterState, items: Type.Array(Type.Object(node)) }),
  AuditEntry: Type.Object({
    ...revision,
    objects: Type.Array(Type.String(), { description: 'The first 20 objects that it changed.' }),
    previousHash: Type.Union([Type.String(), Type.Null()]),
  }),
  Difference: Type.Object({
    from: count('Revision.'),
    to: count('Revision.'),
    ...changes,
  }),
  Token: Type.Object(token),
  NewToken: Type.Object({ ...token, secret: text('Shown this once.') }),
  Explanation: Type.Object({
    question: Type.Object({ name: Type.String(), type: Type.String(), client: Type.String() }),
    revision: count('The revision that answers.'),
    zone: Type.Optional(Type.String()),
    service: Type.Optional(Type.String()),
    client: Type.Object({
      address: Type.String(),
      family: Type.Union([Type.Literal(4), Type.Literal(6)]),
      place: anyObject,
      source: text('The database or override that said so.'),
      scopePrefix: Type.Integer({ description: "The answer's ECS scope." }),
      classIndex: Type.Integer(),
    }),
    evaluation: Type.Optional(anyObject),
    answer: Type.Array(vip),
    latency: Type.Record(Type.String(), anyObject),
    ttlSeconds: Type.Optional(Type.Integer()),
    note: Type.Optional(Type.String()),
  }),
  SimulationRequest: Type.Object(simulationRequest, { additionalProperties: false }),
  Simulation: Type.Object({
    revision: count('The revision that was looked at.'),
    population: Type.Object({
      inhabitants: count('People whom the clients stand for.'),
      detail: words(['city', 'country']),
    }),
    services: Type.Array(
      Type.Object(simulatedService, { description: 'Before and after, per service.' }),
    ),
  }),
  Alive: Type.Object({ alive: Type.Literal(true), version: Type.String() }),
  SelfCheck: Type.Object({ answers: Type.Boolean(), reasons: Type.Array(Type.String()) }),
  Ready: Type.Object({ ready: Type.Boolean(), reasons: Type.Array(Type.String()) }),
};
