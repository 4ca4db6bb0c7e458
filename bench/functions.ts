/**
 * Nanoseconds of each function that a query goes through, one by one: decoding, finding zone and name,
 * the client's class, the pick, and writing. What protects clients is in bench/protection.ts.
 * Run: node bench/functions.ts [calls, default 2000000]
 */
import { Random } from '../src/base/random.ts';
import { buildClientMap } from '../src/geo/build-client-map.ts';
import { lookupClient, openClientMap } from '../src/geo/client-map.ts';
import { embeddedCountryDatabase, openGeoSources } from '../src/geo/geo-sources.ts';
import { makePractice } from '../src/image/practice-image.ts';
import { findNode, findTemplate, findZoneSlot } from '../src/image/zone-view.ts';
import { pickAnswer, stickyHash } from '../src/policy/pick.ts';
import { answerSafely, createSlot } from '../src/server/answer-datagram.ts';
import { createCounters } from '../src/server/counters.ts';
import { decodeQuery } from '../src/server/decode-query.ts';
import { finishAnswer, setLimit } from '../src/server/finish-answer.ts';
import { emptyImage, updateImage } from '../src/server/image.ts';
import { locate } from '../src/server/locate.ts';
import { practise } from '../src/server/practise.ts';
import { Responder } from '../src/server/responder.ts';
import { defaultSettings } from '../src/server/settings.ts';
import { steer } from '../src/server/steer.ts';
import { createTrafficMemory, Traffic } from '../src/server/traffic.ts';
import { writeOwned } from '../src/server/write-answer.ts';
import { rrTypes } from '../src/wire/types.ts';

const calls = Number(process.argv[2] ?? 2_000_000);
const rounds = 7;

/** CPU time of this thread: what else runs on the machine counts less than on a clock. */
function cpuNanoseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1000;
}

/** Times `call` with a running index and prints the median of the rounds. */
function measure(name: string, call: (index: number) => number): void {
  const times: number[] = [];
  let sum = 0;
  for (let round = 0; round <= rounds; round += 1) {
    const start = cpuNanoseconds();
    for (let index = 0; index < calls; index += 1) sum = (sum + call(index)) | 0;
    if (round > 0) times.push((cpuNanoseconds() - start) / calls);
  }
  times.sort((a, b) => a - b);
  const [least = 0] = times;
  const middle = (times[rounds >> 1] ?? 0).toFixed(1).padStart(7);
  process.stdout.write(
    `${name.padEnd(44)} ${middle} ns  (least ${least.toFixed(1)}) ${sum === 7 ? ' ' : ''}\n`,
  );
}

const practice = makePractice();
practise(practice, defaultSettings); // so that all functions are compiled with all kinds of queries known
const responder = new Responder(defaultSettings, createCounters(), 1);
responder.image = updateImage(emptyImage, practice.image);
responder.attach(createSlot());
responder.peer.set([4, 0x08080808]);
const { query, view, image } = responder;
const [zone] = image.zones;
const [service] = image.services;
const [map] = image.maps;
if (zone === undefined || service === undefined || map === undefined || !image.zoneIndex) {
  throw new Error('the practice image is not whole');
}
const { zoneIndex } = image;

/** The common requests: a steered name without and with a client subnet, and a static one. */
const [plain, subnet] = practice.common;
const fixed = practice.common[9];
if (plain === undefined || subnet === undefined || fixed === undefined) throw new Error('none');

function load(request: Uint8Array): number {
  responder.bytes.set(request);
  return request.length;
}

for (const [name, request] of [
  ['with EDNS', plain],
  ['with a client subnet', subnet],
] as const) {
  const bytes = load(request);
  measure(`decodeQuery(), ${name}`, () => decodeQuery(query, view, 0, bytes, true));
}
measure('findZoneSlot(), hash and look-up', () => findZoneSlot(zoneIndex, query.name, false));
measure('findNode(), hash and look-up', () => findNode(zone, query.name, 0));
const node = findNode(zone, query.name, 0);
measure('findTemplate()', () => findTemplate(zone, node, rrTypes.A));
measure('locate()', () => locate(responder, zone));

const random = new Random(1);
const clients = Int32Array.from({ length: 65_536 }, () => random.uint32());
measure('lookupClient(), a small map', (at) =>
  lookupClient(map, 4, clients[at & 65_535] ?? 0, 0, 0, 0),
);
const geo = await openGeoSources([{ kind: 'country', path: embeddedCountryDatabase() }]);
const { segment } = buildClientMap(geo, {
  countries: [],
  continents: [],
  subdivisions: [],
  asns: [],
  prefixes: [],
  coordinates: true,
});
const world = openClientMap(segment);
measure('lookupClient(), all countries, IPv4', (at) =>
  lookupClient(world, 4, clients[at & 65_535] ?? 0, 0, 0, 0),
);
measure('lookupClient(), all countries, IPv6', (at) =>
  lookupClient(world, 6, 0x2000_0000 | ((clients[at & 65_535] ?? 0) >>> 4), at, 0, 0),
);

const picked = new Int32Array(32);
for (const [slot, kind] of ['fixed', 'weighted', 'sticky', 'rotated'].entries()) {
  const one = image.services[slot];
  if (one === undefined) throw new Error(kind);
  measure(`stickyHash(), pickAnswer(), ${kind}`, (at) => {
    const hash = stickyHash(4, clients[at & 65_535] ?? 0, 0);
    return pickAnswer(one, 4, 0, hash, random, picked);
  });
}

load(plain);
responder.begin(0);
decodeQuery(query, view, 0, plain.length, true);
locate(responder, zone);
measure('begin(), setLimit()', () => {
  responder.begin(0);
  return setLimit(responder, 1232);
});
measure('steer(): class, pick and address record', () => {
  responder.begin(0);
  setLimit(responder, 1232);
  return steer(responder, zone);
});
measure('finishAnswer(): OPT and header', () => {
  responder.begin(0);
  return finishAnswer(responder, 1232);
});
decodeQuery(query, view, 0, load(fixed), true);
responder.begin(0);
locate(responder, zone);
measure('writeOwned(), a static record', () => {
  responder.begin(0);
  setLimit(responder, 1232);
  return writeOwned(responder, zone) ? responder.end : 0;
});

const traffic = new Traffic(createTrafficMemory());
measure('Traffic, a zone and a member', (at) => {
  traffic.countZone(at & 1023);
  traffic.countMember(at & 1023, at & 7);
  return 0;
});
for (const [name, request] of [
  ['steered', plain],
  ['steered, subnet', subnet],
  ['static', fixed],
] as const) {
  measure(`answerQuery(), ${name}`, () => answerSafely(responder, 0, load(request), 1232));
}
