import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  makeToken,
  revokeToken,
  settleTokens,
  spendOnce,
} from '../../src/control/token-changes.ts';
import { Tokens } from '../../src/control/tokens.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import { by, codesOf, exampleWrites, openBench } from './fixtures.ts';
import { putAdmin } from './put-admin.ts';

/** A controller and the tokens that follow it. */
async function open(store: Store = new MemoryStore()) {
  const followed: { tokens?: Tokens } = {};
  const bench = await openBench({ store, stored: (next) => followed.tokens?.follow(next) });
  const tokens = new Tokens(store, bench.clock);
  followed.tokens = tokens;
  tokens.follow(bench.controller.configuration());
  return { ...bench, tokens };
}

const ci = { name: 'ci', scopes: ['read'] };

test('makeToken() is a revision, chained and with its actor, that holds no secret', async () => {
  const { controller, store, tokens } = await open();
  const { secret, token, result } = await makeToken(controller, tokens, ci, by);
  assert.equal(tokens.verify(secret)?.name, 'ci');
  assert.equal(result.revision, 1);
  const revision = store.revision(1);
  assert.deepEqual(
    revision?.changes.map(({ kind, id }) => [kind, id, revision.actor]),
    [['token', token.id, 'tester']],
  );
  assert.ok(!JSON.stringify(revision?.changes).includes(secret));
  assert.equal(store.verify(), undefined);
  assert.equal((await open(store)).tokens.verify(secret)?.id, token.id);
});

test('makeToken() that is refused leaves neither a token nor a revision', async () => {
  const { controller, store, tokens } = await open();
  const bad = makeToken(controller, tokens, { name: 'x', scopes: ['root'] }, by);
  assert.deepEqual(await codesOf(bad), ['E_TOKEN_SCOPE']);
  assert.deepEqual([tokens.list().length, store.latest()], [0, 0]);
});

test('makeToken() repeated under its key says that the secret was in the first answer', async () => {
  const { controller, store, tokens } = await open();
  const options = { ...by, idempotencyKey: 'k' };
  const { token } = await makeToken(controller, tokens, ci, options);
  await assert.rejects(makeToken(controller, tokens, ci, options), new RegExp(token.id));
  assert.equal(store.latest(), 1);
  assert.equal(tokens.list().length, 1);
});

test('a token that the cluster does not take is none', async () => {
  const { controller, store, tokens } = await open();
  const refusing = await openBench({
    store: new MemoryStore(),
    replication: {
      prepare: async () => {},
      permit: () => 1,
      append: () => Promise.reject(new Error('fenced')),
      replica: async () => undefined,
    },
    stored: (next) => tokens.follow(next),
  });
  await assert.rejects(makeToken(refusing.controller, tokens, ci, by), /fenced/);
  assert.deepEqual([tokens.list().length, refusing.store.latest()], [0, 0]);
  assert.equal(controller.configuration().revision, store.latest());
});

test('revokeToken() is a revision, and no rollback brings the token back', async () => {
  const { controller, store, tokens } = await open();
  await controller.apply(exampleWrites(), by);
  const { secret, token } = await makeToken(controller, tokens, ci, by);
  const later = await makeToken(controller, tokens, { ...ci, name: 'later' }, by);
  await revokeToken(controller, tokens, token.id, by);
  assert.equal(tokens.verify(secret), undefined);
  assert.equal(store.latest(), 4);
  for (const target of [2, 3, 1]) await controller.rollback(target, by);
  assert.equal(tokens.verify(secret), undefined);
  // Nor does going back to before it take a token away.
  assert.equal(tokens.verify(later.secret)?.name, 'later');
  assert.equal(store.verify(), undefined);
});

test('revokeToken() refuses what is not there, and what is of this process alone', async () => {
  const store = new MemoryStore();
  putAdmin(store, 'environment');
  const { controller, tokens } = await open(store);
  const revoke = (id: string) => codesOf(revokeToken(controller, tokens, id, by));
  assert.deepEqual(await revoke('0123456789abcdef'), ['E_NOT_FOUND']);
  assert.deepEqual(await revoke('environment'), ['E_CONFLICT']);
  assert.equal(store.latest(), 0);
});

test('tokens are made and revoked on followers by the same revisions', async () => {
  const leader = await open();
  const follower = await open();
  const follow = async () => {
    const number = follower.store.latest() + 1;
    const revision = leader.store.replicated(number) ?? assert.fail();
    await follower.controller.follow(revision, () => undefined);
  };
  const { secret, token } = await makeToken(leader.controller, leader.tokens, ci, by);
  await follow();
  assert.equal(follower.tokens.verify(secret)?.id, token.id);
  assert.equal(follower.store.digest(), leader.store.digest());
  await revokeToken(leader.controller, leader.tokens, token.id, by);
  await follow();
  assert.equal(follower.tokens.verify(secret), undefined);
});

test('spendOnce() lets the second of two enrolments in the queue find the token used up', async () => {
  const { controller, tokens } = await open();
  const { token } = await makeToken(
    controller,
    tokens,
    { name: 'once', scopes: ['agent:enroll:once'] },
    by,
  );
  const enrol = (name: string) =>
    controller.change(
      {
        asked: name,
        writes: (current) => ({
          writes: [
            {
              kind: 'agent',
              id: name,
              body: JSON.stringify({ location: 'aws:eu-west-1', publicKey: 'A'.repeat(43) }),
            },
            ...spendOnce(current, token.id),
          ],
          problems: [],
        }),
      },
      by,
    );
  const second = codesOf(Promise.all([enrol('one'), enrol('two')]));
  assert.deepEqual(await second, ['E_CONFLICT']);
  assert.deepEqual([...(controller.configuration().traffic.agents?.keys() ?? [])], ['one']);
});

test('settleTokens() makes an admin where there is none, in one revision, and only then', async () => {
  const { controller, store, tokens } = await open();
  const secret = `mrd_${'x'.repeat(43)}`;
  await settleTokens(controller, tokens, () => secret);
  assert.deepEqual(tokens.verify(secret)?.scopes, ['admin']);
  await settleTokens(controller, tokens, () => assert.fail('nobody needs another'));
  assert.equal(store.latest(), 1);
});

test('settleTokens() brings tokens that were kept beside revisions into one', async () => {
  const store = new MemoryStore();
  const secret = putAdmin(store, '0123456789abcdef');
  putAdmin(store, 'environment');
  const { controller, tokens } = await open(store);
  await settleTokens(controller, tokens, () => assert.fail('there is an admin'));
  assert.deepEqual([...controller.configuration().tokens.keys()], ['0123456789abcdef']);
  assert.deepEqual(
    store.tokens().map(({ id }) => id),
    ['environment'],
  );
  await revokeToken(controller, tokens, '0123456789abcdef', by);
  assert.equal((await open(store)).tokens.verify(secret), undefined);
});
