import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { HttpCheck } from '../../../src/health/monitor.ts';
import type { CheckResult } from '../../../src/probe/check-result.ts';
import { checkHttp } from '../../../src/probe/checks/http.ts';
import { createGuard } from '../../../src/probe/guard.ts';
import { closedPort, contextOf, listen, silentServer, targetOf } from './fixture.ts';

const plain: HttpCheck = {
  method: 'GET',
  path: '/health',
  headers: {},
  statuses: [[200, 299]],
  redirects: 0,
};

async function check(
  t: TestContext,
  listener: RequestListener,
  http: Partial<HttpCheck> = {},
): Promise<CheckResult> {
  const server = await listen(createServer(listener));
  t.after(server.close);
  const target = targetOf('http', server.port, { http: { ...plain, ...http } });
  return checkHttp(target, contextOf());
}

test('checkHttp() is up on an accepted status, with connect and first-byte times', async (t) => {
  const result = await check(t, (_request, response) => response.end('fine'));
  assert.equal(result.outcome, 'up');
  assert.ok((result.connectMs ?? 0) > 0);
  assert.ok((result.firstByteMs ?? 0) > 0);
  assert.equal(result.tlsMs, undefined);
});

test('checkHttp() is down on another status', async (t) => {
  const result = await check(t, (_request, response) => response.writeHead(503).end());
  assert.equal(result.outcome, 'down');
  assert.equal(result.error, 'http-status');
  assert.equal(result.errorText, 'status 503');
  assert.ok((result.firstByteMs ?? 0) > 0);
});

test('checkHttp() takes the ranges of statuses as they are given', async (t) => {
  const teapot: RequestListener = (_request, response) => response.writeHead(418).end();
  const statuses = [
    [200, 204],
    [418, 418],
  ] as const;
  assert.equal((await check(t, teapot, { statuses })).outcome, 'up');
  assert.equal((await check(t, teapot, { statuses: [[419, 499]] })).outcome, 'down');
});

test('checkHttp() asks the VIP by the host, path and headers of the monitor, resolving nothing', async (t) => {
  let seen = {};
  const result = await check(
    t,
    ({ method, url, headers }, response) => {
      seen = {
        method,
        url,
        host: headers.host,
        key: headers['x-key'],
        agent: headers['user-agent'],
      };
      response.end();
    },
    {
      host: 'no-such-name.invalid',
      path: '/health?deep=1&x=a%20b',
      method: 'HEAD',
      headers: { 'X-Key': 'secret', 'User-Agent': 'me' },
    },
  );
  assert.equal(result.outcome, 'up');
  assert.deepEqual(seen, {
    method: 'HEAD',
    url: '/health?deep=1&x=a%20b',
    host: 'no-such-name.invalid',
    key: 'secret',
    agent: 'me',
  });
});

test('checkHttp() sends the VIP itself as host when the monitor has none', async (t) => {
  let host: string | undefined;
  const result = await check(t, (request, response) => {
    host = request.headers.host;
    response.end();
  });
  assert.equal(result.outcome, 'up');
  assert.match(host ?? '', /^127\.0\.0\.1:\d+$/);
});

test('checkHttp() wants the text and the expression in the body', async (t) => {
  const page: RequestListener = (_request, response) => response.end('all 42 systems go');
  assert.equal((await check(t, page, { bodyIncludes: '42 systems' })).outcome, 'up');
  assert.equal((await check(t, page, { bodyMatches: '\\d+ systems (go|stay)$' })).outcome, 'up');
  const missing = await check(t, page, { bodyIncludes: '43' });
  assert.deepEqual([missing.outcome, missing.error], ['down', 'body-mismatch']);
  const different = await check(t, page, { bodyMatches: '^systems' });
  assert.deepEqual([different.outcome, different.error], ['down', 'body-mismatch']);
});

