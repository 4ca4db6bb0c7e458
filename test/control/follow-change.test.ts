import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeridianError } from '../../src/base/errors.ts';
import type { ReplicatedRevision, Replication } from '../../src/control/replication.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { by, codesOf, exampleWrites, openBench, put, serialOf } from './fixtures.ts';

/** A controller with the example, and the revision that another such controller makes next. */
async function twoBenches() {
  const leader = await openBench();
  await leader.controller.apply(exampleWrites(), by);
  const follower = await openBench();
  await follower.controller.follow(replicated(leader.store, 1), () => undefined);
  return { leader, follower };
}

function replicated(
  store: MemoryStore | { replicated: MemoryStore['replicated'] },
  number: number,
) {
  return store.replicated(number) ?? assert.fail(`revision ${number} is not there`);
}

const record = (address: string) =>
  put('rrset', 'example.com./a.example.com./A', { ttl: 60, values: [address] });

test('follow() makes the same store, configuration and image as the change did', async () => {
  const { leader, follower } = await twoBenches();
  const made = await leader.controller.apply([record('192.0.2.7')], {
    ...by,
    idempotencyKey: 'key',
  });
  const order: string[] = [];
  const next = { ...replicated(leader.store, 2), term: 3 };
  await follower.controller.follow(next, () => order.push(`stored ${follower.store.latest()}`));
  order.push(`served ${follower.published.at(-1)?.revision}`);
  assert.deepEqual(order, ['stored 2', 'served 2']);
  assert.deepEqual([...follower.store.objects()], [...leader.store.objects()]);
  assert.equal(follower.store.digest(), leader.store.digest());
  assert.equal(follower.store.term(), 3);
  assert.equal(serialOf(follower.controller), serialOf(leader.controller));
  assert.deepEqual(
    follower.controller.configuration().zones.get('example.com.'),
    leader.controller.configuration().zones.get('example.com.'),
  );
  assert.equal(
    follower.controller.etag('zone', 'example.com.'),
    leader.controller.etag('zone', 'example.com.'),
  );
  // The answer travels with the revision.
  const again = await follower.controller.apply([record('192.0.2.7')], {
    ...by,
    idempotencyKey: 'key',
  });
  assert.equal(again.revision, made.revision);
  assert.equal(follower.store.latest(), 2);
});

test('follow() refuses a revision that is not the next, and changes nothing', async () => {
  const { leader, follower } = await twoBenches();
  await leader.controller.apply([record('192.0.2.7')], by);
  await leader.controller.apply([record('192.0.2.8')], by);
  const skipping = follower.controller.follow(replicated(leader.store, 3), () => assert.fail());
  assert.deepEqual(await codesOf(skipping), ['E_CONFLICT']);
  const otherPast = { ...replicated(leader.store, 2), previousHash: 'f'.repeat(64) };
  const forked = follower.controller.follow(otherPast, () => assert.fail());
  assert.deepEqual(await codesOf(forked), ['E_CONFLICT']);
  assert.equal(follower.store.latest(), 1);
  assert.equal(follower.controller.configuration().revision, 1);
});

test('follow() stores what this version cannot read, and serves the zone as before', async () => {
  const { leader, follower } = await twoBenches();
  await leader.controller.apply([record('192.0.2.7')], by);
  const strange: ReplicatedRevision = {
    ...replicated(leader.store, 2),
    changes: [
      ...replicated(leader.store, 2).changes,
      { kind: 'rrset', id: 'example.com./b.example.com./A', before: null, after: '{"new":"form"}' },
      { kind: 'region', id: 'eu', before: null, after: '{"latitude":1,"longitude":1,"dial":7}' },
    ],
  };
  await follower.controller.follow(strange, () => undefined);
  assert.equal(follower.store.latest(), 2);
  const { zones, traffic } = follower.controller.configuration();
  assert.equal(zones.get('example.com.')?.nodes.has('a.example.com.'), false);
  assert.equal(zones.get('example.com.')?.nodes.has('www.example.com.'), true);
  assert.equal(traffic.regions.get('eu')?.dial, 7);
  assert.ok(follower.errors.some((line) => /served as before/.test(line)));
});

