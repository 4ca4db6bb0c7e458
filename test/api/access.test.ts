import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { fillExample, type Harness, type Method, problemOf, startHarness } from './harness.ts';

describe('tokens at the door', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  test('every operation of the document but the open ones answers 401 without a token', async () => {
    const { api, call } = harness;
    const { paths } = api.swagger() as unknown as {
      paths: Record<string, Record<string, { security: unknown[] }>>;
    };
    const open: string[] = [];
    let closed = 0;
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, { security }] of Object.entries(operations)) {
        const url = path.replace(/\{[^}]+\}/g, 'x');
        if (path === '/metrics') continue;
        if (security.length === 0) {
          open.push(path);
          continue;
        }
        const response = await call(method.toUpperCase() as Method, url, { token: null });
        if (JSON.stringify(security) === '[{"agent":[]}]') {
          // Reports are signed themselves; what is none proves nothing.
          const expected = path.endsWith('/reports') ? 'E_REPORT_FORM' : 'E_AGENT_CHALLENGE';
          assert.equal(problemOf(response).code, expected);
          continue;
        }
        assert.equal(response.statusCode, 401, `${method} ${path}`);
        assert.equal(problemOf(response).code, 'E_UNAUTHORIZED');
        assert.equal(response.headers['www-authenticate'], 'Bearer realm="meridian"');
        closed += 1;
      }
    }
    assert.deepEqual(open.sort(), ['/livez', '/readyz']);
    assert.ok(closed > 40);
  });

  test('paths and methods that are not there are hidden behind the token as well', async () => {
    const { call } = harness;
    assert.equal((await call('GET', '/v1/none', { token: null })).statusCode, 401);
    assert.equal((await call('POST', '/v1/zones', { token: null })).statusCode, 401);
  });

  const headers: readonly string[] = [
    'Bearer',
    'Bearer ',
    'Basic cm9vdDpyb290',
    'mrd_x',
    `Bearer ${'x'.repeat(600)}`,
    'Bearer a b',
  ];
  for (const authorization of headers) {
    test(`Authorization: ${authorization.slice(0, 20)} is 401`, async () => {
      const response = await harness.call('GET', '/v1/zones', {
        token: null,
        headers: { authorization },
      });
      assert.equal(response.statusCode, 401);
    });
  }

  test('the scheme is matched in any case (RFC 9110 §11.1)', async () => {
    const { call, admin } = harness;
    const response = await call('GET', '/v1/zones', {
      token: null,
      headers: { authorization: `bearer ${admin}` },
    });
    assert.equal(response.statusCode, 200);
  });

  test('a token in the query is no token', async () => {
    const { call, admin } = harness;
    const response = await call('GET', `/v1/zones?access_token=${admin}`, { token: null });
    assert.equal(response.statusCode, 401);
  });

  test('an unknown, a revoked and an expired token are invalid_token', async () => {
    const { call, clock } = harness;
    const soon = new Date(clock.epochMs() + 1000).toISOString();
    const expiring = await harness.makeToken({ name: 'e', scopes: ['read'], expiresAt: soon });
    const revoked = await harness.makeToken({ name: 'r', scopes: ['read'] });
    assert.equal((await call('GET', '/v1/regions', { token: expiring.secret })).statusCode, 200);
    clock.advance(1000);
    await call('DELETE', `/v1/tokens/${revoked.token.id}`);
    for (const token of ['mrd_unknown', expiring.secret, revoked.secret]) {
      const response = await call('GET', '/v1/regions', { token });
      assert.equal(response.statusCode, 401);
      assert.match(String(response.headers['www-authenticate']), /error="invalid_token"/);
    }
  });
});

