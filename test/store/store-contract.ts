import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeridianError } from '../../src/base/errors.ts';
import type { ObjectChange } from '../../src/control/change.ts';
import { objectsOf } from '../../src/store/sqlite-objects.ts';
import type { Store } from '../../src/store/store.ts';
import { host, hosts } from './hosts.ts';

/** Opens a fresh store whose clock the test holds. */
export type OpenStore = (now: () => number) => Store;

const at = '2026-01-02T03:04:05.000Z';
const put = (id: string, before: string | null, after: string | null): ObjectChange => ({
  kind: 'region',
  id,
  before,
  after,
});
const entry = (changes: readonly ObjectChange[], more: object = {}) => ({
  at,
  actor: 'tester',
  summary: 'PUT /v1/regions/x',
  changes,
  ...more,
});

/** What every store must do. */
export function storeContract(name: string, open: OpenStore): void {
  const using = (title: string, check: (store: Store, clock: { nowMs: number }) => void) =>
    test(`${name}: ${title}`, () => {
      const clock = { nowMs: 1_750_000_000_000 };
      const store = open(() => clock.nowMs);
      try {
        check(store, clock);
      } finally {
        store.close();
      }
    });

  using('a new store is empty at revision 0', (store) => {
    assert.equal(store.latest(), 0);
    assert.deepEqual([...store.objects()], []);
    assert.equal(store.revision(1), undefined);
    assert.equal(store.verify(), undefined);
  });

  using('commit() numbers revisions from 1 and keeps what they changed', (store) => {
    const first = store.commit(0, entry([put('a', null, '{"n":1}'), put('b', null, '{}')]));
    const second = store.commit(1, entry([put('a', '{"n":1}', '{"n":2}')]));
    assert.deepEqual([first.number, second.number, store.latest()], [1, 2, 2]);
    assert.deepEqual(
      [...store.objects()].map(({ id, body, revision }) => [id, body, revision]),
      [
        ['a', '{"n":2}', 2],
        ['b', '{}', 1],
      ],
    );
    assert.deepEqual(store.revision(2)?.changes, second.changes);
    assert.equal(store.revision(2)?.actor, 'tester');
    assert.equal(store.revision(2)?.at, at);
  });

  using('commit() removes an object whose body becomes null', (store) => {
    store.commit(0, entry([put('a', null, '{}')]));
    store.commit(1, entry([put('a', '{}', null)]));
    assert.equal(store.object('region', 'a'), undefined);
    assert.deepEqual([...store.objects()], []);
    assert.equal(store.verify(), undefined);
  });

  using('commit() refuses a revision that is not the latest and changes nothing', (store) => {
    store.commit(0, entry([put('a', null, '{}')]));
    assert.throws(
      () => store.commit(0, entry([put('b', null, '{}')])),
      (error) => error instanceof MeridianError && error.code === 'E_CONFLICT',
    );
    assert.throws(() => store.commit(7, entry([put('b', null, '{}')])), MeridianError);
    assert.equal(store.latest(), 1);
    assert.equal(store.object('region', 'b'), undefined);
  });

  using('objects() keeps the order in which objects first came', (store) => {
    store.commit(0, entry([put('b', null, '1'), put('a', null, '1'), put('c', null, '1')]));
    store.commit(1, entry([put('b', '1', '2')]));
    store.commit(2, entry([put('c', '1', null)]));
    store.commit(3, entry([put('c', null, '2')]));
    assert.deepEqual(
      [...store.objects()].map(({ id }) => id),
      ['b', 'a', 'c'],
    );
  });

  using('the same id under two kinds is two objects', (store) => {
    store.commit(0, entry([put('x', null, '1'), { ...put('x', null, '2'), kind: 'service' }]));
    assert.equal(store.object('region', 'x')?.body, '1');
    assert.equal(store.object('service', 'x')?.body, '2');
  });

  using('revisions() lists newest first below a number', (store) => {
    for (let n = 0; n < 5; n++) store.commit(n, entry([put('a', null, String(n))]));
    const numbers = (before: number, limit: number) =>
      store.revisions(before, limit).map((revision) => revision.number);
    assert.deepEqual(numbers(Number.MAX_SAFE_INTEGER, 2), [5, 4]);
    assert.deepEqual(numbers(4, 10), [3, 2, 1]);
    assert.deepEqual(numbers(1, 10), []);
    assert.deepEqual(numbers(Number.POSITIVE_INFINITY, 1), [5]);
    assert.deepEqual(numbers(3, 0), []);
  });

  using('hashes chain: the same content after another past has another hash', (store) => {
    const first = store.commit(0, entry([put('a', null, '1')]));
    const second = store.commit(1, entry([put('a', null, '1')]));
    assert.match(first.hash, /^[0-9a-f]{64}$/);
    assert.notEqual(first.hash, second.hash);
    assert.equal(store.verify(), undefined);
  });

  using('remembered() gives an answer back for a day', (store, clock) => {
    store.commit(0, entry([put('a', null, '1')], { idempotencyKey: 'k', response: '{"r":1}' }));
    clock.nowMs += 86_400_000;
    assert.equal(store.remembered('k'), '{"r":1}');
    assert.equal(store.remembered('other'), undefined);
    clock.nowMs += 1;
    assert.equal(store.remembered('k'), undefined);
  });

  using('a refused commit leaves no answer behind', (store) => {
    const answer = { idempotencyKey: 'k', response: 'x' };
    assert.throws(() => store.commit(9, entry([put('a', null, '1')], answer)));
    assert.equal(store.remembered('k'), undefined);
  });

  using('tokens are put, replaced and deleted', (store) => {
    const token = {
      id: 't1',
      name: 'ci',
      hash: 'ab',
      scopes: ['read', 'write:zone:example.com.'],
      expiresAt: null,
      createdAt: at,
    };
    store.putToken(token);
    store.putToken({ ...token, id: 't2', expiresAt: at });
    store.putToken({ ...token, name: 'renamed' });
    assert.deepEqual(
      store.tokens().map(({ id, name, scopes, expiresAt }) => [id, name, scopes.length, expiresAt]),
      [
        ['t1', 'renamed', 2, null],
        ['t2', 'ci', 2, at],
      ],
    );
    assert.equal(store.deleteToken('t1'), true);
    assert.equal(store.deleteToken('t1'), false);
    assert.equal(store.tokens().length, 1);
  });

  using('health is kept as it was last saved', (store) => {
    assert.equal(store.loadHealth(), undefined);
    const target = { service: 'web', member: 'eu', address: '192.0.2.1', monitor: 'port' };
    store.saveHealth({ version: 1, atEpochMs: 1, down: [{ ...target, forMs: 5 }] });
    store.saveHealth({ version: 1, atEpochMs: 2, down: [{ ...target, forMs: 6 }] });
    assert.deepEqual(store.loadHealth(), {
      version: 1,
      atEpochMs: 2,
      down: [{ ...target, forMs: 6 }],
    });
    store.saveHealth({ version: 1, atEpochMs: 3, down: [] });
    assert.deepEqual(store.loadHealth()?.down, []);
  });

  using('a commit of ten thousand changes is one revision', (store) => {
    const changes = Array.from({ length: 10_000 }, (_, index) => put(`r${index}`, null, '{}'));
    assert.equal(store.commit(0, entry(changes)).number, 1);
    assert.equal(store.revision(1)?.changes.length, 10_000);
    assert.equal(store.verify(), undefined);
  });

  using('newObjects are changes of their revision, and objects like others', (store) => {
    const { newObjects } = hosts(0, 700);
    const first = store.commit(0, entry([put('a', null, '{}')], { newObjects }));
    assert.equal(first.changes.length, 701);
    assert.equal(store.revision(1)?.changes.length, 701);
    assert.equal(store.object('rrset', 'h.test./h600.h.test./A')?.revision, 1);
    assert.equal(store.object('rrset', 'h.test./h700.h.test./A'), undefined);
    store.commit(1, entry([host(3, '{"n":3}'), host(650, null), host(800, '{"n":8}')]));
    assert.deepEqual(store.object('rrset', 'h.test./h3.h.test./A'), {
      ...{ kind: 'rrset', id: 'h.test./h3.h.test./A', body: '{"n":3}', revision: 2 },
    });
    assert.equal(store.object('rrset', 'h.test./h650.h.test./A'), undefined);
    const { newObjects: more } = hosts(900, 2);
    store.commit(2, entry([host(650, '{"n":6}'), host(3, '{"n":4}')], { newObjects: more }));
    assert.equal(store.object('rrset', 'h.test./h650.h.test./A')?.body, '{"n":6}');
    const numbers = [...store.objects()].map(({ id }) => Number(/h(\d+)\.h/.exec(id)?.[1] ?? -1));
    const rest = Array.from({ length: 700 }, (_, index) => index).filter((n) => n !== 650);
    assert.deepEqual(numbers, [-1, ...rest, 800, 650, 900, 901]);
    assert.equal(store.object('rrset', 'h.test./h3.h.test./A')?.revision, 3);
    store.commit(3, entry([host(650, null), host(3, null), host(901, null)]));
    assert.equal(store.object('rrset', 'h.test./h650.h.test./A'), undefined);
    assert.equal(store.object('rrset', 'h.test./h3.h.test./A'), undefined);
    assert.equal([...store.objects()].length, numbers.length - 3);
    assert.deepEqual([...objectsOf(store.content())], [...store.objects()]);
    assert.equal(store.verify(), undefined);
  });
}
