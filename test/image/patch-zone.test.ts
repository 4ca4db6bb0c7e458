import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from '../../src/base/ip.ts';
import { limits } from '../../src/base/limits.ts';
import { finishSteps } from '../../src/base/steps.ts';
import { foldZone } from '../../src/image/fold-zone.ts';
import { isWasteful, type LargeZone, patchZone } from '../../src/image/patch-zone.ts';
import { compileZoneIndex } from '../../src/image/zone-index.ts';
import { compileZone, writeZone } from '../../src/image/zone-segment.ts';
import { answerSafely, createSlot, setPeer } from '../../src/server/answer-datagram.ts';
import { encodeMessage, makeQuery } from '../../src/wire/message.ts';
import { parseName } from '../../src/wire/names.ts';
import { isRdataError, rrTypes } from '../../src/wire/types.ts';
import { editZone } from '../../src/zone/edit-zone.ts';
import { rrsetFromJson } from '../../src/zone/rrset-json.ts';
import type { RRset, Zone } from '../../src/zone/zone.ts';
import { makeResponder } from '../server/harness.ts';
import { bareZone, origin, type Wish, wish, wished, withWishes } from './edited-zones.ts';

const noServices = { serviceSlot: () => undefined };
const client = parseIp('192.0.2.1');
const types = [
  'A',
  'TXT',
  'AAAA',
  'MX',
  'SRV',
  'NS',
  'CNAME',
  'DNAME',
  'DS',
  'SOA',
  'ANY',
] as const;

function wholeZone(zone: Zone): LargeZone {
  const body = finishSteps(writeZone(zone, noServices));
  return { zone, body, root: 0, wholeWords: body.length };
}

const labels = ['a', 'b', 'c', 'x'];
const askedNames = [
  ...[origin, `ns1.${origin}`, `*.${origin}`, `*.a.${origin}`, `a.*.${origin}`],
  ...labels.map((one) => `${one}.${origin}`),
  ...labels.flatMap((one) => labels.map((two) => `${one}.${two}.${origin}`)),
  ...labels.flatMap((one) => labels.map((two) => `a.${one}.${two}.${origin}`)),
];

function queryOf(name: string, type: number): Uint8Array {
  const wire = parseName(name);
  if (isRdataError(wire)) throw new Error(name);
  const edns = { udpPayloadBytes: 4096, version: 0, dnssecOk: true, options: [] };
  return encodeMessage(makeQuery(wire, type, { id: 1, edns }));
}

const queries = askedNames.flatMap((name) =>
  types.map((type) => {
    const number = type === 'ANY' ? 255 : rrTypes[type];
    return { question: `${name} ${type}`, query: queryOf(name, number) };
  }),
);

/** Answers from a segment, all in the same memory. */
function responderOf(segment: SharedArrayBuffer, root: number): (query: Uint8Array) => Buffer {
  const zoneIndex = compileZoneIndex([[origin, 0]]);
  const zones = [{ slot: 0, segment, at: 0, root }];
  const responder = makeResponder({
    ...{ epoch: 1, revision: 1, zoneIndex, zones, services: [], maps: [] },
  });
  responder.attach(createSlot());
  if (client !== undefined) setPeer(responder, client);
  return (query) => {
    responder.bytes.set(query);
    const bytes = answerSafely(responder, 0, query.length, limits.messageBytes);
    return Buffer.from(responder.bytes.slice(0, bytes));
  };
}

/** What a segment answers to every question over a few names, as hex. */
function answersOf(segment: SharedArrayBuffer, root = 0): string[] {
  const answer = responderOf(segment, root);
  return queries.map(({ question, query }) => `${question} ${answer(query).toString('hex')}`);
}

const answersOfVersion = ({ body, root }: LargeZone) => answersOf(body.finish(), root);
const answersOfZone = (zone: Zone) => answersOf(compileZone(zone, noServices));

/** A zone with these wishes as one layer, which later versions have in common. */
function baseOf(wishes: readonly Wish[], isSigned: boolean): Zone {
  const rrset = rrsetFromJson(origin, origin, 'DNSKEY', { ttl: 60, values: ['257 3 13 AAAA'] });
  const key = { owner: origin, type: rrTypes.DNSKEY, rrset: rrset as RRset };
  const bare = isSigned ? editZone(bareZone(), [key]) : bareZone();
  return { origin, nodes: new Map(wishes.reduce((z, one) => wished(z, [one]), bare).nodes) };
}

const step = fc.record({
  wishes: fc.array(wish, { maxLength: 3 }),
  /** What is made of the same version first and then refused. */
  refused: fc.array(wish, { maxLength: 2 }),
  isFolded: fc.boolean(),
});

