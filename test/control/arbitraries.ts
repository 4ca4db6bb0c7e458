import fc from 'fast-check';
import { formatIp, formatPrefix, fromBytes, maskIp } from '../../src/base/ip.ts';
import { type MaintenanceWindow, weekdays } from '../../src/health/maintenance.ts';
import type { Monitor } from '../../src/health/monitor.ts';
import type {
  AdminState,
  AgentState,
  FleetAgent,
  GeoMatch,
  Member,
  NetworkOverride,
  PolicyNode,
  Region,
  Service,
  Traffic,
  WeightedChild,
} from '../../src/policy/traffic.ts';

/*
 * Models such as a reader makes them: valid, canonical, defaults filled in. What lint refuses
 * (doubled children, doubled rules) is left out by construction.
 */

const names = ['eu', 'us', 'asia', 'sa-east-1', 'x', 'no', 'y'];
const state = fc.constantFrom<AdminState>('active', 'drained', 'down', 'up');
const degrees = (max: number) =>
  fc.integer({ min: -max * 1000, max: max * 1000 }).map((n) => (n === 0 ? 0 : n / 1000));
const coordinates = fc.record({ latitude: degrees(90), longitude: degrees(180) });
const dial = fc.integer({ min: 0, max: 100 });

const maintenance = fc.option(
  fc.array(
    fc.oneof(
      fc.constant<MaintenanceWindow>({
        from: '2026-01-31T18:00:00.000Z',
        to: '2026-01-31T20:00:00.000Z',
      }),
      fc
        .record({
          days: fc.subarray([...weekdays], { minLength: 1 }),
          atMinute: fc.nat(24 * 60 - 1),
          minutes: fc.integer({ min: 1, max: 7 * 24 * 60 }),
        })
        .map(({ days, atMinute, minutes }) => ({ days, atMinute, forMs: minutes * 60_000 })),
    ),
    { minLength: 1, maxLength: 2 },
  ),
  { nil: undefined, freq: 3 },
);

/** Gives an object windows of planned work, or not. */
function planned<T extends object>(plain: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc
    .tuple(plain, maintenance)
    .map(([object, windows]) => (windows ? { ...object, maintenance: windows } : object));
}

