import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setWriteHeaders } from '../../src/api/write-object.ts';
import { fillExample, type Harness, problemOf, startHarness } from './harness.ts';

describe('preconditions (RFC 9110 §13)', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  /** Header, whether the region exists, status. `E` is its ETag. */
  const cases: readonly (readonly [string, string, boolean, number])[] = [
    ['if-match', 'E', true, 200],
    ['if-match', '"x", E', true, 200],
    ['if-match', '*', true, 200],
    ['if-match', '"r0"', true, 412],
    ['if-match', 'W/E', true, 412],
    ['if-match', '*', false, 412],
    ['if-match', '"r1"', false, 412],
    ['if-match', 'r1', true, 400],
    ['if-match', '', true, 400],
    ['if-none-match', '*', false, 201],
    ['if-none-match', '*', true, 412],
    ['if-none-match', 'E', true, 412],
    ['if-none-match', 'W/E', true, 412],
    ['if-none-match', '"r0"', true, 200],
    ['if-none-match', '"r0"', false, 201],
  ];
  for (const [header, value, exists, status] of cases) {
    const there = exists ? 'an object that exists' : 'one that does not';
    test(`${header}: ${value || '(empty)'} on a PUT of ${there} gives ${status}`, async () => {
      const { call } = harness;
      const url = '/v1/regions/pre';
      await call('DELETE', url);
      const body = { place: 'aws:us-east-1' };
      if (exists) await call('PUT', url, { body });
      const etag = String((await call('GET', url)).headers['etag']);
      const response = await call('PUT', url, {
        body: { ...body, dial: 50 },
        headers: { [header]: value.replace('E', etag) },
      });
      assert.equal(response.statusCode, status, response.body);
      if (status === 412) assert.equal(problemOf(response).code, 'E_PRECONDITION');
    });
  }

  const targets: readonly (readonly ['PUT' | 'PATCH' | 'DELETE', string, unknown])[] = [
    ['PUT', '/v1/zones/example.com/rrsets/mail/A', { ttl: 1, values: ['192.0.2.1'] }],
    ['PATCH', '/v1/zones/example.com/rrsets/mail/A', { ttl: 1 }],
    ['DELETE', '/v1/zones/example.com/rrsets/mail/A', undefined],
    ['PUT', '/v1/zones/example.com', { rrsets: [] }],
    ['DELETE', '/v1/zones/example.com', undefined],
    ['PATCH', '/v1/services/web', { ttl: 1 }],
    ['DELETE', '/v1/services/web', undefined],
    ['PUT', '/v1/services/web/policy', 'all'],
    ['PATCH', '/v1/services/web/members/eu-west', { weight: 2 }],
    ['DELETE', '/v1/services/web/members/eu-west', undefined],
  ];
  for (const [method, url, body] of targets) {
    test(`${method} ${url} heeds If-Match`, async () => {
      const { call, controller } = harness;
      const { revision } = controller.configuration();
      const response = await call(method, url, {
        body: typeof body === 'string' ? JSON.stringify(body) : body,
        headers: { 'if-match': '"stale"' },
      });
      assert.equal(response.statusCode, 412, response.body);
      assert.equal(controller.configuration().revision, revision);
    });
  }

  test("a zone's ETag covers its RRsets, an RRset's only itself", async () => {
    const { call } = harness;
    const etag = async (url: string) => (await call('GET', url)).headers['etag'];
    const zone = await etag('/v1/zones/example.com');
    const mail = await etag('/v1/zones/example.com/rrsets/mail/A');
    await call('PATCH', '/v1/zones/example.com/rrsets/ns1/A', { body: { ttl: 77 } });
    assert.notEqual(await etag('/v1/zones/example.com'), zone);
    assert.equal(await etag('/v1/zones/example.com/rrsets/mail/A'), mail);
  });

  test('GET with If-None-Match of the current ETag answers 304 without a body', async () => {
    const { call } = harness;
    for (const url of [
      '/v1/zones/example.com',
      '/v1/zones/example.com/rrsets/mail/A',
      '/v1/regions/eu-west',
      '/v1/services/web/policy',
      '/v1/services/web/members/eu-west',
    ]) {
      const etag = String((await call('GET', url)).headers['etag']);
      const headers = { 'if-none-match': `"other", W/${etag}` };
      const response = await call('GET', url, { headers });
      assert.equal(response.statusCode, 304, url);
      assert.equal(response.body, '');
      assert.equal(response.headers['etag'], etag);
      const fresh = await call('GET', url, { headers: { 'if-none-match': '"other"' } });
      assert.equal(fresh.statusCode, 200);
    }
  });
});

