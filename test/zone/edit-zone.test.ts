import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { diffZones, equalRRsets, type RRsetDifference } from '../../src/zone/diff-zone.ts';
import { editZone, type RRsetEdit, recordCount, zoneOf } from '../../src/zone/edit-zone.ts';
import { LayeredMap } from '../../src/zone/layered-map.ts';
import type { NameKey, RRset, Zone } from '../../src/zone/zone.ts';

const a = (owner: string, last: number, ttl = 9): RRset => {
  return { owner, type: 1, ttl, rdatas: [Uint8Array.from([192, 0, 2, last])] };
};
const txt = (owner: string, text: string): RRset => {
  return {
    owner,
    type: 16,
    ttl: 9,
    rdatas: [Uint8Array.from([text.length, ...Buffer.from(text)])],
  };
};

/** A map that must not be walked: whoever copies it fails. */
class UnwalkableMap<K, V> extends Map<K, V> {
  override [Symbol.iterator](): MapIterator<[K, V]> {
    throw new Error('walked');
  }
  override entries(): MapIterator<[K, V]> {
    throw new Error('walked');
  }
  override forEach(): void {
    throw new Error('walked');
  }
}

function sameMap<K, V>(map: ReadonlyMap<K, V>, model: ReadonlyMap<K, V>): void {
  assert.equal(map.size, model.size);
  assert.deepEqual(new Map(map), new Map(model));
  assert.deepEqual(new Set(map.keys()), new Set(model.keys()));
  assert.equal([...map.values()].length, model.size);
  let visited = 0;
  map.forEach((value, key, whole) => {
    visited++;
    assert.equal(model.get(key), value);
    assert.equal(whole, map);
  });
  assert.equal(visited, model.size);
}

test('LayeredMap does what a copied Map does, and leaves older versions alone', () => {
  const change = fc.array(fc.tuple(fc.nat(40), fc.option(fc.nat(9), { nil: undefined })), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(fc.nat(40), fc.array(change, { maxLength: 30 }), (startSize, changes) => {
      let model = new Map(Array.from({ length: startSize }, (_, key) => [key, 10]));
      let map = LayeredMap.from(model);
      const versions: [LayeredMap<number, number>, Map<number, number>][] = [[map, model]];
      for (const list of changes) {
        const before = map;
        const modelBefore = model;
        map = map.with(new Map(list));
        model = new Map(model);
        for (const [key, value] of new Map(list)) {
          if (value === undefined) model.delete(key);
          else model.set(key, value);
        }
        versions.push([map, model]);
        const changed = LayeredMap.changedKeys(before, map);
        for (const key of new Set([...model.keys(), ...modelBefore.keys()])) {
          assert.equal(map.get(key), model.get(key));
          assert.equal(map.has(key), model.has(key));
          const differs = model.get(key) !== modelBefore.get(key);
          assert.ok(!differs || changed === undefined || changed.has(key));
        }
      }
      for (const [version, expected] of versions) sameMap(version, expected);
    }),
    { numRuns: 300 },
  );
});

test('editZone() copies nothing of a large zone for a small edit', () => {
  const nodes = new UnwalkableMap<NameKey, ReadonlyMap<number, RRset>>();
  for (let index = 0; index < 5000; index++) {
    const owner = `h${index}.example.com.`;
    nodes.set(owner, new Map([[1, a(owner, 1)]]));
  }
  let zone: Zone = { origin: 'example.com.', nodes };
  const first = zone;
  for (let index = 0; index < 100; index++) {
    const owner = `h${index}.example.com.`;
    zone = editZone(zone, [{ owner, type: 1, rrset: a(owner, 2) }]);
  }
  assert.equal(zone.nodes.size, 5000);
  assert.equal(zone.nodes.get('h7.example.com.')?.get(1)?.rdatas[0]?.[3], 2);
  assert.equal(zone.nodes.get('h500.example.com.'), nodes.get('h500.example.com.'));
  assert.equal(nodes.get('h7.example.com.')?.get(1)?.rdatas[0]?.[3], 1);
  assert.equal(diffZones(first, zone).length, 100);
});

