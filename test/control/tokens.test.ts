import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { MeridianError } from '../../src/base/errors.ts';
import { allows, Tokens } from '../../src/control/tokens.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';

function open(store = new MemoryStore()) {
  const clock = new VirtualClock();
  return { store, clock, tokens: new Tokens(store, clock) };
}

const code = (expected: string) => (error: unknown) =>
  error instanceof MeridianError && error.problems.some((problem) => problem.code === expected);

test('create() gives a secret that verify() knows and the store does not', () => {
  const { store, tokens } = open();
  const { secret, token } = tokens.create({ name: 'ci', scopes: ['read'] });
  assert.match(secret, /^mrd_[A-Za-z0-9_-]{43}$/);
  assert.equal(tokens.verify(secret)?.id, token.id);
  assert.ok(!JSON.stringify(store.tokens()).includes(secret));
  assert.ok(!('hash' in token));
  assert.ok(tokens.list().every((info) => !('hash' in info)));
  for (const wrong of ['', `${secret}x`, secret.slice(0, -1), secret.toUpperCase()]) {
    assert.equal(tokens.verify(wrong), undefined);
  }
});

test('verify() knows tokens of an earlier start', () => {
  const { store, tokens } = open();
  const { secret } = tokens.create({ name: 'ci', scopes: ['read'] });
  assert.equal(open(store).tokens.verify(secret)?.name, 'ci');
});

test('verify() refuses a token from the moment that it expires', () => {
  const { clock, tokens } = open();
  const expiresAt = new Date(clock.epochMs() + 1000).toISOString();
  const { secret } = tokens.create({ name: 'ci', scopes: ['read'], expiresAt });
  clock.advance(999);
  assert.ok(tokens.verify(secret) !== undefined);
  clock.advance(1);
  assert.equal(tokens.verify(secret), undefined);
});

test('remove() takes a token away at once', () => {
  const { tokens } = open();
  const { secret, token } = tokens.create({ name: 'ci', scopes: ['read'] });
  assert.equal(tokens.remove(token.id), true);
  assert.equal(tokens.verify(secret), undefined);
  assert.equal(tokens.remove(token.id), false);
});

test('create() refuses names, scopes and expiries that make no sense', () => {
  const { tokens } = open();
  for (const [wish, expected] of [
    [{ name: '', scopes: ['read'] }, 'E_FORM_VALUE'],
    [{ name: 'a\nb', scopes: ['read'] }, 'E_FORM_VALUE'],
    [{ name: 'x', scopes: [] }, 'E_TOKEN_SCOPE'],
    [{ name: 'x', scopes: ['root'] }, 'E_TOKEN_SCOPE'],
    [{ name: 'x', scopes: ['admin:zone:example.com.'] }, 'E_TOKEN_SCOPE'],
    [{ name: 'x', scopes: ['write:zone:a..b'] }, 'E_TOKEN_SCOPE'],
    [{ name: 'x', scopes: ['read'], expiresAt: 'soon' }, 'E_FORM_VALUE'],
    [{ name: 'x', scopes: ['read'], expiresAt: '2020-01-01T00:00:00Z' }, 'E_FORM_VALUE'],
  ] as const) {
    assert.throws(() => tokens.create(wish), code(expected), JSON.stringify(wish));
  }
  assert.deepEqual(tokens.list(), []);
});

test('create() writes zone scopes in their one form', () => {
  const { tokens } = open();
  const scopes = ['write:zone:Example.COM', 'write:zone:example.com.'];
  assert.deepEqual(tokens.create({ name: 'x', scopes }).token.scopes, ['write:zone:example.com.']);
});

test('allows() grants by verb and zone', () => {
  const zone = 'example.com.';
  for (const [scope, granted] of [
    ['admin', ['read', 'write', 'admin', 'read zone', 'write zone', 'read other', 'write other']],
    ['write', ['read', 'write', 'read zone', 'write zone', 'read other', 'write other']],
    ['read', ['read', 'read zone', 'read other']],
    ['write:zone:example.com.', ['read zone', 'write zone']],
    ['read:zone:example.com.', ['read zone']],
    ['nonsense', []],
  ] as const) {
    const asked = {
      read: { verb: 'read' },
      write: { verb: 'write' },
      admin: { verb: 'admin' },
      'read zone': { verb: 'read', zone },
      'write zone': { verb: 'write', zone },
      'read other': { verb: 'read', zone: 'www.example.com.' },
      'write other': { verb: 'write', zone: 'com.' },
    } as const;
    const got = Object.entries(asked).filter(([, need]) => allows([scope], need));
    assert.deepEqual(
      got.map(([name]) => name),
      granted,
      scope,
    );
  }
});

test('ensureAdmin() makes a token once', () => {
  const { store, tokens } = open();
  const secret = tokens.ensureAdmin(undefined);
  assert.ok(secret !== undefined);
  assert.ok(tokens.allows(tokens.verify(secret) ?? { scopes: [] }, 'admin'));
  assert.equal(open(store).tokens.ensureAdmin(undefined), undefined);
  assert.equal(open(store).tokens.ensureAdmin(''), undefined);
});

test("ensureAdmin() takes the environment's token, and only the one of now", () => {
  const { store, tokens } = open();
  assert.equal(tokens.ensureAdmin('a-long-enough-secret'), undefined);
  assert.deepEqual(tokens.verify('a-long-enough-secret')?.scopes, ['admin']);
  const second = open(store).tokens;
  second.ensureAdmin('another-long-enough-secret');
  assert.equal(second.verify('a-long-enough-secret'), undefined);
  assert.ok(second.verify('another-long-enough-secret') !== undefined);
  const third = open(store).tokens;
  assert.ok(third.ensureAdmin(undefined) !== undefined);
  assert.equal(third.verify('another-long-enough-secret'), undefined);
});

test('ensureAdmin() refuses a token that could be guessed', () => {
  const { tokens } = open();
  for (const weak of ['admin', 'short', 'with spaces in it, yet long']) {
    assert.throws(() => tokens.ensureAdmin(weak), code('E_TOKEN_WEAK'), weak);
  }
  assert.throws(() => tokens.ensureAdmin('with spaces in it, yet long'), /holds a space/);
});
