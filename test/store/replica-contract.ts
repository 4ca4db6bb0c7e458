import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ObjectChange } from '../../src/control/change.ts';
import { chainStart } from '../../src/store/chain.ts';
import type { NewObjects, Store } from '../../src/store/store.ts';
import { host, hosts } from './hosts.ts';
import type { OpenStore } from './store-contract.ts';

const at = '2026-01-02T03:04:05.000Z';

/** Commits one revision that gives regions new bodies (null: takes them away). */
export function commitBodies(
  store: Store,
  bodies: Readonly<Record<string, string | null>>,
  more: { term?: number; idempotencyKey?: string; response?: string } = {},
) {
  const changes: ObjectChange[] = Object.entries(bodies).map(([id, after]) => ({
    kind: 'region',
    id,
    before: store.object('region', id)?.body ?? null,
    after,
  }));
  return store.commit(store.latest(), { at, actor: 'tester', summary: 'test', changes, ...more });
}

/** All that a store says of its content, for comparison. */
export function contentOf(store: Store) {
  return {
    latest: store.latest(),
    digest: store.digest(),
    term: store.term(),
    objects: [...store.objects()],
    revisions: store.revisions(Number.MAX_SAFE_INTEGER, 1000).map((revision) => ({
      ...revision,
      changes: [...revision.changes],
    })),
  };
}

/** Copies a store's content into another as a follower does with a snapshot. */
export function copyInto(from: Store, to: Store, historyFrom: number): void {
  const view = from.view();
  const replacement = to.replacement();
  for (const object of view.objects()) replacement.addObjects([object]);
  replacement.addAnswers([...view.answers()]);
  const history = [];
  for (let number = historyFrom; number <= view.latest; number++) {
    const revision = from.replicated(number);
    assert.ok(revision !== undefined);
    history.push(revision);
  }
  const { term, latest, digest } = view;
  replacement.finish({ term, latest, digest, history });
  view.close();
}