test('editZone() adds, replaces and removes RRsets, and names with their last one', () => {
  const zone = zoneOf('x.', [
    ['a.x.', a('a.x.', 1)],
    ['a.x.', txt('a.x.', 'one')],
    ['b.x.', a('b.x.', 1)],
  ]);
  const next = editZone(zone, [
    { owner: 'a.x.', type: 1, rrset: null },
    { owner: 'a.x.', type: 16, rrset: txt('a.x.', 'two') },
    { owner: 'b.x.', type: 1, rrset: null },
    { owner: 'c.x.', type: 1, rrset: a('c.x.', 3) },
    { owner: 'c.x.', type: 16, rrset: txt('c.x.', 'three') },
    { owner: 'c.x.', type: 1, rrset: null },
    { owner: 'none.x.', type: 1, rrset: null },
  ]);
  assert.deepEqual([...next.nodes.keys()].sort(), ['a.x.', 'c.x.']);
  assert.deepEqual([...(next.nodes.get('a.x.')?.keys() ?? [])], [16]);
  assert.deepEqual([...(next.nodes.get('c.x.')?.keys() ?? [])], [16]);
  assert.equal(recordCount(zone), 3);
  assert.equal(recordCount(next), 2);
});

test('editZone() gives the same zone back when nothing changes', () => {
  const zone = zoneOf('x.', [['a.x.', a('a.x.', 1)]]);
  const same = zone.nodes.get('a.x.')?.get(1) ?? null;
  assert.equal(editZone(zone, []), zone);
  assert.equal(editZone(zone, [{ owner: 'a.x.', type: 1, rrset: same }]), zone);
  assert.equal(editZone(zone, [{ owner: 'b.x.', type: 1, rrset: null }]), zone);
});

test('zoneOf() keeps the later of two RRsets of one owner and type', () => {
  const zone = zoneOf('x.', [
    ['a.x.', a('a.x.', 1)],
    ['a.x.', txt('a.x.', 'one')],
    ['a.x.', a('a.x.', 2)],
  ]);
  assert.equal(recordCount(zone), 2);
  assert.equal(zone.nodes.get('a.x.')?.get(1)?.rdatas[0]?.[3], 2);
});

test('diffZones() tells what was added, removed and changed', () => {
  const before = zoneOf('x.', [
    ['a.x.', a('a.x.', 1)],
    ['b.x.', a('b.x.', 1)],
    ['c.x.', a('c.x.', 1)],
    ['d.x.', a('d.x.', 1)],
  ]);
  const after = zoneOf('x.', [
    ['a.x.', a('A.x.', 1)],
    ['b.x.', a('b.x.', 2)],
    ['c.x.', a('c.x.', 1, 10)],
    ['e.x.', a('e.x.', 1)],
  ]);
  const kind = ({ owner, before: old, after: now }: RRsetDifference) =>
    `${owner} ${old === undefined ? 'added' : now === undefined ? 'removed' : 'changed'}`;
  assert.deepEqual(diffZones(before, after).map(kind), [
    'b.x. changed',
    'c.x. changed',
    'd.x. removed',
    'e.x. added',
  ]);
  assert.deepEqual(diffZones(before, before), []);
  assert.equal(diffZones(undefined, before).length, 4);
  assert.deepEqual(diffZones(before, undefined).map(kind)[0], 'a.x. removed');
});

test('diffZones() undone by editZone() gives the first zone back, whatever the edits', () => {
  const owners = fc.constantFrom('a.x.', 'b.x.', 'c.x.', 'd.x.');
  const edit: fc.Arbitrary<RRsetEdit> = fc
    .tuple(owners, fc.constantFrom(1, 16), fc.option(fc.nat(3)))
    .map(([owner, type, value]) => {
      const made = type === 1 ? a(owner, value ?? 0) : txt(owner, String(value));
      return { owner, type, rrset: value === null ? null : made };
    });
  const edits = fc.array(edit, { maxLength: 10 });
  fc.assert(
    fc.property(edits, edits, (first, second) => {
      const before = editZone(zoneOf('x.', []), first);
      const after = editZone(before, second);
      const differences = diffZones(before, after);
      for (const { before: old, after: now } of differences) {
        assert.ok(old === undefined || now === undefined || !equalRRsets(old, now));
      }
      const undone = editZone(
        after,
        differences.map(({ owner, type, before: old }) => ({ owner, type, rrset: old ?? null })),
      );
      assert.deepEqual(diffZones(before, undone), []);
      assert.equal(recordCount(undone), recordCount(before));
    }),
  );
});
