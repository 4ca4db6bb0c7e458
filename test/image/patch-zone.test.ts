import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from '../../src/base/ip.ts';
import { type PatchableZone, patchZone } from '../../src/image/patch-zone.ts';
import { compileZoneIndex } from '../../src/image/zone-index.ts';
import { compileZone } from '../../src/image/zone-segment.ts';
import { answerDatagram } from '../../src/server/answer-datagram.ts';
import { encodeMessage, makeQuery } from '../../src/wire/message.ts';
import { parseName } from '../../src/wire/names.ts';
import { isRdataError, rrTypes } from '../../src/wire/types.ts';
import { additionalTargets } from '../../src/zone/plain-changes.ts';
import type { Zone } from '../../src/zone/zone.ts';
import { makeResponder } from '../server/harness.ts';
import { bareZone, origin, wish, wished } from './edited-zones.ts';

const noServices = { serviceSlot: () => undefined };
const client = parseIp('192.0.2.1');
const types = ['A', 'TXT', 'AAAA', 'MX', 'NS', 'CNAME', 'DNAME', 'DS', 'SOA', 'ANY'] as const;

function wholeZone(zone: Zone): PatchableZone {
  const segment = compileZone(zone, noServices);
  const words = segment.byteLength >> 2;
  const targets = additionalTargets(zone);
  return { zone, segment, usedWords: words, wholeWords: words, targets };
}

/** What a segment answers to every question over a few names, as hex. */
function answersOf(segment: SharedArrayBuffer): string[] {
  const zoneIndex = compileZoneIndex([[origin, 0]]);
  const zones = [{ slot: 0, segment }];
  const update = { epoch: 1, revision: 1, zoneIndex, zones, services: [], maps: [] };
  const responder = makeResponder(update);
  const labels = ['a', 'b', 'c', 'x'];
  const names = [origin, `ns1.${origin}`, `*.${origin}`, `*.a.${origin}`];
  for (const one of labels) {
    names.push(`${one}.${origin}`);
    for (const two of labels) {
      names.push(`${one}.${two}.${origin}`);
      for (const three of ['a', 'x']) names.push(`${three}.${one}.${two}.${origin}`);
    }
  }
  return names.flatMap((name) =>
    types.map((type) => {
      const wire = parseName(name);
      if (isRdataError(wire) || client === undefined) throw new Error(name);
      const number = type === 'ANY' ? 255 : rrTypes[type];
      const answer = answerDatagram(
        responder,
        encodeMessage(makeQuery(wire, number, { id: 1 })),
        client,
      );
      return `${name} ${type} ${Buffer.from(answer ?? []).toString('hex')}`;
    }),
  );
}

test('a patched zone answers as the same zone compiled as a whole', () => {
  let patches = 0;
  fc.assert(
    fc.property(
      fc.array(wish, { minLength: 8, maxLength: 24 }),
      fc.array(fc.array(wish, { maxLength: 3 }), { minLength: 1, maxLength: 4 }),
      (base, changes) => {
        let current = wholeZone({
          origin,
          nodes: new Map(base.reduce((zone, one) => wished(zone, [one]), bareZone()).nodes),
        });
        for (const wishes of changes) {
          const next = wished(current.zone, wishes);
          if (next === current.zone) continue;
          const large = { ...current, wholeWords: Number.MAX_SAFE_INTEGER };
          const patched = patchZone(large, next, noServices);
          if (patched === undefined) {
            current = wholeZone(next);
            continue;
          }
          patches += 1;
          assert.deepEqual(answersOf(patched.segment), answersOf(compileZone(next, noServices)));
          current = { ...large, ...patched, zone: next };
        }
      },
    ),
    { numRuns: 60 },
  );
  assert.ok(patches > 30, `${patches} patches`);
});

test('patchZone() leaves a zone with too much waste to be compiled as a whole', () => {
  const base = bareZone();
  const nodes = new Map(base.nodes);
  // So many that the versions of the zone have a layer in common.
  for (let index = 0; index < 50; index += 1) {
    nodes.set(`h${index}.${origin}`, base.nodes.get(`ns1.${origin}`) ?? new Map());
  }
  let current = wholeZone({ origin, nodes });
  let patches = 0;
  for (;;) {
    const next = wished(current.zone, []);
    const patched = patchZone(current, next, noServices);
    if (patched === undefined) break;
    patches += 1;
    current = { ...current, ...patched, zone: next };
  }
  assert.ok(patches > 0 && current.usedWords > current.wholeWords * 1.125);
});