/** What every store must do that is a replica in a cluster. */
export function replicaContract(name: string, open: OpenStore): void {
  const using = (title: string, check: (store: Store, other: Store) => void) =>
    test(`${name}: ${title}`, () => {
      const stores = [open(() => 1_750_000_000_000), open(() => 1_750_000_000_000)] as const;
      try {
        check(...stores);
      } finally {
        for (const store of stores) store.close();
      }
    });

  using('terms only rise, and a confirmed one is known', (store) => {
    assert.deepEqual([store.term(), store.knownTerm(), store.digest()], [0, 0, chainStart]);
    store.knowTerm(3);
    assert.deepEqual([store.term(), store.knownTerm()], [0, 3]);
    store.confirmTerm(2);
    assert.deepEqual([store.term(), store.knownTerm()], [2, 3]);
    store.confirmTerm(7);
    store.confirmTerm(5);
    store.knowTerm(6);
    assert.deepEqual([store.term(), store.knownTerm()], [7, 7]);
    commitBodies(store, { a: '1' }, { term: 9 });
    assert.deepEqual([store.term(), store.knownTerm()], [9, 9]);
  });

  using('undo() restores objects, their order and revisions, and forgets the answer', (store) => {
    commitBodies(store, { a: '1', b: '1', c: '1' }, { term: 1 });
    commitBodies(store, { c: '2' }, { term: 1 });
    const before = contentOf(store);
    commitBodies(
      store,
      { d: '1', a: null, c: '3', b: null },
      { term: 1, idempotencyKey: 'k', response: 'r' },
    );
    assert.equal(store.remembered('k'), 'r');
    store.undo(3);
    assert.deepEqual(contentOf(store), before);
    assert.equal(store.remembered('k'), undefined);
    assert.equal(store.verify(), undefined);
    assert.equal(commitBodies(store, { a: '9' }, { term: 1 }).number, 3);
  });

  using(
    'undo() refuses any but the newest revision, one without a term, and a second time',
    (store) => {
      commitBodies(store, { a: '1' }, { term: 1 });
      commitBodies(store, { a: '2' }, { term: 1 });
      assert.throws(() => store.undo(1));
      assert.throws(() => store.undo(3));
      store.undo(2);
      assert.throws(() => store.undo(1));
      commitBodies(store, { a: '2' });
      assert.throws(() => store.undo(2));
      assert.equal(store.latest(), 2);
    },
  );

  using('undo() after any commit gives back what was there', (store) => {
    const ids = fc.constantFrom('a', 'b', 'c', 'd');
    const body = fc.option(fc.constantFrom('1', '2', '3'), { nil: null });
    const bodies = fc.dictionary(ids, body, { minKeys: 1 });
    fc.assert(
      fc.property(bodies, bodies, (kept, undone) => {
        commitBodies(store, kept, { term: 1 });
        const before = contentOf(store);
        const { number } = commitBodies(store, undone, { term: 1 });
        store.undo(number);
        assert.deepEqual(contentOf(store), before);
      }),
      { numRuns: 60 },
    );
    assert.equal(store.verify(), undefined);
  });

  using('replicated() gives a revision with term, previous hash and answer', (store) => {
    const first = commitBodies(store, { a: '1' });
    const answer = { idempotencyKey: 'k', response: 'r' };
    const second = commitBodies(store, { a: '2' }, { term: 4, ...answer });
    assert.deepEqual(store.replicated(1), { ...first, term: 0, previousHash: chainStart });
    assert.deepEqual(store.replicated(2), {
      ...second,
      term: 4,
      previousHash: first.hash,
      ...answer,
    });
    assert.equal(store.replicated(3), undefined);
    assert.equal(store.replicated(0), undefined);
  });

  using('changeChars() counts what a revision holds, up to a bound', (store) => {
    commitBodies(store, { a: '1234', b: '56' });
    commitBodies(store, { a: null });
    assert.equal(store.changeChars(1, 1e6), 134);
    assert.equal(store.changeChars(2, 1e6), 68);
    assert.equal(store.changeChars(3, 1e6), 0);
    commitBodies(store, Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`x${n}`, '1'])));
    const bounded = store.changeChars(3, 6400);
    assert.ok(bounded > 6400 && bounded < 7000, String(bounded));
  });

  using('view() shows the moment that it was opened at', (store) => {
    commitBodies(store, { a: '1', b: '1' }, { term: 2, idempotencyKey: 'k', response: 'r' });
    const digest = store.digest();
    const view = store.view();
    commitBodies(store, { a: '2', c: '1' }, { term: 3 });
    assert.deepEqual([view.latest, view.digest, view.term], [1, digest, 2]);
    assert.deepEqual(
      [...view.objects()].map(({ id, body }) => [id, body]),
      [
        ['a', '1'],
        ['b', '1'],
      ],
    );
    assert.deepEqual(
      [...view.answers()].map(({ key, response }) => [key, response]),
      [['k', 'r']],
    );
    view.close();
  });

  using('a replacement makes a store equal to the one it was read from', (store, other) => {
    for (let n = 1; n <= 5; n++) commitBodies(store, { a: `${n}`, [`x${n}`]: '1' }, { term: 2 });
    commitBodies(store, { b: '1' }, { term: 3, idempotencyKey: 'k', response: 'r' });
    commitBodies(other, { z: '1' });
    copyInto(store, other, 1);
    assert.deepEqual(contentOf(other), contentOf(store));
    assert.equal(other.remembered('k'), 'r');
    assert.equal(other.verify(), undefined);
    const next = { c: '1' };
    assert.deepEqual(
      commitBodies(other, next, { term: 3 }).hash,
      commitBodies(store, next, { term: 3 }).hash,
    );
  });

  using('a replacement without all of the history goes on from where it begins', (store, other) => {
    for (let n = 1; n <= 5; n++) commitBodies(store, { a: `${n}`, [`x${n}`]: '1' }, { term: 2 });
    copyInto(store, other, 4);
    assert.equal(other.latest(), 5);
    assert.equal(other.digest(), store.digest());
    assert.equal(other.revision(3), undefined);
    assert.deepEqual(other.revision(4)?.hash, store.revision(4)?.hash);
    assert.deepEqual(other.replicated(4)?.previousHash, store.revision(3)?.hash);
    assert.deepEqual([...other.objects()], [...store.objects()]);
    assert.equal(other.revisions(Number.MAX_SAFE_INTEGER, 10).length, 2);
    assert.equal(other.verify(), undefined);
    copyInto(store, other, 6);
    assert.deepEqual([other.latest(), other.digest()], [5, store.digest()]);
    assert.equal(commitBodies(other, { a: '6' }, { term: 2 }).number, 6);
    assert.equal(other.verify(), undefined);
  });

  using('a replacement keeps the revisions that its history continues', (store, other) => {
    for (let n = 1; n <= 3; n++) commitBodies(store, { a: `${n}` }, { term: 1 });
    copyInto(store, other, 1);
    for (let n = 4; n <= 6; n++) commitBodies(store, { a: `${n}` }, { term: 2 });
    commitBodies(other, { a: 'lost' }, { term: 1 });
    copyInto(store, other, 4);
    assert.deepEqual(contentOf(other), contentOf(store));
    assert.equal(other.verify(), undefined);
  });

  using('an abandoned replacement changes nothing', (store) => {
    commitBodies(store, { a: '1' }, { term: 1 });
    const before = contentOf(store);
    const replacement = store.replacement();
    replacement.addObjects([{ kind: 'region', id: 'b', body: '{}', revision: 1 }]);
    replacement.abandon();
    assert.deepEqual(contentOf(store), before);
    store.replacement().finish({ term: 5, latest: 0, digest: chainStart, history: [] });
    assert.deepEqual([store.latest(), store.term(), [...store.objects()]], [0, 5, []]);
  });

  using('new objects are undone, viewed and replaced like others', (store, other) => {
    const commit = (changes: readonly ObjectChange[], newObjects: readonly NewObjects[] = []) => {
      const head = { at, actor: 'tester', summary: 'test', term: 1 };
      const { number } = store.commit(store.latest(), { ...head, changes, newObjects });
      const found = contentOf(store);
      assert.equal(store.verify(), undefined);
      return { number, found };
    };
    const empty = contentOf(store);
    commit([], hosts(0, 600).newObjects);
    store.undo(1);
    assert.deepEqual(contentOf(store), { ...empty, term: 1 });
    assert.equal(store.object('rrset', host(5, null).id), undefined);
    const { found: first } = commit([host(900, '{}')], hosts(0, 600).newObjects);
    commit([host(5, '{"n":1}'), host(6, null), host(900, null)]);
    store.undo(2);
    assert.deepEqual(contentOf(store), first);
    const { found: second } = commit([host(5, '{"n":2}'), host(6, null), host(7, '{"n":2}')]);
    commit([host(5, null), host(6, '{"n":3}'), host(7, '{"n":3}')], hosts(1000, 1).newObjects);
    store.undo(3);
    assert.deepEqual(contentOf(store), second);
    const view = store.view();
    commit([host(8, null)]);
    assert.deepEqual([...view.objects()], second.objects);
    view.close();
    copyInto(store, other, 1);
    assert.deepEqual(contentOf(other), contentOf(store));
    copyInto(other, store, 4);
    assert.deepEqual(contentOf(store), contentOf(other));
    assert.equal(store.object('rrset', host(8, null).id), undefined);
    assert.equal(store.object('rrset', host(9, null).id)?.revision, 1);
  });
}
