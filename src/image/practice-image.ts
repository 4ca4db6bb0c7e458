/**
 * A small image and requests for it that together take every way through the query path: what a new
 * thread answers for itself before it serves (server/practise.ts).
 */
import { encodeClientMap } from '../geo/client-map.ts';
import { RangesBuilder } from '../geo/ranges.ts';
import type { Alternative, Choice, Vip } from '../policy/choice.ts';
import type { EdnsOption } from '../wire/edns.ts';
import { encodeMessage, makeQuery } from '../wire/message.ts';
import { parseName } from '../wire/names.ts';
import { typeNumber } from '../wire/type-names.ts';
import { ednsOptions } from '../wire/types.ts';
import { readZoneText } from '../zone/read-zone.ts';
import type { ImageUpdate } from './image-update.ts';
import { encodeServiceSegment } from './service-segment.ts';
import { compileZoneIndex } from './zone-index.ts';
import { compileZone } from './zone-segment.ts';

/** What a thread practises with. */
export interface Practice {
  readonly image: ImageUpdate;
  /** What most queries are like. */
  readonly common: readonly Uint8Array[];
  /** Every kind that there is. */
  readonly all: readonly Uint8Array[];
}

const origin = 'practice.test.';
const serviceNames = ['fixed', 'weighted', 'sticky', 'rotated'] as const;

const zoneText = `$TTL 300
@       SOA ns1 hostmaster 1 7200 900 1209600 60
@       NS ns1
@       MX 10 ns1
ns1     A 192.0.2.53
ns1     AAAA 2001:db8::53
text    TXT "some text"
*.wild  A 192.0.2.9
alias   CNAME ns1
moved   DNAME wild
sub     NS ns.sub
ns.sub  A 192.0.2.60
${serviceNames.map((name) => `${name} STEER ${name}`).join('\n')}
`;

const questions = [
  ...['ns1 A', 'ns1 AAAA', 'ns1 MX', 'text TXT', 'a.wild A', 'a.b.wild A', 'none A', 'a.b.none A'],
  ...['alias A', 'alias AAAA', 'a.moved A', 'a.sub A', 'ns1 ANY', 'fixed MX', 'fixed ANY'],
  ...serviceNames.flatMap((name) => [`${name} A`, `${name} AAAA`]),
];

const commonQuestions = ['fixed A', 'fixed A', 'fixed AAAA', 'ns1 A', 'a.wild A', 'none A'];

const option = (code: number, hex: string): EdnsOption => ({
  kind: 'other',
  code,
  data: Buffer.from(hex, 'hex'),
});

/** Options that each question is asked with, common ones first; undefined: without EDNS. */
const optionSets: readonly (readonly EdnsOption[] | undefined)[] = [
  [],
  [option(ednsOptions.CLIENT_SUBNET, '00011800cb0071')],
  [option(ednsOptions.CLIENT_SUBNET, '00011800080808')],
  undefined,
  [option(ednsOptions.CLIENT_SUBNET, '0002380020010db8000100')],
  [option(ednsOptions.CLIENT_SUBNET, '00023800200208080808ff')],
  [option(ednsOptions.CLIENT_SUBNET, '00010000')],
  [option(ednsOptions.COOKIE, '0011223344556677')],
  [option(ednsOptions.COOKIE, '001122334455667701000000000000000011223344556677')],
  [option(ednsOptions.NSID, '')],
];

const commonOptionSets = 3;

/** Makes the image and the requests: some kilobytes, and some milliseconds' work. */
export function makePractice(): Practice {
  const { zone, problems } = readZoneText(zoneText, { origin, file: 'practice' });
  if (zone === undefined) throw new Error(`the practice zone: ${JSON.stringify(problems)}`);
  const serviceSlot = (name: string) => (serviceNames as readonly string[]).indexOf(name);
  return {
    image: {
      epoch: 1,
      revision: 1,
      zoneIndex: compileZoneIndex([[origin, 0]]),
      zones: [{ slot: 0, segment: compileZone(zone, { serviceSlot }) }],
      services: serviceNames.map((name, slot) => ({ slot, segment: encodeService(name) })),
      maps: [{ slot: 0, segment: encodeMap() }],
    },
    common: encodeRequests(commonQuestions, optionSets.slice(0, commonOptionSets)),
    all: [
      ...encodeRequests(questions, optionSets),
      encodeRequest('elsewhere.test. A', []),
      encodeRequest(`ns1.${origin} AXFR`, []),
    ],
  };
}

function encodeRequests(
  asked: readonly string[],
  sets: readonly (readonly EdnsOption[] | undefined)[],
): Uint8Array[] {
  return asked.flatMap((question) => sets.map((options) => encodeRequest(question, options)));
}

function encodeRequest(question: string, options: readonly EdnsOption[] | undefined): Uint8Array {
  const [owner = '', type = ''] = question.split(' ');
  const name = parseName(owner.endsWith('.') ? owner : `${owner}.${origin}`);
  const number = typeNumber(type);
  if (!(name instanceof Uint8Array) || number === undefined) throw new Error(question);
  const edns = { udpPayloadBytes: 1232, version: 0, dnssecOk: false };
  const change = options === undefined ? {} : { edns: { ...edns, options } };
  return encodeMessage(makeQuery(name, number, change));
}

const vips = (family: 4 | 6): Vip[] =>
  [1, 2, 3].map((key) => ({
    member: `m${key}`,
    address: family === 4 ? `192.0.2.${key}` : `2001:db8::${key}`,
  }));

function choiceOf(name: (typeof serviceNames)[number], family: 4 | 6): Choice {
  const alternatives = vips(family).map(
    (vip, index): Alternative => ({
      weight: index + 1,
      key: 0x9e3779b1 * (index + 1),
      choice: { kind: 'fixed', vips: [vip] },
    }),
  );
  if (name === 'fixed') return { kind: 'fixed', vips: vips(family).slice(0, 1) };
  if (name === 'rotated') return { kind: 'rotate', vips: vips(family), answers: 2 };
  return { kind: name, alternatives };
}

/** Only the first looks at where clients are. */
function encodeService(name: (typeof serviceNames)[number]): SharedArrayBuffer {
  const rooted = (family: 4 | 6) =>
    ['', '', ''].map(() => ({ choice: choiceOf(name, family), ttlSeconds: 30 }));
  return encodeServiceSegment({
    mapSlot: name === 'rotated' ? -1 : 0,
    has4: true,
    has6: name !== 'rotated',
    a: rooted(4),
    aaaa: rooted(6),
  });
}

/** Addresses all over the space, so that words occur with and without their top bit. */
function encodeMap(): SharedArrayBuffer {
  const four = new RangesBuilder(4);
  const six = new RangesBuilder(6);
  four.push(0, 0, 0, 0, 0);
  six.push(0, 0, 0, 0, 0);
  for (let step = 1; step < 256; step += 1) {
    four.push((step << 24) >>> 0, 0, 0, 0, step % 3);
    four.push(((step << 24) | 0x7100_00) >>> 0, 0, 0, 0, (step + 1) % 3);
    if (step === 0x20) six.push(0x2002_0000, 0, 0, 0, -16 >>> 0);
    else six.push((step << 24) >>> 0, 0, 0, 0, step % 3);
  }
  return encodeClientMap(four.build(), six.build(), 3);
}
