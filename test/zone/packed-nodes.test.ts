import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProblemList } from '../../src/zone/problem-list.ts';
import { RecordArena } from '../../src/zone/record-arena.ts';
import { ZoneBuilder } from '../../src/zone/zone-builder.ts';

const name = fc
  .array(fc.constantFrom('a', 'b', 'c', 'dd', '*', 'x\\.y', 'z\\"'), { maxLength: 3 })
  .map((labels) => labels.map((label) => `${label}.`).join(''));
const record = fc.record({
  zone: fc.constantFrom('example.com.', 'test.', '.'),
  name,
  type: fc.constantFrom(1, 16, 28),
  octets: fc.uint8Array({ maxLength: 40 }),
});

test('zones in one arena hold what was added to each', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 120 }), (records) => {
      const arena = new RecordArena();
      const builders = new Map<string, ZoneBuilder>();
      const model = new Map<string, Map<string, Map<number, string[]>>>();
      for (const { zone, name: text, type, octets } of records) {
        const origin = zone === '.' ? '' : zone;
        const key = text + origin || '.';
        let builder = builders.get(zone);
        builder ??= new ZoneBuilder(zone, new ProblemList(), arena);
        builders.set(zone, builder);
        // Of the same octets there is one; their letters are made equal, since case may not count.
        const rdata = octets.map((octet) => octet & 0x9f);
        builder.add({ owner: key, key, type, ttl: 60, rdata, file: 'f', line: 1 });
        const names = model.get(zone) ?? new Map<string, Map<number, string[]>>();
        const types = names.get(key) ?? new Map<number, string[]>();
        const all = types.get(type) ?? [];
        if (!all.includes(String(rdata))) all.push(String(rdata));
        model.set(zone, names.set(key, types.set(type, all)));
      }
      for (const [zone, builder] of builders) {
        const { nodes } = builder.finish(undefined);
        const held = [...nodes].map(([key, node]) => {
          const rrsets = [...node.values()].map(({ owner, type, rdatas }) => {
            assert.equal(owner, key);
            return [type, rdatas.map(String)] as const;
          });
          return [key, new Map(rrsets)] as const;
        });
        assert.deepEqual(new Map(held), model.get(zone));
        assert.equal(nodes.size, held.length);
        for (const [key] of held) assert.ok(nodes.has(key), key);
        assert.ok(!nodes.has(`none.${zone}`) && !nodes.has('') && !nodes.has('über.'));
      }
    }),
  );
});

test('get() gives the same objects each time', () => {
  const builder = new ZoneBuilder('test.', new ProblemList());
  const rdata = Uint8Array.of(1, 2, 3, 4);
  builder.add({ owner: 'a.test.', key: 'a.test.', type: 1, ttl: 60, rdata, file: 'f', line: 1 });
  const zone = builder.finish(undefined);
  const node = zone.nodes.get('a.test.');
  assert.equal(zone.nodes.get('a.test.'), node);
  assert.equal([...zone.nodes.values()][0], node);
  assert.equal(zone.nodes.get('a.test.')?.get(1), node?.get(1));
});
