import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { listenApi } from '../../src/api/listen-api.ts';
import { escapeHtml } from '../../src/api/security-headers.ts';
import { fillExample, type Harness, problemOf, startHarness } from './harness.ts';

describe('outside /v1', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  test('/ leads to the documentation', async () => {
    const response = await harness.api.inject('/');
    assert.equal(response.statusCode, 302);
    assert.equal(response.headers['location'], '/docs/');
  });

  test('/livez says that the process answers', async () => {
    const response = await harness.api.inject('/livez');
    assert.deepEqual(response.json(), { alive: true, version: '0.0.0-test' });
  });

  test('/readyz is 200 while the node serves and 503 with the reasons while not', async () => {
    assert.equal((await harness.api.inject('/readyz')).statusCode, 200);
    const reasons = ['no image yet'];
    const other = await startHarness({ ready: () => ({ ready: false, reasons }) });
    const response = await other.api.inject('/readyz');
    assert.equal(response.statusCode, 503);
    assert.deepEqual(response.json(), { ready: false, reasons });
    await other.close();
  });

  test('/anycast is 200 while the node answers itself, 503 with the reasons, and absent without DNS', async () => {
    assert.equal((await harness.api.inject('/anycast')).statusCode, 404);
    const result = { answers: false, reasons: ['192.0.2.53:53: no answer'] };
    const other = await startHarness({ selfCheck: async () => result });
    const response = await other.api.inject('/anycast');
    assert.equal(response.statusCode, 503);
    assert.deepEqual(response.json(), result);
    await other.close();
    const good = { answers: true, reasons: [] };
    const well = await startHarness({ selfCheck: async () => good });
    assert.equal((await well.api.inject('/anycast')).statusCode, 200);
    await well.close();
  });

  test('/v1 counts what there is', async () => {
    const response = await harness.call('GET', '/v1');
    const { version: _, ...counts } = response.json();
    assert.deepEqual(counts, {
      revision: 5,
      zones: 1,
      regions: 2,
      monitors: 1,
      services: 1,
      networks: 0,
    });
  });

  test('/metrics has the node and the API, with routes and not paths as labels', async () => {
    await harness.call('GET', '/v1/regions/eu-west');
    await harness.call('GET', '/v1/regions/%22%7D%0Aevil%20%22');
    await harness.api.inject('/made-up-path');
    const { body, headers } = await harness.api.inject('/metrics');
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(body, /^meridian_up 1$/m);
    assert.match(
      body,
      /^meridian_api_requests_total\{method="GET",route="\/v1\/regions\/:id",status="200"\} \d+$/m,
    );
    assert.doesNotMatch(body, /eu-west|evil|made-up/);
    for (const line of body.split('\n')) {
      assert.match(line, /^(#.*|[a-z_]+(\{([a-z]+="[^"\\\n]*",?)*\})? [-+.\dInfNa]+|)$/, line);
    }
  });

  const safe = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
  };
  for (const url of ['/', '/livez', '/metrics', '/v1/zones', '/v1/none', '/none', '/docs/json']) {
    test(`${url} has the security headers and no CORS`, async () => {
      const response = await harness.call('GET', url, {
        headers: { origin: 'https://evil.example' },
      });
      for (const [name, value] of Object.entries(safe)) assert.equal(response.headers[name], value);
      assert.match(String(response.headers['content-security-policy']), /default-src 'none'/);
      assert.equal(response.headers['access-control-allow-origin'], undefined);
    });
  }

  test('answers of /v1 are not to be stored by caches', async () => {
    const response = await harness.call('GET', '/v1/regions');
    assert.equal(response.headers['cache-control'], 'no-store');
  });

  test('/docs/ runs nothing but its own files', async () => {
    const page = await harness.api.inject('/docs/');
    assert.equal(page.statusCode, 200);
    const policy = String(page.headers['content-security-policy']);
    assert.match(policy, /script-src 'self'(;|$)/);
    assert.doesNotMatch(policy, /unsafe-eval|script-src[^;]*unsafe|https?:|\*/);
    assert.doesNotMatch(page.body, /<script(?![^>]*\bsrc=")[^>]*>/, 'no inline script');
    assert.doesNotMatch(page.body, /<style|\son\w+=/);
    for (const [, path] of page.body.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const asset = await harness.api.inject(
        new URL(String(path), 'http://localhost/docs/').pathname,
      );
      assert.equal(asset.statusCode, 200, path);
    }
  });

  test('escapeHtml() leaves nothing that could end a text or an attribute', () => {
    assert.equal(escapeHtml(`<a b="c" d='e'>&`), '&#60;a b=&#34;c&#34; d=&#39;e&#39;&#62;&#38;');
  });
});

describe('explain and simulations', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  test('GET and POST /v1/explain say the same, and A is asked when no type is', async () => {
    const { call } = harness;
    const query = 'name=www.example.com&client=203.0.113.7';
    const got = (await call('GET', `/v1/explain?${query}`)).json();
    assert.equal(got.service, 'web');
    assert.equal(got.question.type, 'A');
    assert.equal(got.ttlSeconds, 30);
    assert.equal(got.answer.length, 1);
    const body = { name: 'www.example.com', type: 'A', client: '203.0.113.7' };
    assert.deepEqual((await call('POST', '/v1/explain', { body })).json(), got);
  });

  test('a name that is not steered says what it is instead', async () => {
    const { call } = harness;
    const url = '/v1/explain?client=2001:db8::1&name=';
    assert.match((await call('GET', `${url}mail.example.com`)).json().note, /static/);
    assert.match((await call('GET', `${url}none.example.com`)).json().note, /NXDOMAIN/);
    assert.match((await call('GET', `${url}example.org`)).json().note, /REFUSED/);
  });

  test('POST /v1/simulations shows where clients would go', async () => {
    const body = { down: ['us-east'] };
    const response = await harness.call('POST', '/v1/simulations', { body });
    assert.equal(response.statusCode, 200, response.body);
    const [web] = response.json().services;
    const east = web.members.find(({ member }: { member: string }) => member === 'us-east');
    assert.equal(east.shareBefore, 0.75);
    assert.equal(east.shareAfter, 0);
  });
});

test('a listening API answers over the network and stops listening when closed', async () => {
  const harness = await startHarness();
  const { url, port } = await listenApi(harness.api, { host: '127.0.0.1', port: 0 });
  assert.ok(port > 0);
  const answer = await fetch(`${url}/livez`);
  assert.equal(answer.status, 200);
  const refused = await fetch(`${url}/v1/zones`);
  assert.equal(refused.status, 401);
  await harness.close();
  await assert.rejects(fetch(`${url}/livez`));
});

test('an API without simulate has no simulations', async () => {
  const { api, admin, close } = await startHarness({ simulate: undefined as never });
  const response = await api.inject({
    method: 'POST',
    url: '/v1/simulations',
    headers: { authorization: `Bearer ${admin}` },
  });
  assert.equal(problemOf(response).code, 'E_NOT_FOUND');
  await close();
});
