import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { ApiInstance } from '../../src/api/api-context.ts';
import { errorsPage } from '../../src/api/errors-page.ts';
import { listenApi } from '../../src/api/listen-api.ts';
import { problemDetails, statusOf } from '../../src/api/problem-details.ts';
import { type ErrorCode, errorCodes, MeridianError } from '../../src/base/errors.ts';
import { limits } from '../../src/base/limits.ts';
import { fillExample, type Harness, type Method, problemOf, startHarness } from './harness.ts';

describe('problems (RFC 9457)', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  test('every code has a status that HTTP knows as an error', () => {
    for (const code of Object.keys(errorCodes)) {
      const status = statusOf(code as ErrorCode);
      assert.ok(status >= 400 && status < 600, code);
    }
  });

  test('a problem holds type, title, status, detail, code and all errors', async () => {
    const response = await harness.call('GET', '/v1/regions/none');
    assert.deepEqual(problemOf(response), {
      type: '/docs/errors#E_NOT_FOUND',
      title: errorCodes.E_NOT_FOUND,
      status: 404,
      detail: response.json().errors[0].message,
      code: 'E_NOT_FOUND',
      errors: response.json().errors,
    });
    assert.match(response.json().detail, /"none"/);
  });

  test('the type leads to a page that has the code', async () => {
    const page = await harness.api.inject('/docs/errors');
    assert.match(String(page.headers['content-type']), /^text\/html/);
    assert.match(String(page.headers['content-security-policy']), /style-src-attr 'unsafe-inline'/);
    for (const [code, headline] of Object.entries(errorCodes)) {
      assert.ok(page.body.includes(`id="${code}"`), code);
      assert.ok(page.body.includes(headline.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)));
    }
    const [, taken = ''] = page.body.split('id="E_PORT_TAKEN">');
    assert.match(taken, /^.*\n.*\n<p>Meridian never moves to another port/);
    assert.match(taken.split('<h2')[0] ?? '', /<code>ss -lnup<\/code> and/);
    assert.doesNotMatch(page.body, /`|\]\(/, 'no Markdown is left');
  });

  test('errorsPage() says which codes no answer of the API has, and which are warnings', () => {
    const page = errorsPage('/nowhere/errors.md');
    const said = (code: ErrorCode) => page.split(`<h2 id="${code}">`)[1]?.split('</p>')[0] ?? '';
    for (const code of ['E_FLAG', 'E_RESTART', 'E_EXPORT_EXISTS', 'E_GEO_OLD'] as const) {
      assert.match(said(code), /no answer of the API/, code);
      assert.doesNotMatch(said(code), /HTTP/, code);
    }
    assert.match(said('E_NO_REPLICA'), /X-Warning/);
    assert.match(said('E_CONFLICT'), /HTTP 409/);
    assert.match(said('E_ZONE_GLUE'), /HTTP 422/);
  });

  test('pages have an icon, which needs no token', async () => {
    const icon = await harness.api.inject('/favicon.ico');
    assert.equal(icon.statusCode, 200);
    assert.match(String(icon.headers['content-type']), /^image\/svg\+xml/);
    assert.match((await harness.api.inject('/docs/errors')).body, /rel="icon".*\/favicon\.ico/);
  });

  test('errorsPage() has the headlines even without the file that explains them', () => {
    const page = errorsPage('/nowhere/errors.md');
    for (const code of Object.keys(errorCodes)) assert.ok(page.includes(`id="${code}"`), code);
  });

  test('problemDetails() takes the first error before warnings and lists a bounded number', () => {
    const many = Array.from({ length: 500 }, () => ({
      code: 'E_ZONE_NS' as const,
      message: 'w',
      severity: 'warning' as const,
    }));
    const details = problemDetails([
      ...many.slice(0, 5),
      { code: 'E_CONFLICT', message: 'c' },
      ...many,
    ]);
    assert.equal(details.code, 'E_CONFLICT');
    assert.equal(details.status, 409);
    assert.equal(details.errors.length, limits.problemsPerAnswer);
  });

  /** Request, headers, body, status, code, what the detail holds. */
  type Case = readonly [Method, string, Record<string, string>, unknown, number, string, RegExp];
  const json = { 'content-type': 'application/json' };
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const cases: readonly Case[] = [
    ['GET', '/v1/nothing', {}, undefined, 404, 'E_NOT_FOUND', /\/v1\/nothing/],
    ['GET', '/nothing', {}, undefined, 404, 'E_NOT_FOUND', /\/nothing/],
    ['PUT', '/v1/nothing', json, '{', 404, 'E_NOT_FOUND', /nothing/],
    ['POST', '/v1/zones', json, '{', 405, 'E_METHOD', /use GET or HEAD$/],
    ['POST', '/v1/revisions/0/rollback', {}, undefined, 400, 'E_QUERY', /"number" must be >= 1/],
    ['DELETE', '/livez', {}, undefined, 405, 'E_METHOD', /GET/],
    ['OPTIONS', '/v1/zones', {}, undefined, 405, 'E_METHOD', /OPTIONS/],
    [
      'GET',
      '/v1/regions',
      { accept: 'text/html' },
      undefined,
      406,
      'E_NOT_ACCEPTABLE',
      /application\/json/,
    ],
    [
      'GET',
      '/v1/zones/example.com',
      { accept: 'image/png' },
      undefined,
      406,
      'E_NOT_ACCEPTABLE',
      /text\/dns/,
    ],
    [
      'GET',
      '/v1/events',
      { accept: 'application/json' },
      undefined,
      406,
      'E_NOT_ACCEPTABLE',
      /event-stream/,
    ],
    [
      'PUT',
      '/v1/regions/x',
      { 'content-type': 'text/plain' },
      'x',
      415,
      'E_MEDIA_TYPE',
      /text\/plain/,
    ],
    ['PUT', '/v1/regions/x', { 'content-type': 'text/dns' }, 'x', 415, 'E_MEDIA_TYPE', /text\/dns/],
    [
      'PUT',
      '/v1/regions/x',
      { 'content-type': 'multipart/form-data' },
      'x',
      415,
      'E_MEDIA_TYPE',
      /multipart/,
    ],
    ['PUT', '/v1/regions/x', json, '{"a": }', 400, 'E_FORM_SYNTAX', /position 6|'}'/],
    ['PUT', '/v1/regions/x', json, deep, 400, 'E_FORM_SYNTAX', /deeper than 64/],
    ['PUT', '/v1/regions/x', json, '{"__proto__": {"dial": 1}}', 400, 'E_FORM_SYNTAX', /__proto__/],
    ['PUT', '/v1/regions/x', json, '', 422, 'E_FORM_MISSING', /empty/],
    [
      'PUT',
      '/v1/regions/x',
      json,
      `{"a": "${'x'.repeat(1024 * 1024)}"}`,
      413,
      'E_TOO_LARGE',
      /1048576/,
    ],
    ['GET', `/v1/regions/${'x'.repeat(1200)}`, {}, undefined, 400, 'E_QUERY', /path/],
    ['GET', '/v1/zones/%zz', {}, undefined, 400, 'E_HTTP', /URL/],
    ['GET', '/v1/zones?limit=0', {}, undefined, 400, 'E_QUERY', /"limit".*not 0/],
    ['GET', '/v1/zones?limit=1001', {}, undefined, 400, 'E_QUERY', /1001/],
    ['GET', '/v1/zones?limit=x', {}, undefined, 400, 'E_QUERY', /"x"/],
    ['GET', '/v1/zones?limit=1&limit=2', {}, undefined, 400, 'E_QUERY', /limit/],
    ['GET', '/v1/zones?page=2', {}, undefined, 400, 'E_QUERY', /"page"/],
    ['GET', '/v1/zones?cursor=abc', {}, undefined, 400, 'E_CURSOR', /"abc"/],
    ['GET', '/v1/revisions?cursor=bTE6eA', {}, undefined, 400, 'E_CURSOR', /bTE6eA/],
    ['GET', '/v1/revisions/x', {}, undefined, 400, 'E_QUERY', /"x"/],
    ['GET', '/v1/explain?name=www.example.com', {}, undefined, 400, 'E_QUERY', /"client"/],
    [
      'GET',
      '/v1/explain?name=a..b&client=192.0.2.1',
      {},
      undefined,
      422,
      'E_NAME_SYNTAX',
      /a\.\.b/,
    ],
    ['GET', '/v1/explain?name=a.b&client=x', {}, undefined, 422, 'E_EXPLAIN_QUESTION', /"x"/],
    ['GET', '/v1/explain?name=a.b&client=::1&type=MX', {}, undefined, 400, 'E_QUERY', /A, AAAA/],
    ['POST', '/v1/load', {}, { samples: [] }, 422, 'E_FORM_RANGE', /.+/],
    [
      'POST',
      '/v1/load',
      {},
      { samples: [{ service: 'web', member: 'x', load: -1 }] },
      422,
      'E_LOAD',
      /-1/,
    ],
    ['POST', '/v1/measurements', {}, {}, 422, 'E_FORM_MISSING', /"samples"/],
    [
      'POST',
      '/v1/changes',
      {},
      { writes: [], no: 1 },
      422,
      'E_FORM_UNKNOWN_KEY',
      /^member "no" is/,
    ],
    ['POST', '/v1/simulations', {}, { down: ['moon'] }, 422, 'E_SIMULATION', /"moon"/],
    ['POST', '/v1/simulations', {}, undefined, 422, 'E_FORM_MISSING', /empty/],
  ];
  for (const [method, url, headers, body, status, code, detail] of cases) {
    const sent = typeof body === 'string' ? body.slice(0, 20) : JSON.stringify(body);
    const title = `${method} ${url.slice(0, 60)} ${JSON.stringify(headers)} ${sent ?? ''}`;
    test(`${title} gives ${status} ${code}`, async () => {
      const response = await harness.call(method, url, { headers, body });
      assert.equal(response.statusCode, status, response.body.slice(0, 500));
      const problem = problemOf(response);
      assert.equal(problem.code, code);
      assert.match(problem.detail, detail);
    });
  }

  test('where names a path parameter as such, and a query parameter with a ?', async () => {
    const whereOf = async (url: string) =>
      problemOf(await harness.call('GET', url)).errors[0]?.where;
    assert.equal(await whereOf('/v1/revisions/x'), 'number');
    assert.equal(await whereOf('/v1/zones?limit=0'), '?limit');
  });

  test('405 names the methods that are there', async () => {
    const response = await harness.call('POST', '/v1/zones/example.com');
    assert.equal(response.headers['allow'], 'DELETE, GET, HEAD, PUT');
  });

  test('all misfits of a body are reported, each with its pointer', async () => {
    const body = {
      samples: [
        { region: 3, ms: 'x', y: 1 },
        { region: 'eu-west', ms: 1, asn: 0.5 },
      ],
    };
    const { errors } = problemOf(await harness.call('POST', '/v1/measurements', { body }));
    assert.deepEqual(errors.map(({ code, where }) => `${code} ${where}`).sort(), [
      'E_FORM_TYPE /samples/0/ms',
      'E_FORM_TYPE /samples/0/region',
      'E_FORM_TYPE /samples/1/asn',
      'E_FORM_UNKNOWN_KEY /samples/0/y',
    ]);
  });

  test('HEAD answers as GET does, without a body', async () => {
    const { api, admin } = harness;
    const headers = { authorization: `Bearer ${admin}` };
    const response = await api.inject({ method: 'HEAD', url: '/v1/regions/eu-west', headers });
    assert.equal(response.statusCode, 200);
    assert.equal(response.body, '');
    assert.ok(response.headers['etag']);
  });
});

describe('what nobody foresaw', () => {
  test('is 500 without its text, and in the log with it', async () => {
    const harness = await startHarness({
      simulate: () => Promise.reject(new TypeError('secret internals at /home/user')),
    });
    const response = await harness.call('POST', '/v1/simulations', { body: {} });
    assert.equal(response.statusCode, 500);
    const problem = problemOf(response);
    assert.equal(problem.code, 'E_INTERNAL');
    assert.doesNotMatch(response.body, /secret|home|TypeError/);
    const [logged] = harness.logged.filter(({ level }) => level === 'error');
    const { err, requestId } = (logged?.fields ?? {}) as { err?: Error; requestId?: string };
    assert.match(String(err), /secret internals/);
    assert.ok(requestId);
    assert.ok(problem.detail.includes(requestId), 'the answer says where to look');
    await harness.close();
  });

  test('a problem that a part throws is passed on', async () => {
    const harness = await startHarness({
      simulate: () =>
        Promise.reject(new MeridianError({ code: 'E_REGION_UNKNOWN', message: 'no "moon"' })),
    });
    const response = await harness.call('POST', '/v1/simulations', { body: { down: ['moon'] } });
    assert.equal(response.statusCode, 422);
    assert.equal(problemOf(response).detail, 'no "moon"');
    await harness.close();
  });
});

describe('over a socket', () => {
  let harness: Harness;
  let port: number;
  before(async () => {
    harness = await startHarness();
    ({ port } = await listenApi(harness.api, { host: '127.0.0.1', port: 0 }));
  });
  after(() => harness.close());

  /** Sends octets and reads until the other side closes. */
  const exchange = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      let answer = '';
      socket.setEncoding('utf8');
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(answer));
    });

  test('what is not HTTP gets a problem and the connection is closed', async () => {
    const answer = await exchange('this is not HTTP\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.match(answer, /Content-Type: application\/problem\+json/);
    assert.match(answer, /"code":"E_HTTP"/);
  });

  test('a method that HTTP does not know is 405 or not HTTP, never a crash', async () => {
    const head = `Host: localhost\r\nAuthorization: Bearer ${harness.admin}\r\nConnection: close\r\n\r\n`;
    assert.match(await exchange(`PROPFIND /v1/zones HTTP/1.1\r\n${head}`), /^HTTP\/1\.1 40[45] /);
    assert.match(await exchange(`BREW /v1/zones HTTP/1.1\r\n${head}`), /^HTTP\/1\.1 400 /);
    assert.match(await exchange(`GET /livez HTTP/1.1\r\n${head}`), /^HTTP\/1\.1 200 /);
  });

  test('a body that is announced over the limit is refused before it is sent', async () => {
    const answer = await exchange(
      `PUT /v1/regions/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${harness.admin}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${limits.bodyBytes + 1}\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 413 /);
    assert.match(answer, /"code":"E_TOO_LARGE"/);
  });

  test('a Host header of somebody else is refused on loopback', async () => {
    const answer = await exchange(
      'GET /livez HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    );
    assert.match(answer, /^HTTP\/1\.1 421 /);
  });

  test('listenApi() names a taken port and does not take another', async () => {
    const other = await startHarness();
    await assert.rejects(
      listenApi(other.api as ApiInstance, { host: '127.0.0.1', port }),
      (error) => {
        assert.ok(error instanceof MeridianError);
        assert.equal(error.code, 'E_PORT_TAKEN');
        assert.ok(error.message.includes(`127.0.0.1:${port}`));
        // Where /proc shows it, by name.
        if (existsSync('/proc/self/fd')) assert.ok(error.message.includes(`pid ${process.pid}`));
        return true;
      },
    );
    assert.equal(other.api.server.listening, false);
    await other.close();
  });

  test('listenApi() refuses an address that is not of this machine', async () => {
    const other = await startHarness();
    await assert.rejects(
      listenApi(other.api, { host: '192.0.2.1', port: 0 }),
      (error) => error instanceof MeridianError && error.code === 'E_LISTEN_ADDRESS',
    );
    await other.close();
  });
});