describe('scopes', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
    await harness.call('PUT', '/v1/zones/other.test', {
      body: '@ 60 SOA ns1 h 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n',
      headers: { 'content-type': 'text/dns' },
    });
  });
  after(() => harness.close());

  const rrset = { ttl: 60, values: ['192.0.2.9'] };
  const own = '/v1/zones/example.com';
  /** Scopes, request, status. */
  const cases: readonly (readonly [string, Method, string, unknown, number])[] = [
    ['read', 'GET', own, undefined, 200],
    ['read', 'GET', '/v1/regions', undefined, 200],
    ['read', 'PUT', `${own}/rrsets/a/A`, rrset, 403],
    ['read', 'PATCH', '/v1/regions/eu-west', { dial: 9 }, 403],
    ['read', 'DELETE', own, undefined, 403],
    ['read', 'POST', '/v1/revisions/1/rollback', undefined, 403],
    ['read', 'POST', '/v1/explain', { name: 'www.example.com', client: '192.0.2.1' }, 200],
    ['read', 'POST', '/v1/measurements', { samples: [] }, 403],
    ['read', 'GET', '/v1/tokens', undefined, 403],
    ['write', 'GET', own, undefined, 200],
    ['write', 'PUT', `${own}/rrsets/a/A`, rrset, 201],
    ['write', 'PATCH', '/v1/regions/eu-west', { dial: 9 }, 200],
    ['write', 'GET', '/v1/tokens', undefined, 403],
    ['write', 'POST', '/v1/tokens', { name: 'x', scopes: ['admin'] }, 403],
    ['write', 'DELETE', '/v1/tokens/environment', undefined, 403],
    ['admin', 'GET', '/v1/tokens', undefined, 200],
    ['read:zone:example.com.', 'GET', `${own}/rrsets`, undefined, 200],
    ['read:zone:example.com.', 'GET', '/v1/zones/EXAMPLE.com.', undefined, 200],
    ['read:zone:example.com.', 'GET', '/v1/zones/other.test', undefined, 403],
    ['read:zone:example.com.', 'GET', '/v1/regions', undefined, 403],
    ['read:zone:example.com.', 'GET', '/v1/revisions', undefined, 403],
    ['read:zone:example.com.', 'PUT', `${own}/rrsets/b/A`, rrset, 403],
    ['write:zone:example.com.', 'PUT', `${own}/rrsets/b/A`, rrset, 201],
    ['write:zone:example.com.', 'DELETE', `${own}/rrsets/b/A`, undefined, 204],
    ['write:zone:example.com.', 'PUT', '/v1/zones/other.test/rrsets/b/A', rrset, 403],
    ['write:zone:example.com.', 'PUT', '/v1/zones/new.example.com/rrsets/b/A', rrset, 403],
    ['write:zone:example.com.', 'POST', '/v1/changes', { writes: [] }, 403],
    ['write:zone:example.com.', 'POST', '/v1/revisions/1/rollback', undefined, 403],
  ];
  for (const [scope, method, url, body, status] of cases) {
    test(`${scope} on ${method} ${url} gives ${status}`, async () => {
      const { call } = harness;
      const { secret } = await harness.makeToken({ name: 'test', scopes: [scope] });
      const response = await call(method, url, { body, token: secret });
      assert.equal(response.statusCode, status, response.body);
      if (status !== 403) return;
      assert.equal(problemOf(response).code, 'E_FORBIDDEN');
      assert.match(String(response.headers['www-authenticate']), /error="insufficient_scope"/);
    });
  }

  test('a token for one zone sees that zone alone in the list', async () => {
    const { call } = harness;
    const { secret } = await harness.makeToken({ name: 'test', scopes: ['write:zone:other.test'] });
    const { items } = (await call('GET', '/v1/zones', { token: secret })).json();
    assert.deepEqual(
      items.map((zone: { name: string }) => zone.name),
      ['other.test.'],
    );
  });

  test('revisions and the audit name the token that made them', async () => {
    const { call } = harness;
    const { secret } = await harness.makeToken({ name: 'deploy', scopes: ['write'] });
    const url = '/v1/regions/eu-west';
    await call('PATCH', url, { body: { dial: 3 }, token: secret });
    const [entry] = (await call('GET', '/v1/audit?limit=1')).json().items;
    assert.equal(entry.actor, 'deploy');
    assert.equal(entry.summary, `PATCH ${url}`);
    assert.deepEqual(entry.objects, ['region eu-west']);
  });
});