const region: fc.Arbitrary<Region> = fc
  .record({
    coordinates,
    dial,
    state,
    expiry: fc.option(
      fc.record({
        at: fc
          .date({ min: new Date('2020-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
          .map((date) => date.toISOString()),
        dial,
        state,
      }),
      { nil: undefined },
    ),
  })
  .map(({ expiry, ...rest }) => (expiry === undefined ? rest : { ...rest, expiry }));

/** Texts that YAML and JSON like to misread. */
const oddText = fc.oneof(
  fc.constantFrom(
    'no',
    '1e3',
    '0x10',
    '~',
    'null',
    '- a',
    '#x',
    ': ',
    '"',
    "'",
    '12:30:45',
    '*a',
    '&a',
    '!!x',
    '%',
    '>',
    '|',
    'é☃',
    ' a ',
    'a\nb',
  ),
  fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !/[\u0000-\u001f\u007f]/.test(text)),
);

const times = fc.integer({ min: 500, max: 100_000 }).chain((intervalMs) =>
  fc.record({
    intervalMs: fc.constant(intervalMs),
    timeoutMs: fc.integer({ min: 50, max: intervalMs - 1 }),
    fall: fc.integer({ min: 1, max: 20 }),
    rise: fc.integer({ min: 1, max: 20 }),
    quorum: fc.constantFrom<Monitor['quorum']>('any', 'majority', 'all', 3),
    port: fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
  }),
);

const http = fc
  .record({
    method: fc.constant('GET' as const),
    path: fc.constantFrom('/', '/health', '/a?b=c&d=%20'),
    headers: fc.dictionary(
      fc.constantFrom('x-a', 'Accept'),
      oddText.filter((t) => !/\n/.test(t)),
    ),
    statuses: fc.constantFrom([[200, 299] as const], [[200, 200] as const, [300, 399] as const]),
    redirects: fc.integer({ min: 0, max: 5 }),
    host: fc.option(oddText, { nil: undefined }),
    bodyIncludes: fc.option(oddText, { nil: undefined }),
    bodyMatches: fc.option(fc.constantFrom('^ok$', '\\d+', '"status":\\s*"up"'), {
      nil: undefined,
    }),
  })
  .map(({ host, bodyIncludes, bodyMatches, ...rest }) => ({
    ...rest,
    headers: { ...rest.headers },
    ...(host === undefined ? {} : { host }),
    ...(bodyIncludes === undefined ? {} : { bodyIncludes }),
    ...(bodyMatches === undefined ? {} : { bodyMatches }),
  }));

const tls = fc
  .record({
    verify: fc.boolean(),
    minDaysLeft: fc.integer({ min: 0, max: 3650 }),
    serverName: fc.option(oddText, { nil: undefined }),
  })
  .map(({ serverName, ...rest }) => ({
    ...rest,
    ...(serverName === undefined ? {} : { serverName }),
  }));

const vantages = fc
  .record({
    from: fc.option(fc.subarray(['eu', 'agent-1', 'no'], { minLength: 1 }), { nil: undefined }),
    canaries: fc.option(fc.subarray(['192.0.2.200', '2001:db8::200'], { minLength: 1 }), {
      nil: undefined,
    }),
  })
  .map(({ from, canaries }) => ({
    ...(from === undefined ? {} : { from }),
    ...(canaries === undefined ? {} : { canaries }),
  }));

const agent: fc.Arbitrary<FleetAgent> = fc
  .record({
    at: fc.constantFrom(
      { location: '52.5,13.4', coordinates: { latitude: 52.5, longitude: 13.4 } },
      { location: '-33.9,18.4', coordinates: { latitude: -33.9, longitude: 18.4 } },
    ),
    region: fc.constantFrom('eu', 'no', 'y', 'at-52-5-13-4'),
    publicKey: fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((bytes) => Buffer.from(bytes).toString('base64url')),
    state: fc.constantFrom<AgentState>('active', 'revoked'),
    canaries: fc.constantFrom<[string, string[]][]>([], [['port', ['192.0.2.200']]]),
  })
  .map(({ at, canaries, ...rest }) => ({ ...at, ...rest, canaries: new Map(canaries) }));

const plainMonitor: fc.Arbitrary<Monitor> = fc.oneof(
  times.map((common) => ({ type: 'icmp' as const, ...common })),
  times.map((common) => ({ type: 'tcp' as const, ...common, port: common.port ?? 443 })),
  fc
    .tuple(times, http)
    .map(([common, check]) => ({ type: 'http' as const, ...common, http: check })),
  fc.tuple(times, http, tls).map(([common, check, certificate]) => ({
    type: 'https' as const,
    ...common,
    http: check,
    tls: certificate,
  })),
  fc.tuple(times, tls).map(([common, check]) => ({ type: 'tls' as const, ...common, tls: check })),
  times.map((common) => ({
    type: 'dns' as const,
    ...common,
    dns: { name: 'a.example.', type: 'TXT', transport: 'tcp' as const, answer: '"x y"' },
  })),
  fc.tuple(times, fc.array(oddText, { minLength: 1, maxLength: 3 })).map(([common, command]) => ({
    type: 'exec' as const,
    ...common,
    exec: { command },
  })),
);

const monitor: fc.Arbitrary<Monitor> = fc
  .tuple(plainMonitor, vantages)
  .map(([common, more]) => ({ ...common, ...more }));

const leaf = (member: string): PolicyNode => ({ kind: 'member', member });
const options = fc
  .option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined })
  // -0 is written as 0; and 0 itself is subject to a lint rule of failover.
  .map((minHealthy) => (minHealthy === undefined || minHealthy === 0 ? {} : { minHealthy }));

const codes = {
  country: ['DE', 'NO', 'IN', 'US', 'BR'],
  continent: ['EU', 'AS', 'AF'],
  subdivision: ['US-CA', 'DE-BE'],
};

