import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ServiceHealth } from '../../src/health/verdict.ts';
import { compileService } from '../../src/image/compile-service.ts';
import { ServiceBatch } from '../../src/image/service-batch.ts';
import { shapeOf } from '../../src/image/service-shape.ts';
import type { Service } from '../../src/policy/traffic.ts';
import { situation } from '../policy/arbitrary.ts';
import { byDistance } from '../policy/build.ts';

/** Another address for each; equal ones stay equal. */
function moved(address: string): string {
  return address.replace('192.0.2.', '10.0.7.').replace('2001:db8:', '2001:db8:7');
}

/** The service with every VIP moved. */
function renumbered(service: Service): Service {
  const members = [...service.members].map(
    ([name, member]) =>
      [name, { ...member, a: member.a.map(moved), aaaa: member.aaaa.map(moved) }] as const,
  );
  return { ...service, members: new Map(members) };
}

function renumberedHealth(health: ServiceHealth): ServiceHealth {
  return new Map(
    [...health].map(([name, own]) => {
      const vips = [...own.vips].map(([address, verdict]) => [moved(address), verdict] as const);
      return [name, { ...own, vips: new Map(vips) }] as const;
    }),
  );
}

test('ServiceBatch.compile() makes what compileService() makes, whatever it compiled before', () => {
  fc.assert(
    fc.property(situation(4), situation(3), fc.nat(1), (one, two, change) => {
      const batch = new ServiceBatch(one.regions, byDistance);
      const second = renumbered(one.service);
      const member = [...one.service.members.keys()][change] ?? '';
      const own = one.service.members.get(member);
      // Equal but for one thing each, so that a shape or health key which forgets it is found out.
      const others: Service[] = [
        { ...one.service, minHealthy: 1 - one.service.minHealthy },
        { ...one.service, whenAllDown: 'nodata' },
        { ...one.service, ttl: { min: 5, max: 60 } },
        { ...one.service, spill: !one.service.spill },
        { ...one.service, policy: two.service.policy },
        ...(own === undefined
          ? []
          : [
              {
                ...one.service,
                members: new Map([...one.service.members, [member, { ...own, weight: 9 }]]),
              },
              {
                ...one.service,
                members: new Map([...one.service.members, [member, { ...own, a: ['10.9.9.9'] }]]),
              },
            ]),
      ];
      const healths = [one.health, new Map(), two.health];
      for (const service of [one.service, second, ...others, two.service, second]) {
        for (const given of healths) {
          const health = service === second ? renumberedHealth(given) : given;
          const input = { name: 'web', service, health, mapSlot: 3, classes: one.classes };
          const expected = compileService({ ...input, regions: one.regions, estimate: byDistance });
          // Behind another and before what must stay as it is, as in an arena.
          const compiled = batch.compile(input);
          const words = new Int32Array(compiled.bytes / 4 + 3).fill(7);
          compiled.writeTo(words, 2);
          const around = [7, 7, ...new Int32Array(expected), 7];
          assert.deepEqual([...words], around);
        }
      }
    }),
    { numRuns: 150 },
  );
});

test('shapeOf() tells services apart in which two members share a VIP', () => {
  const [sample] = fc.sample(situation(2), { numRuns: 1, seed: 1 });
  const service = sample?.service;
  assert.ok(service);
  const [first, second] = [...service.members];
  assert.ok(first && second);
  const at = (a: string, b: string): Service => ({
    ...service,
    members: new Map([
      [first[0], { ...first[1], a: [a] }],
      [second[0], { ...second[1], a: [b] }],
    ]),
  });
  const apart = shapeOf(at('10.0.0.1', '10.0.0.2'));
  assert.equal(apart.key, shapeOf(at('10.0.0.8', '10.0.0.9')).key);
  assert.notEqual(apart.key, shapeOf(at('10.0.0.1', '10.0.0.1')).key);
});