describe('/v1/tokens', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
  });
  after(() => harness.close());

  test('a new token works at once, its secret is shown once, and it can be revoked', async () => {
    const { call, logged } = harness;
    const made = await call('POST', '/v1/tokens', {
      body: { name: 'ci', scopes: ['read'], expiresAt: '2030-01-01T00:00:00Z' },
    });
    assert.equal(made.statusCode, 201, made.body);
    const { secret, ...token } = made.json();
    assert.equal(token.expiresAt, '2030-01-01T00:00:00.000Z');
    assert.equal(made.headers['location'], `/v1/tokens/${token.id}`);
    assert.equal((await call('GET', '/v1/regions', { token: secret })).statusCode, 200);
    const list = await call('GET', '/v1/tokens');
    assert.deepEqual(
      list.json().items.find((item: { id: string }) => item.id === token.id),
      token,
    );
    assert.ok(!list.body.includes(secret));
    assert.ok(!JSON.stringify(logged).includes(secret));
    assert.equal((await call('DELETE', `/v1/tokens/${token.id}`)).statusCode, 204);
    assert.equal((await call('DELETE', `/v1/tokens/${token.id}`)).statusCode, 404);
    assert.equal((await call('GET', '/v1/regions', { token: secret })).statusCode, 401);
  });

  test('making and revoking are revisions and entries of the audit, without secret or hash', async () => {
    const { call, controller } = harness;
    const before = controller.configuration().revision;
    const made = await call('POST', '/v1/tokens', { body: { name: 'seen', scopes: ['read'] } });
    const { secret, id } = made.json();
    const gone = await call('DELETE', `/v1/tokens/${id}`);
    assert.equal(made.headers['x-revision'], String(before + 1));
    assert.equal(gone.headers['x-revision'], String(before + 2));
    const audit = (await call('GET', '/v1/audit?limit=2')).json().items;
    assert.deepEqual(
      audit.map(({ actor, summary, objects }: Record<string, unknown>) => [
        actor,
        summary,
        objects,
      ]),
      [
        ['root', `DELETE /v1/tokens/${id}`, [`token ${id}`]],
        ['root', 'POST /v1/tokens', [`token ${id}`]],
      ],
    );
    const hash = createHash('sha256').update(secret).digest('hex');
    for (const url of [
      `/v1/revisions/${before + 1}`,
      `/v1/revisions/${before + 2}`,
      `/v1/revisions/${before}/diff/${before + 1}`,
      `/v1/diff?from=${before + 1}`,
      '/v1/audit',
    ]) {
      const { body } = await call('GET', url);
      assert.ok(body.includes(id), url);
      assert.ok(!body.includes(secret) && !body.includes(hash), url);
    }
  });

  test('a dry run of a token makes none and shows no secret', async () => {
    const { call, controller, tokens } = harness;
    const before = [controller.configuration().revision, tokens.list().length];
    const body = { name: 'dry', scopes: ['read'] };
    const plan = await call('POST', '/v1/tokens?dryRun=1', { body });
    assert.equal(plan.statusCode, 200, plan.body);
    assert.equal(plan.json().changes[0].after.name, 'dry');
    assert.doesNotMatch(plan.body, /mrd_|hash/);
    assert.deepEqual([controller.configuration().revision, tokens.list().length], before);
  });

  test('a token cannot be written as one of several writes', async () => {
    const write = { kind: 'token', id: '0123456789abcdef', body: { name: 'x', scopes: ['admin'] } };
    const response = await harness.call('POST', '/v1/changes', { body: { writes: [write] } });
    assert.equal(response.statusCode, 422);
    assert.equal(harness.tokens.isOwn(write.id), false);
    assert.ok(!harness.tokens.list().some(({ id }) => id === write.id));
  });

  const wrong: readonly (readonly [object, string])[] = [
    [{ name: 'x' }, 'E_FORM_MISSING'],
    [{ name: 'x', scopes: [] }, 'E_TOKEN_SCOPE'],
    [{ name: 'x', scopes: ['root'] }, 'E_TOKEN_SCOPE'],
    [{ name: '', scopes: ['read'] }, 'E_FORM_VALUE'],
    [{ name: 5, scopes: ['read'] }, 'E_FORM_TYPE'],
    [{ name: 'x', scopes: ['read'], expiresAt: '2001-01-01T00:00:00Z' }, 'E_FORM_VALUE'],
    [{ name: 'x', scopes: ['read'], expires: '10m' }, 'E_FORM_UNKNOWN_KEY'],
  ];
  for (const [body, code] of wrong) {
    test(`POST of ${JSON.stringify(body)} is refused with ${code}`, async () => {
      const response = await harness.call('POST', '/v1/tokens', { body });
      assert.equal(response.statusCode, 422, response.body);
      assert.equal(problemOf(response).code, code);
    });
  }
});