test('a patched zone answers as the same zone compiled as a whole', () => {
  let patches = 0;
  fc.assert(
    fc.property(
      fc.array(wish, { minLength: 8, maxLength: 24 }),
      fc.boolean(),
      fc.array(step, { minLength: 1, maxLength: 5 }),
      (base, isSigned, steps) => {
        let current = wholeZone(baseOf(base, isSigned));
        const versions: { version: LargeZone; answers: string[] }[] = [];
        for (const { wishes, refused, isFolded } of steps) {
          const draft = wished(current.zone, refused);
          if (draft !== current.zone) patchZone(current, draft, noServices);
          const next = wished(current.zone, wishes);
          if (next === current.zone) continue;
          const patched = patchZone(current, next, noServices);
          const answers = answersOfZone(next);
          if (patched !== undefined) {
            patches += 1;
            assert.deepEqual(answersOfVersion(patched), answers);
            versions.push({ version: patched, answers });
          }
          current = patched ?? wholeZone(next);
          if (isFolded) {
            current = finishSteps(foldZone(current));
            assert.deepEqual(answersOfVersion(current), answers);
          }
        }
        // Whatever came later, or was refused, versions are as they were.
        for (const { version, answers } of versions) {
          assert.deepEqual(answersOfVersion(version), answers);
        }
      },
    ),
    { numRuns: 150 },
  );
  assert.ok(patches > 100, `${patches} patches`);
});

function textAt(owner: string, text: string): RRset {
  const rrset = rrsetFromJson(origin, owner, 'TXT', { ttl: 60, values: [`"${text}"`] });
  if (Array.isArray(rrset)) throw new Error(JSON.stringify(rrset));
  return rrset as RRset;
}

const keyOf = (index: number) => `h${index}.${origin}`;

/** A zone with so many names besides those that every zone has. */
function zoneOfMany(names: number): Zone {
  const edits = Array.from({ length: names }, (_, index) => {
    const owner = keyOf(index);
    return { owner, type: rrTypes.TXT, rrset: textAt(owner, `${index}`) };
  });
  return { origin, nodes: new Map(editZone(bareZone(), edits).nodes) };
}

const textQueries = Array.from({ length: 6000 }, (_, index) => queryOf(keyOf(index), rrTypes.TXT));

/** TXT of names as a version answers it; undefined where there is no such name. */
function textsOf({ body, root }: LargeZone): (string | undefined)[] {
  const answer = responderOf(body.finish(), root);
  return textQueries.map((query) => {
    const message = answer(query);
    if (message.readUInt16BE(6) === 0) return undefined;
    // Behind the question, which is the query without its OPT: pointer, type, class, TTL, length.
    const at = query.length - 11 + 12;
    return message.toString('latin1', at + 1, at + 1 + (message[at] ?? 0));
  });
}

test('patchZone() keeps every name while names come and go by the hundred', () => {
  const names = textQueries.length;
  let current = wholeZone(zoneOfMany(3000));
  const expected = Array.from({ length: names }, (_, index) =>
    index < 3000 ? `${index}` : undefined,
  );
  let patches = 0;
  let random = 1;
  for (let turn = 0; turn < 60; turn += 1) {
    const edits = Array.from({ length: 100 }, (_, edit) => {
      random = (Math.imul(random, 1103515245) + 12345) & 0x7fffffff;
      const index = random % names;
      const isGone = (random >> 16) % 3 === 0;
      expected[index] = isGone ? undefined : `${turn} ${edit}`;
      const owner = keyOf(index);
      return { owner, type: rrTypes.TXT, rrset: isGone ? null : textAt(owner, `${turn} ${edit}`) };
    });
    const zone = editZone(current.zone, edits);
    const patched = patchZone(current, zone, noServices);
    if (patched !== undefined) patches += 1;
    current = patched ?? wholeZone(zone);
    if (turn % 10 === 9) assert.deepEqual(textsOf(current), expected, `turn ${turn}`);
    if (turn % 20 === 19) current = finishSteps(foldZone(current));
  }
  assert.deepEqual(textsOf(current), expected);
  assert.ok(patches > 50, `${patches} patches`);
});

test('isWasteful() says when a zone has been edited so often that folding it frees memory', () => {
  let current = wholeZone(zoneOfMany(3000));
  const { wholeWords } = current;
  let edits = 0;
  for (; !isWasteful(current); edits += 1) {
    current = patchZone(current, withWishes(current.zone, []), noServices) ?? assert.fail();
  }
  assert.ok(edits > 100, `after ${edits} edits`);
  const folded = finishSteps(foldZone(current));
  assert.ok(!isWasteful(folded) && folded.body.length <= wholeWords * 1.01);
});
