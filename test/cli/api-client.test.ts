import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { MeridianError } from '../../src/base/errors.ts';
import { ApiClient, defaultUrl, findToken, parseUrl, urlOf } from '../../src/cli/api-client.ts';
import { exampleFolder, folderOf, run, startNode } from './harness.ts';

const silent = { out() {}, err() {} };

test('findToken takes the flag, then the environment, then the file of the data folder', (t) => {
  const data = folderOf(t, { 'admin.token': 'from-file\n' });
  const env = { MERIDIAN_ADMIN_TOKEN: 'from-admin', MERIDIAN_TOKEN: 'from-env' };
  assert.equal(findToken({ data, token: 'from-flag' }, { ...silent, env }), 'from-flag');
  assert.equal(findToken({ data }, { ...silent, env }), 'from-admin');
  assert.equal(findToken({ data }, { ...silent, env: { MERIDIAN_TOKEN: 'from-env' } }), 'from-env');
  assert.equal(findToken({ data }, { ...silent, env: { MERIDIAN_TOKEN: '' } }), 'from-file');
  assert.equal(findToken({ data }, silent), 'from-file');
});

test('findToken names the file where a token would be', (t) => {
  const data = folderOf(t);
  const missing = (error: unknown) =>
    error instanceof MeridianError &&
    error.code === 'E_TOKEN_MISSING' &&
    error.message.includes(join(data, 'admin.token'));
  assert.throws(() => findToken({ data }, silent), missing);
  const odd = folderOf(t, { 'admin.token/x': '' });
  assert.throws(() => findToken({ data: odd }, silent), /cannot be read.*\(E_TOKEN_MISSING\)/);
});

test('urlOf takes the flag, then MERIDIAN_URL, then the default', () => {
  const env = { MERIDIAN_URL: 'https://dns.example.net/' };
  assert.equal(urlOf({ url: 'http://127.0.0.1:1' }, { ...silent, env }), 'http://127.0.0.1:1');
  assert.equal(urlOf({}, { ...silent, env }), 'https://dns.example.net');
  assert.equal(urlOf({}, silent), defaultUrl);
  assert.throws(
    () => urlOf({}, { ...silent, env: { MERIDIAN_URL: 'dns.example.net' } }),
    /^MeridianError: MERIDIAN_URL: .*\(E_FLAG\)$/,
  );
});

test('parseUrl takes http and https alone', () => {
  assert.equal(parseUrl('http://[::1]:8053/'), 'http://[::1]:8053');
  for (const bad of ['', 'localhost:8053', 'ftp://x/', 'http://x/?q=1']) {
    assert.throws(() => parseUrl(bad), /is no http or https URL/);
  }
});

test('a node that is not there gets a message with the URL and the remedy', async (t) => {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  const folder = folderOf(t, exampleFolder);
  const { code, err } = await run([
    ...['apply', folder, '--url', `http://127.0.0.1:${port}`, '--token', 'x'],
  ]);
  assert.equal(code, 1);
  assert.match(
    err,
    new RegExp(
      `^nothing answers at http://127\\.0\\.0\\.1:${port} \\(ECONNREFUSED\\); is \`meridian serve\` running there\\?.*\\(E_API_UNREACHABLE\\)\\n$`,
    ),
  );
});

test('a wrong token gets the problem of the API', async (t) => {
  const node = await startNode(t);
  const { code, err } = await run([
    ...['explain', 'x.', '--client', '192.0.2.1', '--url', node.url, '--token', 'wrong'],
  ]);
  assert.equal(code, 1);
  assert.match(err, /unknown, revoked or expired.*\(E_UNAUTHORIZED\)/);
});

test('what is not the API is called so, and redirects are not followed', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/moved') response.writeHead(302, { location: '/else' }).end();
    else if (request.url?.startsWith('/v1/')) {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}');
    } else response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = new ApiClient(`http://127.0.0.1:${port}`, 'secret');
  await assert.rejects(client.get('/v1'), /answered 200 with text\/html.*\(E_API_ANSWER\)$/);
  await assert.rejects(client.get('/moved'), /answered 302.*\(E_API_ANSWER\)$/);
  await assert.rejects(client.get('/v1/explain'), /with application\/json, .*\(E_API_ANSWER\)$/);
  await assert.rejects(client.list('/v1/zones'), /with application\/json, .*\(E_API_ANSWER\)$/);
});

test('list follows the pages to the end', async (t) => {
  const node = await startNode(t);
  const writes = Array.from({ length: 250 }, (_, index) => ({
    kind: 'network' as const,
    id: `10.0.${index}.0/24`,
    body: '{"country":"IE"}',
  }));
  await node.controller.apply(writes, { actor: 'test', summary: 'test' });
  const client = new ApiClient(node.url, node.token);
  assert.equal((await client.list('/v1/networks')).length, 250);
});

test('with --json a refusal, too, is one JSON document', async (t) => {
  const node = await startNode(t);
  const { code, out, err } = await node.run([
    ...['explain', 'www.example.com', '--client', 'nobody', '--json'],
  ]);
  assert.equal(code, 1);
  assert.equal(err, '');
  assert.equal(JSON.parse(out).problems[0].code, 'E_EXPLAIN_QUESTION');
});