function policy(members: readonly string[], depth: number): fc.Arbitrary<PolicyNode> {
  const some = fc.subarray([...members], { minLength: 1 });
  const listOf = some.chain((chosen) =>
    fc.tuple(
      ...chosen.map((name) => (depth > 1 ? child(name, members, depth) : fc.constant(leaf(name)))),
    ),
  );
  const all = fc.constant({ all: true as const, children: members.map(leaf) });
  const children = fc.oneof(
    all,
    listOf.map((list) => ({ children: dedupe(list) })),
  );
  const weighted = fc.oneof(
    fc.constant({ all: true as const, children: members.map((name) => ({ node: leaf(name) })) }),
    listOf.chain((list) =>
      fc
        .tuple(
          ...dedupe(list).map((node) =>
            fc
              .option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined })
              .map((weight): WeightedChild => (weight === undefined ? { node } : { node, weight })),
          ),
        )
        .map((list) => ({ children: list })),
    ),
  );
  const answers = fc.integer({ min: 1, max: 8 });
  const bias = fc
    .dictionary(fc.constantFrom(...members), fc.integer({ min: -2000, max: 2000 }))
    .map((table) => new Map(Object.entries(table)));
  const node = <T extends object>(kind: string, part: fc.Arbitrary<T>) =>
    fc
      .tuple(options, part)
      .map(([more, rest]) => ({ kind, ...more, ...rest }) as unknown as PolicyNode);
  return fc.oneof(
    fc.constantFrom(...members).map(leaf),
    node(
      'roundRobin',
      fc.tuple(children, answers).map(([list, n]) => ({ ...list, answers: n })),
    ),
    node('weighted', weighted),
    node('sticky', weighted),
    node('failover', children),
    node('leastLoad', children),
    node(
      'nearest',
      fc
        .tuple(children, answers, bias)
        .map(([list, n, biasKm]) => ({ ...list, answers: n, biasKm })),
    ),
    node(
      'latency',
      fc
        .tuple(children, fc.integer({ min: 0, max: 10_000 }), fc.constantFrom(0, 0.1, 0.25, 2))
        .map(([list, toleranceMs, toleranceRatio]) => ({ ...list, toleranceMs, toleranceRatio })),
    ),
    node(
      'geo',
      fc
        .tuple(geoRules(members, depth), fc.option(below(members, depth), { nil: undefined }))
        .map(([rules, otherwise]) => ({ rules, otherwise })),
    ),
  );
}

function below(members: readonly string[], depth: number): fc.Arbitrary<PolicyNode> {
  return depth > 1 ? policy(members, depth - 1) : fc.constantFrom(...members).map(leaf);
}

function child(name: string, members: readonly string[], depth: number): fc.Arbitrary<PolicyNode> {
  return fc.oneof({ arbitrary: fc.constant(leaf(name)), weight: 3 }, policy(members, depth - 1));
}

/** Lists that lint takes: no child twice. */
function dedupe(list: readonly PolicyNode[]): PolicyNode[] {
  const seen = new Set<string>();
  return list.filter((node) => {
    const key = JSON.stringify(node, (_, value: unknown) =>
      value instanceof Map ? [...value] : value,
    );
    return seen.size < seen.add(key).size;
  });
}

function geoRules(members: readonly string[], depth: number) {
  const match: fc.Arbitrary<GeoMatch> = fc
    .record({
      cidr: fc.subarray(['192.0.2.0/24', '2001:db8::/32']),
      asn: fc.subarray([64_500, 4_200_000_000]),
      subdivision: fc.subarray(codes.subdivision),
      country: fc.subarray(codes.country),
      continent: fc.subarray(codes.continent),
    })
    .filter((lists) => Object.values(lists).some((list) => list.length > 0));
  return fc.tuple(match, below(members, depth)).map(([lists, use]) => [{ match: lists, use }]);
}