test('checkHttp() looks at the first 64 KiB of a body that does not end', async (t) => {
  const endless: RequestListener = (_request, response) => {
    response.write('begin');
    const more = () => {
      if (response.destroyed) return;
      if (response.write('x'.repeat(16_384))) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  };
  assert.equal((await check(t, endless, { bodyIncludes: 'begin' })).outcome, 'up');
  assert.equal((await check(t, endless, { bodyIncludes: 'end.' })).error, 'body-mismatch');
});

test('checkHttp() gives up an expression that backtracks without end', async (t) => {
  const nasty: RequestListener = (_request, response) => response.end(`${'a'.repeat(60)}!`);
  const result = await check(t, nasty, { bodyMatches: '^(a+)+$' });
  assert.deepEqual([result.outcome, result.error], ['unknown', 'body-pattern']);
});

const structured: readonly (readonly [string, string, string])[] = [
  ['application/json', '{"status":"ok"}', 'up'],
  ['application/health+json', '{"status":"pass"}', 'up'],
  ['application/health+json; charset=utf-8', '{"status":"warn","notes":[]}', 'degraded'],
  ['application/json', '{"status":"DEGRADED"}', 'degraded'],
  ['application/health+json', '{"status":"fail"}', 'down'],
  ['application/json', '{"status":"down"}', 'down'],
  ['application/json', '{"status":"whatever"}', 'up'],
  ['application/json', '{"status":503}', 'up'],
  ['application/json', '{"status":"constructor"}', 'up'],
  ['application/json', '[1, 2]', 'up'],
  ['application/json', 'null', 'up'],
  ['application/json', '{"status":', 'up'],
  ['text/plain', '{"status":"fail"}', 'up'],
];
for (const [type, body, outcome] of structured) {
  test(`checkHttp() takes ${body} of ${type} for ${outcome}`, async (t) => {
    const result = await check(t, (_request, response) => {
      response.setHeader('content-type', type);
      response.end(body);
    });
    assert.equal(result.outcome, outcome);
    assert.equal(result.error, outcome === 'up' ? undefined : 'body-status');
  });
}

test('checkHttp() does not follow a redirect unasked', async (t) => {
  const redirect: RequestListener = (_request, response) =>
    response.writeHead(302, { location: '/elsewhere' }).end();
  assert.equal((await check(t, redirect)).errorText, 'status 302');
  assert.equal((await check(t, redirect, { statuses: [[200, 399]] })).outcome, 'up');
});

test('checkHttp() follows redirects on the VIP up to the number allowed', async (t) => {
  const steps: RequestListener = ({ url = '' }, response) => {
    const step = Number(url.slice(1));
    if (step === 2) response.end('there');
    else response.writeHead(302, { location: `/${step + 1}` }).end();
  };
  const path = '/0';
  assert.equal(
    (await check(t, steps, { path, redirects: 2, bodyIncludes: 'there' })).outcome,
    'up',
  );
  const tooFew = await check(t, steps, { path, redirects: 1 });
  assert.deepEqual([tooFew.outcome, tooFew.error], ['down', 'http-redirect']);
});

test('checkHttp() refuses a redirect to a metadata address, even where private ones are allowed', async (t) => {
  const location = 'http://169.254.169.254/latest/meta-data/';
  const redirect: RequestListener = (_request, response) =>
    response.writeHead(302, { location }).end();
  const result = await check(t, redirect, { redirects: 3 });
  assert.deepEqual([result.outcome, result.error], ['down', 'redirect-refused']);
  assert.match(result.errorText ?? '', /169\.254\.169\.254 is a cloud metadata address/);
});

test('checkHttp() refuses a redirect to a name that leads to loopback', async (t) => {
  const server = await listen(
    createServer((_request, response) =>
      response.writeHead(302, { location: 'http://localhost:1/' }).end(),
    ),
  );
  t.after(server.close);
  // A guard that takes the VIP for public and everything else of loopback for what it is.
  const strict = createGuard(false);
  let isFirst = 2;
  const guard = { refusal: (ip: string) => (isFirst-- > 0 ? undefined : strict.refusal(ip)) };
  const target = targetOf('http', server.port, { http: { ...plain, redirects: 1 } });
  const result = await checkHttp(target, contextOf({ guard }));
  assert.deepEqual([result.outcome, result.error], ['down', 'redirect-refused']);
});

test('checkHttp() keeps the headers of the monitor from other hosts', async (t) => {
  let key: unknown = 'not asked';
  const other = await listen(
    createServer((request, response) => {
      key = request.headers['x-key'];
      response.end();
    }),
    '127.0.0.1',
  );
  t.after(other.close);
  const location = `http://localhost:${other.port}/`;
  const result = await check(
    t,
    (_request, response) => response.writeHead(302, { location }).end(),
    { redirects: 1, headers: { 'x-key': 'secret' } },
  );
  if (result.error === 'connect-refused') return t.skip('localhost is ::1 first here');
  assert.equal(result.outcome, 'up');
  assert.equal(key, undefined);
});

test('checkHttp() tells a silent server from one that closes and one that talks nonsense', async (t) => {
  const silent = await silentServer();
  t.after(silent.close);
  const target = targetOf('http', silent.port, { http: plain });
  const late = await checkHttp(target, contextOf({ signal: silent.signal }));
  assert.deepEqual([late.outcome, late.error], ['down', 'http-timeout']);
  assert.ok((late.connectMs ?? 0) > 0);

  const closing = await listen(
    createTcpServer((socket) => socket.once('data', () => socket.end())),
  );
  t.after(closing.close);
  const closed = await checkHttp(targetOf('http', closing.port, { http: plain }), contextOf());
  assert.deepEqual([closed.outcome, closed.error], ['down', 'http-closed']);

  const talking = await listen(
    createTcpServer((socket) => socket.once('data', () => socket.end('SSH-2.0-what\r\n\r\n'))),
  );
  t.after(talking.close);
  const odd = await checkHttp(targetOf('http', talking.port, { http: plain }), contextOf());
  assert.deepEqual([odd.outcome, odd.error], ['down', 'http-protocol']);

  const refused = await checkHttp(targetOf('http', await closedPort()), contextOf());
  assert.deepEqual([refused.outcome, refused.error], ['down', 'connect-refused']);
});

test('checkHttp() aborts a body that never ends in time', async (t) => {
  const controller = new AbortController();
  const server = await listen(
    createServer((_request, response) => {
      response.write('a', () => setImmediate(() => controller.abort()));
    }),
  );
  t.after(server.close);
  const target = targetOf('http', server.port, { http: plain });
  const result = await checkHttp(target, contextOf({ signal: controller.signal }));
  assert.deepEqual([result.outcome, result.error], ['down', 'http-timeout']);
});

test('checkHttp() blames the monitor for a header that cannot be sent', async (t) => {
  const headers = { 'x-bad': 'a\r\nb: c' };
  const result = await check(t, (_request, response) => response.end(), { headers });
  assert.deepEqual([result.outcome, result.error], ['unknown', 'check-invalid']);
});