describe('guessing', () => {
  test('an address with too many wrong tokens waits, even with a right one', async () => {
    const harness = await startHarness();
    const { api, admin, clock } = harness;
    const ask = (token: string | null, remoteAddress: string) =>
      api.inject({
        url: '/v1/regions',
        remoteAddress,
        headers: token === null ? {} : { authorization: `Bearer ${token}` },
      });
    for (let at = 0; at < limits.authFailuresInARow; at++) {
      assert.equal((await ask('wrong', '198.51.100.1')).statusCode, 401);
    }
    const refused = await ask(admin, '198.51.100.1');
    assert.equal(refused.statusCode, 429);
    assert.equal(problemOf(refused).code, 'E_TOO_MANY_FAILURES');
    assert.equal(refused.headers['retry-after'], '2');
    assert.equal((await ask(admin, '198.51.100.2')).statusCode, 200);
    clock.advance(2000);
    assert.equal((await ask(admin, '198.51.100.1')).statusCode, 200);
    await harness.close();
  });

  test('requests without any token are no guesses', async () => {
    const harness = await startHarness();
    for (let at = 0; at <= limits.authFailuresInARow; at++) {
      await harness.call('GET', '/v1/regions', { token: null });
    }
    assert.equal((await harness.call('GET', '/v1/regions')).statusCode, 200);
    await harness.close();
  });
});

describe('the Host header (DNS rebinding)', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness({ hosts: ['DNS.example.net'] });
  });
  after(() => harness.close());

  const cases: readonly (readonly [string, number])[] = [
    ['localhost', 200],
    ['LOCALHOST:8053', 200],
    ['127.0.0.1:8053', 200],
    ['127.0.1.1', 200],
    ['[::1]:8053', 200],
    ['dns.example.net', 200],
    ['dns.example.net.:443', 200],
    ['evil.example', 421],
    ['localhost.evil.example', 421],
    ['127.0.0.1.evil.example', 421],
    ['192.0.2.1', 421],
  ];
  for (const [host, status] of cases) {
    test(`${host || 'an empty one'} gives ${status}`, async () => {
      for (const url of ['/livez', '/docs/json', '/metrics']) {
        const response = await harness.api.inject({ url, headers: { host } });
        assert.equal(response.statusCode, status, url);
        if (status === 421) assert.equal(problemOf(response).code, 'E_HOST');
      }
    });
  }
});

describe('/metrics', () => {
  test('is open to the same machine and asks others for a token that may read', async () => {
    const harness = await startHarness();
    const { api } = harness;
    const ask = (remoteAddress: string, token?: string) =>
      api.inject({
        url: '/metrics',
        remoteAddress,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      });
    const read = (await harness.makeToken({ name: 'prometheus', scopes: ['read'] })).secret;
    const zone = (await harness.makeToken({ name: 'zone', scopes: ['read:zone:a.test'] })).secret;
    assert.equal((await ask('127.0.0.1')).statusCode, 200);
    assert.equal((await ask('::1')).statusCode, 200);
    assert.equal((await ask('192.0.2.1')).statusCode, 401);
    assert.equal((await ask('192.0.2.1', zone)).statusCode, 403);
    assert.equal((await ask('192.0.2.1', read)).statusCode, 200);
    await harness.close();
  });

  test('is open to everybody when told so', async () => {
    const harness = await startHarness({ openMetrics: true });
    const response = await harness.api.inject({ url: '/metrics', remoteAddress: '192.0.2.1' });
    assert.equal(response.statusCode, 200);
    await harness.close();
  });
});