function service(regions: readonly string[], monitors: readonly string[]): fc.Arbitrary<Service> {
  return fc.subarray([...regions], { minLength: 1 }).chain((members) =>
    fc
      .record({
        ttl: fc
          .tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 300 }))
          .map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) })),
        monitors: fc.subarray([...monitors]),
        members: fc
          .tuple(...members.map((name, index) => planned(memberOf(name, index))))
          .map((list) => new Map(list.map((member) => [member.region, member] as const))),
        policy: policy(members, 3),
        minHealthy: fc.constantFrom(0, 0.5, 1),
        whenAllDown: fc.oneof(
          fc.constantFrom('all' as const, 'nodata' as const),
          fc.constantFrom(...members).map((member) => ({ member })),
        ),
        rampSeconds: fc.integer({ min: 0, max: 86_400 }),
        spill: fc.boolean(),
      })
      .map((model) => model as Service),
  );
}

function memberOf(name: string, index: number): fc.Arbitrary<Member> {
  return fc.record({
    region: fc.constant(name),
    a: fc.constantFrom([`192.0.2.${index}`], [`198.51.100.${index}`, `203.0.113.${index}`]),
    aaaa: fc.constantFrom(
      [],
      [formatIp(fromBytes([0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), index + 1]))],
    ),
    weight: fc.integer({ min: 0, max: 65_535 }),
    capacity: fc.option(fc.integer({ min: 1, max: 1_000_000 }), { nil: undefined }),
    state,
  });
}

const network: fc.Arbitrary<NetworkOverride> = fc
  .record({
    bytes: fc.uint8Array({ minLength: 4, maxLength: 4 }),
    length: fc.integer({ min: 8, max: 32 }),
    country: fc.constantFrom('DE', 'NO'),
    asn: fc.option(fc.integer({ min: 1, max: 4_294_967_295 }), { nil: undefined }),
    coordinates: fc.option(coordinates, { nil: undefined }),
  })
  .map(({ bytes, length, country, asn, coordinates: point }) => ({
    cidr: formatPrefix({ address: maskIp(fromBytes(bytes), length), length }),
    country,
    ...(asn === undefined ? {} : { asn }),
    ...(point === undefined ? {} : { coordinates: point }),
  }));

/** Any traffic that a reader could have made. */
export const trafficArbitrary: fc.Arbitrary<Traffic> = fc
  .record({
    regions: fc.subarray(
      names.filter((name) => name.length > 1),
      { minLength: 1 },
    ),
    monitors: fc.subarray(['port', 'no', 'https']),
    services: fc.subarray(['web', 'api', 'y']),
    agents: fc.subarray(['agent-1', 'no', 'y']),
  })
  .chain(({ regions, monitors, services, agents }) =>
    fc
      .record({
        regions: fc.tuple(...regions.map(() => planned(region))),
        monitors: fc.tuple(...monitors.map(() => monitor)),
        services: fc.tuple(...services.map(() => planned(service(regions, monitors)))),
        agents: fc.tuple(...agents.map(() => agent)),
        networks: fc.uniqueArray(network, { maxLength: 3, selector: ({ cidr }) => cidr }),
      })
      .map((tables) => ({
        regions: new Map(regions.map((name, index) => [name, tables.regions[index] as Region])),
        monitors: new Map(monitors.map((name, index) => [name, tables.monitors[index] as Monitor])),
        services: new Map(services.map((name, index) => [name, tables.services[index] as Service])),
        networks: tables.networks,
        ...(agents.length === 0
          ? {}
          : {
              agents: new Map(
                agents.map((name, index) => {
                  const one = tables.agents[index] as FleetAgent;
                  // Canaries need their monitor.
                  const canaries = new Map([...one.canaries].filter(([m]) => monitors.includes(m)));
                  return [name, { ...one, canaries }];
                }),
              ),
            }),
      })),
  )
  .map(plain);

/** The same with ordinary objects: fast-check also makes some without a prototype. */
function plain<T>(value: T): T {
  if (Array.isArray(value)) return value.map(plain) as T;
  if (value instanceof Map)
    return new Map([...value].map(([key, each]) => [key, plain(each)])) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)])) as T;
}