describe('dry runs', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  const writes: readonly (readonly ['PUT' | 'PATCH' | 'DELETE' | 'POST', string, unknown])[] = [
    ['PUT', '/v1/regions/new', { place: 'aws:us-east-1' }],
    ['PATCH', '/v1/regions/eu-west', { dial: 1 }],
    ['PUT', '/v1/services/web/members/eu-west', { a: ['192.0.2.77'] }],
    ['DELETE', '/v1/zones/example.com/rrsets/mail/A', undefined],
    ['DELETE', '/v1/zones/example.com', undefined],
    ['POST', '/v1/revisions/4/rollback', undefined],
  ];
  for (const [method, url, body] of writes) {
    test(`${method} ${url}?dryRun=1 shows the changes and makes none`, async () => {
      const { call, controller } = harness;
      const { revision } = controller.configuration();
      const response = await call(method, `${url}?dryRun=1`, { body });
      assert.equal(response.statusCode, 200, response.body);
      const plan = response.json();
      assert.equal(plan.dryRun, true);
      assert.equal(plan.revision, revision);
      assert.ok(plan.changeCount > 0);
      assert.equal(plan.changes.length, plan.changeCount);
      assert.equal(response.headers['etag'], undefined);
      assert.equal(controller.configuration().revision, revision);
      assert.equal(controller.revision(revision + 1), undefined);
    });
  }

  test('a dry run of what is wrong is refused as the write would be', async () => {
    const { call } = harness;
    const body = { place: 'aws:mars' };
    const response = await call('PUT', '/v1/regions/x?dryRun=true', { body });
    assert.equal(response.statusCode, 422);
    assert.equal((await call('DELETE', '/v1/regions/none?dryRun=1')).statusCode, 404);
    const stale = { 'if-match': '"stale"' };
    const write = await call('PATCH', '/v1/regions/eu-west?dryRun=1', {
      body: { dial: 1 },
      headers: stale,
    });
    assert.equal(write.statusCode, 412);
  });

  test('dryRun that is neither true nor false is refused, not taken for false', async () => {
    const { call, controller } = harness;
    const { revision } = controller.configuration();
    for (const value of ['yes', '', '2']) {
      const response = await call('DELETE', `/v1/zones/example.com?dryRun=${value}`);
      assert.equal(response.statusCode, 400, value);
      assert.equal(problemOf(response).errors[0]?.where, '?dryRun');
    }
    const typo = await call('DELETE', '/v1/zones/example.com?dryrun=1');
    assert.equal(typo.statusCode, 400, 'a misspelt dryRun must not delete');
    assert.equal(controller.configuration().revision, revision);
  });
});

describe('Idempotency-Key', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  const region = { place: 'aws:us-east-1' };
  const writes: readonly (readonly ['PUT' | 'PATCH' | 'DELETE', string, unknown])[] = [
    ['PUT', '/v1/regions/new', region],
    ['PATCH', '/v1/regions/new', { dial: 5, expires: '10m' }],
    ['PUT', '/v1/services/web/members/new', { a: ['203.0.113.9'] }],
    ['DELETE', '/v1/services/web/members/new', undefined],
    ['DELETE', '/v1/zones/example.com/rrsets/mail/A', undefined],
    ['DELETE', '/v1/regions/new', undefined],
  ];
  for (const [at, [method, url, body]] of writes.entries()) {
    test(`${method} ${url} repeated under its key gives the first answer and makes nothing`, async () => {
      const { call, controller, clock } = harness;
      const etag = (await call('GET', url)).headers['etag'];
      const headers = {
        'idempotency-key': `key-${at}`,
        ...(etag === undefined ? {} : { 'if-match': String(etag) }),
      };
      const first = await call(method, url, { body, headers });
      assert.ok(first.statusCode < 300, first.body);
      const { revision } = controller.configuration();
      clock.advance(1000);
      const second = await call(method, url, { body, headers });
      assert.equal(second.statusCode, first.statusCode, second.body);
      assert.equal(second.body, first.body);
      for (const name of ['etag', 'location', 'x-revision']) {
        assert.equal(second.headers[name], first.headers[name], name);
      }
      assert.equal(controller.configuration().revision, revision);
    });
  }

  test('a key that comes with another request is a conflict', async () => {
    const { call } = harness;
    const headers = { 'idempotency-key': 'twice' };
    await call('PUT', '/v1/regions/k', { body: region, headers });
    const response = await call('PUT', '/v1/regions/k', { body: { ...region, dial: 1 }, headers });
    assert.equal(response.statusCode, 409);
    assert.equal(problemOf(response).code, 'E_CONFLICT');
  });

  test('a key of another token is another key', async () => {
    const { call } = harness;
    const other = (await harness.makeToken({ name: 'other', scopes: ['write'] })).secret;
    const headers = { 'idempotency-key': 'twice' };
    const response = await call('PUT', '/v1/regions/m', { body: region, headers, token: other });
    assert.equal(response.statusCode, 201);
  });

  for (const key of ['a b', 'x'.repeat(201), '']) {
    test(`the key ${JSON.stringify(key.slice(0, 5))} is refused`, async () => {
      const headers = { 'idempotency-key': key };
      const response = await harness.call('PUT', '/v1/regions/n', { body: region, headers });
      assert.equal(response.statusCode, 400, response.body);
      assert.equal(problemOf(response).code, 'E_QUERY');
    });
  }
});

test('setWriteHeaders() puts each warning into printable ASCII', () => {
  const headers = new Map<string, unknown>();
  const reply = { header: (name: string, value: unknown) => headers.set(name, value) };
  setWriteHeaders(reply as never, {
    revision: 7,
    changes: [],
    warnings: [{ code: 'E_POLICY_UNUSED', message: 'naïve\r\nSet-Cookie: x', where: '/a' }],
  } satisfies Parameters<typeof setWriteHeaders>[1]);
  assert.equal(headers.get('x-revision'), 7);
  assert.deepEqual(headers.get('x-warning'), [
    'E_POLICY_UNUSED /a: na\\u00efve\\u000d\\u000aSet-Cookie: x',
  ]);
});