test('follow() stores what cannot be compiled here, and the next revision goes on', async () => {
  const { leader, follower } = await twoBenches();
  await leader.controller.apply([record('192.0.2.7')], by);
  await leader.controller.apply([record('192.0.2.8')], by);
  follower.faults.compile = new MeridianError({ code: 'E_LIMIT', message: 'too much; less' });
  await follower.controller.follow(replicated(leader.store, 2), () => undefined);
  assert.equal(follower.store.latest(), 2);
  assert.equal(follower.published.at(-1)?.revision, 1);
  follower.faults.compile = undefined;
  await follower.controller.follow(replicated(leader.store, 3), () => undefined);
  assert.equal(follower.published.at(-1)?.revision, 3);
});

test('replace() serves what the store holds then', async () => {
  const { leader, follower } = await twoBenches();
  await leader.controller.apply([put('zone', 'example.com.', null)], by);
  await follower.controller.replace(
    () => {
      const replacement = follower.store.replacement();
      replacement.addObjects([...leader.store.objects()]);
      const { digest, latest } = { digest: leader.store.digest(), latest: leader.store.latest() };
      replacement.finish({ term: 4, latest, digest, history: [] });
    },
    () => undefined,
  );
  assert.equal(follower.controller.configuration().zones.size, 0);
  assert.equal(follower.controller.configuration().revision, 2);
  assert.equal(follower.published.at(-1)?.revision, 2);
  assert.equal(follower.controller.etag('zone', 'example.com.'), undefined);
});

test('a change passes permit, append and replica in order, each around what it guards', async () => {
  const order: string[] = [];
  const store = new MemoryStore();
  const replication: Replication = {
    async prepare(writes) {
      order.push(`prepare ${writes}`);
    },
    permit() {
      order.push(`permit at ${store.latest()}`);
      return 5;
    },
    async append({ number }) {
      order.push(`append ${number} of ${store.latest()}`);
    },
    async replica(number) {
      order.push(`replica ${number}`);
      return { code: 'E_NO_REPLICA', message: 'alone; wait', severity: 'warning' };
    },
  };
  const { controller } = await openBench({
    store,
    replication,
    publish: async ({ revision }) => void order.push(`publish ${revision}`),
  });
  const result = await controller.apply(exampleWrites(), by);
  assert.deepEqual(order, [
    'publish 0',
    'permit at 0',
    'prepare 9',
    'permit at 0',
    'append 1 of 1',
    'replica 1',
    'publish 1',
  ]);
  assert.deepEqual(
    result.warnings.map(({ code }) => code),
    ['E_NO_REPLICA'],
  );
  assert.equal(store.term(), 5);
});

test('a change that is not permitted, or not appended, leaves nothing behind', async () => {
  const refusal = new MeridianError({ code: 'E_NOT_LEADER', message: 'another leads; ask it' });
  const replication = {
    prepare: async () => undefined,
    permit: (): number => {
      throw refusal;
    },
    append: async () => assert.fail(),
    replica: async () => undefined,
  };
  const { controller, store, published } = await openBench({ replication });
  assert.deepEqual(await codesOf(controller.apply(exampleWrites(), by)), ['E_NOT_LEADER']);
  assert.equal(store.latest(), 0);
  replication.permit = () => 1;
  replication.append = async () => {
    throw refusal;
  };
  assert.deepEqual(await codesOf(controller.apply(exampleWrites(), by)), ['E_NOT_LEADER']);
  assert.deepEqual([store.latest(), [...store.objects()], published.length], [0, [], 1]);
  replication.append = async () => undefined as never;
  assert.equal((await controller.apply(exampleWrites(), by)).revision, 1);
});
