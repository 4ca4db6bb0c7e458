import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SlotTable } from '../../src/control/slot-table.ts';

test('SlotTable keeps slots stable, unique and small, and hands out freed ones in a later copy', () => {
  const step = fc.record({ key: fc.nat({ max: 9 }), keep: fc.boolean() });
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 12 }), { maxLength: 12 }), (changes) => {
      let table = new SlotTable<number, string>();
      for (const [round, change] of changes.entries()) {
        const next = table.copy();
        const before = new Map(table.slots());
        const freed = new Set<number>();
        for (const { key, keep } of change) {
          const had = next.slot(key);
          if (keep) {
            const slot = next.put(key, `${round}`);
            assert.ok(!freed.has(slot), 'a slot is not given away in the change that freed it');
            if (had !== undefined) assert.equal(slot, had);
            assert.equal(next.get(key), `${round}`);
          } else {
            assert.equal(next.delete(key), had);
            if (had !== undefined) freed.add(had);
            assert.equal(next.slot(key), undefined);
          }
        }
        assert.deepEqual(new Map(table.slots()), before, 'the table before is untouched');
        const slots = [...next.slots()].map(([, slot]) => slot);
        assert.equal(new Set(slots).size, next.size);
        // Ten keys, and at most twelve slots that one change has freed.
        for (const slot of slots) assert.ok(slot < 10 + 12);
        table = next;
      }
    }),
  );
});

test('SlotTable.copy() uses a freed slot again', () => {
  const first = new SlotTable<string, number>();
  assert.deepEqual([first.put('a', 1), first.put('b', 2)], [0, 1]);
  const second = first.copy();
  second.delete('a');
  assert.equal(second.put('c', 3), 2);
  const third = second.copy();
  assert.equal(third.put('d', 4), 0);
  assert.deepEqual([...third.keys()], ['b', 'c', 'd']);
  assert.deepEqual([...third.values()], [2, 3, 4]);
  assert.equal(third.delete('never'), undefined);
});
