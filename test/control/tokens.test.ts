import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { MeridianError } from '../../src/base/errors.ts';
import { allows, type NewToken, Tokens, type TokenWish } from '../../src/control/tokens.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';

function open(store = new MemoryStore()) {
  const clock = new VirtualClock();
  const tokens = new Tokens(store, clock);
  /** Makes tokens as revisions do. */
  const create = (...wishes: TokenWish[]) => {
    const made = wishes.map((wish) => tokens.draft(wish));
    tokens.follow({ tokens: new Map(made.map(({ token }) => [token.id, token])) });
    return made[0] as NewToken;
  };
  return { store, clock, tokens, create };
}

const code = (expected: string) => (error: unknown) =>
  error instanceof MeridianError && error.problems.some((problem) => problem.code === expected);

test('draft() gives a secret that verify() knows once the configuration has the token', () => {
  const { tokens } = open();
  const { secret, token } = tokens.draft({ name: 'ci', scopes: ['read'] });
  assert.match(secret, /^mrd_[A-Za-z0-9_-]{43}$/);
  assert.equal(tokens.verify(secret), undefined);
  tokens.follow({ tokens: new Map([[token.id, token]]) });
  assert.equal(tokens.verify(secret)?.id, token.id);
  assert.ok(!JSON.stringify(token).includes(secret));
  assert.ok(tokens.list().every((info) => !('hash' in info)));
  for (const wrong of ['', `${secret}x`, secret.slice(0, -1), secret.toUpperCase()]) {
    assert.equal(tokens.verify(wrong), undefined);
  }
});

test('follow() lets go of a token at once that the configuration no longer has', () => {
  const { tokens, create } = open();
  const { secret } = create({ name: 'ci', scopes: ['read'] });
  tokens.follow({ tokens: new Map() });
  assert.equal(tokens.verify(secret), undefined);
});

test('verify() refuses a token from the moment that it expires', () => {
  const { clock, tokens, create } = open();
  const expiresAt = new Date(clock.epochMs() + 1000).toISOString();
  const { secret } = create({ name: 'ci', scopes: ['read'], expiresAt });
  clock.advance(999);
  assert.ok(tokens.verify(secret) !== undefined);
  clock.advance(1);
  assert.equal(tokens.verify(secret), undefined);
});

test('draft() refuses names, scopes and expiries that make no sense', () => {
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
    assert.throws(() => tokens.draft(wish), code(expected), JSON.stringify(wish));
  }
});

test('draft() writes zone scopes in their one form', () => {
  const { tokens } = open();
  const scopes = ['write:zone:Example.COM', 'write:zone:example.com.'];
  assert.deepEqual(tokens.draft({ name: 'x', scopes }).token.scopes, ['write:zone:example.com.']);
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

test('hasAdmin() is true while somebody can get in who may do everything', () => {
  const { clock, tokens, create } = open();
  assert.equal(tokens.hasAdmin(), false);
  create({ name: 'ci', scopes: ['write'] });
  assert.equal(tokens.hasAdmin(), false);
  const expiresAt = new Date(clock.epochMs() + 1000).toISOString();
  create({ name: 'admin', scopes: ['admin'], expiresAt });
  assert.equal(tokens.hasAdmin(), true);
  clock.advance(1000);
  assert.equal(tokens.hasAdmin(), false);
});

test('ensureOwnAdmin() makes a token once, beside all revisions', () => {
  const { store, tokens } = open();
  const secret = tokens.ensureOwnAdmin();
  assert.ok(secret !== undefined);
  assert.deepEqual(tokens.verify(secret)?.scopes, ['admin']);
  const later = open(store).tokens;
  assert.equal(later.ensureOwnAdmin(), undefined);
  assert.equal(later.verify(secret)?.name, 'admin');
  assert.equal(store.latest(), 0);
});

test("takeEnvironment() takes the environment's token, and only the one of now", () => {
  const { store, tokens } = open();
  tokens.takeEnvironment('a-long-enough-secret');
  assert.deepEqual(tokens.verify('a-long-enough-secret')?.scopes, ['admin']);
  const second = open(store).tokens;
  second.takeEnvironment('another-long-enough-secret');
  assert.equal(second.verify('a-long-enough-secret'), undefined);
  assert.ok(second.verify('another-long-enough-secret') !== undefined);
  const third = open(store).tokens;
  third.takeEnvironment(undefined);
  assert.equal(third.verify('another-long-enough-secret'), undefined);
  assert.deepEqual(open(store).tokens.list(), []);
});

test('takeEnvironment() refuses a token that could be guessed', () => {
  const { tokens } = open();
  for (const weak of ['admin', 'short', 'with spaces in it, yet long']) {
    assert.throws(() => tokens.takeEnvironment(weak), code('E_TOKEN_WEAK'), weak);
  }
  assert.throws(() => tokens.takeEnvironment('with spaces in it, yet long'), /holds a space/);
});
