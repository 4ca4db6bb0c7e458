/**
 * Nanoseconds per answered query of `answerQuery` alone: no sockets, one thread.
 * Run: node bench/answer-query.ts [queries per kind, default 500000]
 */
import { parseIp } from '../src/base/ip.ts';
import { limits } from '../src/base/limits.ts';
import { buildClientMap } from '../src/geo/build-client-map.ts';
import { embeddedCountryDatabase, openGeoSources } from '../src/geo/geo-sources.ts';
import { encodeServiceSegment } from '../src/image/service-segment.ts';
import { compileZoneIndex } from '../src/image/zone-index.ts';
import { compileZone } from '../src/image/zone-segment.ts';
import { createSlot, setPeer } from '../src/server/answer-datagram.ts';
import { answerQuery } from '../src/server/answer-query.ts';
import { createCounters } from '../src/server/counters.ts';
import { emptyImage, updateImage } from '../src/server/image.ts';
import { protectionSettings } from '../src/server/protection-settings.ts';
import { Responder } from '../src/server/responder.ts';
import { defaultSettings, type ServerSettings } from '../src/server/settings.ts';
import { parseName } from '../src/wire/names.ts';
import { typeNumber } from '../src/wire/type-names.ts';
import { readZoneText } from '../src/zone/read-zone.ts';

const queries = Number(process.argv[2] ?? 500_000);
const rounds = 10;
const nameCount = 10_000;

const kinds: Record<string, (index: number) => [string, string]> = {
  static: (index) => [`h${index}.example.com.`, 'A'],
  negative: (index) => [`none${index}.example.com.`, 'A'],
  wildcard: (index) => [`x${index}.wild.example.com.`, 'A'],
  cname: () => ['alias.example.com.', 'A'],
  referral: (index) => [`x${index}.sub.example.com.`, 'A'],
  mx: () => ['example.com.', 'MX'],
  steered: () => ['www.example.com.', 'A'],
  // For a client that the resolver names, looked up among all countries of the embedded database.
  'steered, subnet': () => ['geo.example.com.', 'A'],
};

/** What protection adds to the first of them, with so many clients. */
const protections: Record<string, { settings: Partial<ServerSettings>; clients: number }> = {
  'static, rate': {
    settings: protectionSettings({ rateLimit: { perSecond: limits.rateLimitPerSecond } }),
    clients: 16_384,
  },
  'static, over rate': { settings: protectionSettings({}), clients: 1 },
  'static, cookie': { settings: protectionSettings({}), clients: 1 },
};

const geo = await openGeoSources([{ kind: 'country', path: embeddedCountryDatabase() }]);
const map = buildClientMap(geo, {
  countries: [],
  continents: [],
  subdivisions: [],
  asns: [],
  prefixes: [],
  coordinates: true,
});

function makeResponder(settings: Partial<ServerSettings> = {}): Responder {
  const hosts = Array.from({ length: nameCount }, (_, i) => `h${i} A 192.0.2.${i % 256}`);
  const text = `$TTL 300
@ SOA ns1 hostmaster 1 7200 900 1209600 60
@ NS ns1
@ MX 10 ns1
ns1 A 192.0.2.53
*.wild A 192.0.2.9
alias CNAME h1
sub NS ns.sub
ns.sub A 192.0.2.60
www STEER web
geo STEER geo
${hosts.join('\n')}
`;
  const { zone, problems } = readZoneText(text, { origin: 'example.com.', file: 'bench' });
  if (zone === undefined) throw new Error(JSON.stringify(problems));
  const vip = (last: number) => ({ member: `m${last}`, address: `198.51.100.${last}` });
  const choice = {
    kind: 'weighted',
    alternatives: [1, 2, 3].map((key) => ({
      key,
      weight: key,
      choice: { kind: 'fixed', vips: [vip(key)] } as const,
    })),
  } as const;
  const rooted = [{ choice, ttlSeconds: 30 }] as const;
  const responder = new Responder({ ...defaultSettings, ...settings }, createCounters(), 1);
  responder.image = updateImage(emptyImage, {
    epoch: 1,
    revision: 1,
    zoneIndex: compileZoneIndex([['example.com.', 0]]),
    zones: [
      { slot: 0, segment: compileZone(zone, { serviceSlot: (name) => (name === 'geo' ? 1 : 0) }) },
    ],
    services: [
      {
        slot: 0,
        segment: encodeServiceSegment({
          mapSlot: -1,
          has4: true,
          has6: false,
          a: rooted,
          aaaa: rooted,
        }),
      },
      {
        slot: 1,
        segment: encodeServiceSegment({
          mapSlot: 0,
          has4: true,
          has6: false,
          a: map.classes.map(() => rooted[0]),
          aaaa: map.classes.map(() => rooted[0]),
        }),
      },
    ],
    maps: [{ slot: 0, segment: map.segment }],
  });
  responder.attach(createSlot());
  const peer = parseIp('192.0.2.200');
  if (peer !== undefined) setPeer(responder, peer);
  return responder;
}

