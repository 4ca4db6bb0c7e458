import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../src/base/limits.ts';
import {
  createTrafficMemory,
  memberOfKey,
  sumTraffic,
  Traffic,
  type TrafficMemory,
} from '../../src/server/traffic.ts';
import { ask, makeResponder, makeUpdate } from './harness.ts';

test('countMember() counts what a map of pairs does, however places collide', () => {
  const memory: TrafficMemory = createTrafficMemory();
  const pair = fc.tuple(
    fc.nat({ max: limits.services - 1 }),
    fc.nat({ max: limits.membersPerService - 1 }),
  );
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 500 }), (pairs) => {
      new Uint8Array(memory).fill(0);
      const traffic = new Traffic(memory);
      const expected = new Map<string, number>();
      for (const [service, member] of pairs) {
        traffic.countMember(service, member);
        const name = `${service} ${member}`;
        expected.set(name, (expected.get(name) ?? 0) + 1);
      }
      const counted = [...sumTraffic([traffic]).members].map(([key, count]) => {
        const { serviceSlot, member } = memberOfKey(key);
        return [`${serviceSlot} ${member}`, count] as const;
      });
      assert.deepEqual(new Map(counted), expected);
    }),
    { numRuns: 20 },
  );
});

test('countZone() gives zones beyond the last place one count together', () => {
  const traffic = new Traffic(createTrafficMemory());
  traffic.countZone(0);
  traffic.countZone(limits.countedZones);
  traffic.countZone(limits.countedZones + 5);
  assert.deepEqual(
    [...sumTraffic([traffic]).zones],
    [
      [0, 1],
      [limits.countedZones, 2],
    ],
  );
});

test('answerQuery() counts the zone that was asked, and the member that was answered', () => {
  const zone = '@ 300 SOA ns1 h 1 7200 900 1209600 60\n@ 300 NS ns1\nns1 300 A 192.0.2.1\n';
  const vip = (member: string, last: number) => ({ member, address: `198.51.100.${last}` });
  const services = {
    web: { classes: [{ kind: 'fixed', vips: [vip('eu', 1), vip('us', 2)] } as const] },
  };
  const update = makeUpdate(
    { 'example.com.': zone, 'example.net.': `${zone}www STEER web\n` },
    services,
  );
  const responder = makeResponder(update);
  ask(responder, 'ns1.example.com. A');
  ask(responder, 'none.example.com. A');
  ask(responder, 'www.example.net. A');
  ask(responder, 'elsewhere.test. A');
  const { zones, members } = sumTraffic([responder.traffic]);
  assert.deepEqual(
    [...zones],
    [
      [0, 2],
      [1, 1],
    ],
  );
  assert.deepEqual(
    [...members].map(([key, count]) => [memberOfKey(key), count]),
    [[{ serviceSlot: 0, member: 0 }, 1]],
  );
});
