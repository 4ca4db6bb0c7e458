import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { imageFileNames } from '../../src/cli/saved-image.ts';
import { tokenLine } from '../../src/cli/serve.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import {
  freePort,
  missing,
  runMeridian,
  startMeridian,
  temporaryFolder,
  until,
  writeFiles,
} from '../e2e/support/processes.ts';
import { Authority } from '../probe/checks/certificates.ts';
import { makeRequest } from '../server/harness.ts';
import { exampleFolder, folderOf } from './harness.ts';

test('serve gives everything back when the last step of its start fails, and ends by itself', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => holder.once('listening', done));
  t.after(() => holder.close());
  const taken = `127.0.0.1:${(holder.address() as AddressInfo).port}`;
  const dns = `127.0.0.1:${await freePort()}`;
  const data = join(folderOf(t), 'data');
  const zones = folderOf(t, exampleFolder);
  const words = ['serve', '--zones', zones, '--data', data, '--dns', dns, '--workers', '2'];
  const { code, output } = await runMeridian(t, [...words, '--http', taken]);
  assert.equal(code, 1, output);
  assert.match(output, /\(E_PORT_TAKEN\)/);
  assert.doesNotMatch(output, /this is a bug/);
  // The lock of the store is free, and so is the port of the DNS.
  openSqliteStore(data).close();
  const node = await startMeridian(t, { zones, data, dns });
  assert.deepEqual(node.dns, [dns]);
});

test('serve ends soon after SIGTERM with what is queued answered, whoever is connected', async (t) => {
  const zones = folderOf(t, exampleFolder);
  const node = await startMeridian(t, { zones, data: join(temporaryFolder(t), 'data') });
  const stream = await node.api('GET', '/v1/events');
  assert.equal(stream.status, 200);
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  const answered = new Set<number>();
  socket.on('message', (message) => answered.add(message.readUInt16BE(0)));
  await new Promise<void>((done) => socket.connect(node.port, '127.0.0.1', done));
  const asked = 40;
  const sent = Array.from(
    { length: asked },
    (_, id) =>
      new Promise((done) => socket.send(makeRequest('mail.example.com A', { id }), () => done(id))),
  );
  await Promise.all(sent);
  const startMs = performance.now();
  await node.stop('SIGTERM');
  const tookMs = performance.now() - startMs;
  assert.equal(node.child.exitCode, 0, node.output());
  assert.ok(tookMs < 2500, `${tookMs} ms`);
  await until(
    () => answered.size === asked || undefined,
    () => `${asked} answers; ${answered.size} came`,
    1000,
  );
});

test('serve leaves the image of what it served, and the next start answers from it', async (t) => {
  const zones = folderOf(t, exampleFolder);
  const data = join(temporaryFolder(t), 'data');
  const flags = ['--log-level', 'debug'];
  const first = await startMeridian(t, { zones, data, flags });
  await first.stop('SIGTERM');
  assert.doesNotMatch(first.output(), /could not be saved/);
  const second = await startMeridian(t, { zones, data, flags });
  assert.doesNotMatch(second.output(), /no saved image|cannot be served/);
  await second.stop('SIGTERM');
  for (const name of imageFileNames) rmSync(join(data, name), { force: true });
  const third = await startMeridian(t, { zones, data, flags });
  assert.match(third.output(), /no saved image/);
});

test('tokenLine() shows a new token, and says where an older one is to be found', (t) => {
  const folder = folderOf(t, { 'admin.token': 'old\n' });
  const file = join(folder, 'admin.token');
  assert.match(tokenLine('new', file, undefined), /^new\n.*admin\.token; it is not shown again$/);
  assert.equal(tokenLine(undefined, file, 'chosen'), 'what MERIDIAN_ADMIN_TOKEN says');
  assert.equal(tokenLine(undefined, file, ''), `as before, in ${file}`);
  assert.match(tokenLine(undefined, join(folder, 'gone'), undefined), /shown at the first start$/);
});

test('surviveBugs() keeps the process alive, even when nobody can read the log any more', () => {
  const script = `
    import { surviveBugs } from ${JSON.stringify(new URL('../../src/cli/serve.ts', import.meta.url))};
    const fail = () => { throw new Error('EPIPE'); };
    surviveBugs({ debug() {}, info() {}, warn() {}, error: fail });
    setImmediate(() => { throw new Error('a bug'); });
    Promise.reject(new Error('another'));
    setTimeout(() => process.stdout.write('alive'), 20);
  `;
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  assert.deepEqual([result.stdout, result.status], ['alive', 0], result.stderr);
});

test('serve ends with 2 and says what to do where the flags of a cluster do not fit together', async (t) => {
  const { code, output } = await runMeridian(t, ['serve', '--role', 'node']);
  assert.equal(code, 2);
  assert.match(output, /error: --role node needs a cluster; name its Redis with --redis URL/);
});

test('serve offers the API over TLS, and commands say what a certificate lacks', async (t) => {
  const without = missing('openssl');
  if (without !== false) return t.skip(without);
  const authority = new Authority();
  t.after(() => authority.dispose());
  const { cert, key } = authority.issue(['IP:127.0.0.1'], 30);
  const folder = temporaryFolder(t);
  writeFiles(folder, { 'api.pem': cert, 'api.key': key, 'ca.pem': authority.ca });
  const zones = folderOf(t, exampleFolder);
  const data = join(folder, 'data');
  const tls = ['--http-cert', join(folder, 'api.pem'), '--http-key', join(folder, 'api.key')];
  const node = await startMeridian(t, { zones, data, flags: tls });
  const url = node.url.replace('http:', 'https:');
  assert.match(node.output(), new RegExp(`"url":"${url}"`));
  const words = ['explain', 'www.example.com', '--client', '192.0.2.1', '--url', url];
  const refused = await runMeridian(t, words);
  assert.match(refused.output, /certificate of .* is not trusted.*NODE_EXTRA_CA_CERTS/);
  const extra = { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') };
  const answered = await runMeridian(t, words, undefined, extra);
  assert.equal(answered.code, 0, answered.output);
  assert.match(answered.output, /www\.example\.com/);
  const half = await runMeridian(t, ['serve', '--data', data, '--http-cert', 'api.pem']);
  assert.match(half.output, /--http-cert needs --http-key beside it.*E_FLAG/);
});