/** A query with EDNS, as most are; `subnet` adds a client subnet of 24 bits. */
function makeRequest([owner, type]: [string, string], subnet?: number): Uint8Array {
  const name = parseName(owner);
  if (!(name instanceof Uint8Array)) throw new Error(name.message);
  const header = Buffer.from('123400000001000000000001', 'hex');
  const number = typeNumber(type) ?? 1;
  const tail = Buffer.from([number >> 8, number & 0xff, 0, 1]);
  if (subnet === undefined) {
    return Buffer.concat([header, name, tail, Buffer.from('00002904d0000000000000', 'hex')]);
  }
  const opt = Buffer.from('00002904d000000000000b0008000700011800000000', 'hex');
  opt.writeUIntBE(subnet, opt.length - 3, 3);
  return Buffer.concat([header, name, tail, opt]);
}

/** CPU time of this thread: what else runs on the machine counts less than on a clock. */
function cpuNanoseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1000;
}

/** Prints the least time per query of some rounds, with `requests` from as many clients in turn. */
function measure(
  kind: string,
  responder: Responder,
  requests: readonly Uint8Array[],
  clients = 1,
): void {
  let octets = 0;
  const first = responder.peer[1] ?? 0;
  const run = (count: number): number => {
    const start = cpuNanoseconds();
    for (let index = 0; index < count; index += 1) {
      const request = requests[index & 1023] ?? new Uint8Array();
      if ((index & 63) === 0) responder.time.tick();
      responder.peer[1] = first + (index & (clients - 1));
      responder.bytes.set(request);
      octets = answerQuery(responder, 0, request.length, 65_535);
    }
    return (cpuNanoseconds() - start) / count;
  };
  const times = Array.from({ length: rounds + 1 }, () => run(queries / rounds));
  const nanoseconds = Math.min(...times);
  process.stdout.write(
    `${kind.padEnd(18)} ${nanoseconds.toFixed(0).padStart(6)} ns/query  ${octets} octets\n`,
  );
}

const responder = makeResponder();
for (const [kind, question] of Object.entries(kinds)) {
  const isSubnet = kind.endsWith('subnet');
  const subnetOf = (index: number) =>
    isSubnet ? 0x010000 + ((Math.imul(index, 0x9e3779b1) >>> 8) % 0xde0000) : undefined;
  const requests = Array.from({ length: 1024 }, (_, index) =>
    makeRequest(question(index * 7), subnetOf(index)),
  );
  measure(kind, responder, requests);
}
for (const [kind, { settings, clients }] of Object.entries(protections)) {
  const guarded = makeResponder(settings);
  const cookie = kind.endsWith('cookie') ? learnCookie(guarded) : new Uint8Array(0);
  const requests = Array.from({ length: 1024 }, (_, index) =>
    withOptions(makeRequest([`h${index * 7}.example.com.`, 'A']), cookie),
  );
  measure(kind, guarded, requests, clients);
}

/** The cookie option that the responder gives its peer. */
function learnCookie(guarded: Responder): Uint8Array {
  const option = Buffer.from('000a00080011223344556677', 'hex');
  const request = withOptions(makeRequest(['h0.example.com.', 'A']), option);
  guarded.bytes.set(request);
  const answerBytes = answerQuery(guarded, 0, request.length, 65_535);
  return guarded.bytes.slice(answerBytes - 28, answerBytes);
}

/** A request that ends with an empty OPT, with options in it. */
function withOptions(request: Uint8Array, options: Uint8Array): Uint8Array {
  const whole = Buffer.concat([request, options]);
  whole.writeUInt16BE(options.length, request.length - 2);
  return whole;
}
