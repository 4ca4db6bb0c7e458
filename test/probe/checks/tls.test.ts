import assert from 'node:assert/strict';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { after, type TestContext, test } from 'node:test';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { systemClock } from '../../../src/base/clock.ts';
import type { TlsCheck } from '../../../src/health/monitor.ts';
import { checkHttp } from '../../../src/probe/checks/http.ts';
import { checkTls } from '../../../src/probe/checks/tls.ts';
import { Authority, type Certificate } from './certificates.ts';
import { contextOf, listen, silentServer, targetOf } from './fixture.ts';

const authority = new Authority();
after(() => authority.dispose());
const { ca } = authority;
const good = authority.issue(['DNS:www.example.com', 'IP:127.0.0.1'], 30);
const named: TlsCheck = { verify: true, minDaysLeft: 7, ca, serverName: 'www.example.com' };

async function tlsServer(t: TestContext, { cert, key }: Certificate = good) {
  const server = createTlsServer({ cert, key });
  // The server's name indication, and that the client ended the connection in order.
  const met = new Promise<unknown>((resolve, reject) => {
    server.on('tlsClientError', reject);
    server.on('secureConnection', (socket) => {
      socket
        .on('error', reject)
        .on('end', () => resolve(socket.servername))
        .resume();
    });
  });
  met.catch(() => {});
  const listening = await listen(server);
  t.after(listening.close);
  return { port: listening.port, met };
}

test('checkTls() is up when the chain and the name are good, with times of both handshakes', async (t) => {
  const { port, met } = await tlsServer(t);
  const result = await checkTls(targetOf('tls', port, { tls: named }), contextOf());
  assert.equal(result.outcome, 'up', result.errorText);
  assert.ok((result.connectMs ?? 0) > 0 && (result.tlsMs ?? 0) > 0);
  assert.equal(await met, 'www.example.com');
});

test('checkTls() checks the address itself where there is no name, and sends none', async (t) => {
  const { port, met } = await tlsServer(t);
  const tls: TlsCheck = { verify: true, minDaysLeft: 7, ca };
  assert.equal((await checkTls(targetOf('tls', port, { tls }), contextOf())).outcome, 'up');
  assert.equal(await met, false);
});

test('checkTls() is down on a certificate nobody trusts', async (t) => {
  const { port } = await tlsServer(t);
  const { ca: _, ...tls } = named;
  const result = await checkTls(targetOf('tls', port, { tls }), contextOf());
  assert.deepEqual([result.outcome, result.error], ['down', 'tls-untrusted']);
  assert.ok((result.tlsMs ?? 0) > 0);
});

test('checkTls() is down on a certificate of another name', async (t) => {
  const { port } = await tlsServer(t);
  const tls = { ...named, serverName: 'other.example.com' };
  const result = await checkTls(targetOf('tls', port, { tls }), contextOf());
  assert.deepEqual([result.outcome, result.error], ['down', 'tls-name']);
  assert.match(result.errorText ?? '', /other\.example\.com/);
});

test('checkTls() without verify looks at neither chain nor name', async (t) => {
  const { port } = await tlsServer(t);
  const tls = { verify: false, minDaysLeft: 7, serverName: 'other.example.com' };
  assert.equal((await checkTls(targetOf('tls', port, { tls }), contextOf())).outcome, 'up');
});

test('checkTls() is degraded when fewer days are left than wanted', async (t) => {
  const { port } = await tlsServer(t);
  const tls = { ...named, minDaysLeft: 31 };
  const result = await checkTls(targetOf('tls', port, { tls }), contextOf());
  assert.deepEqual([result.outcome, result.error], ['degraded', 'tls-expiring']);
  assert.match(result.errorText ?? '', /has 29 days left/);
});

test('checkTls() without verify tells an expired certificate as one that runs out', async (t) => {
  const { port } = await tlsServer(t);
  const day = 86_400_000;
  const clock = { ...systemClock, epochMs: () => Date.now() + 40 * day };
  const tls = { verify: false, minDaysLeft: 7 };
  const result = await checkTls(targetOf('tls', port, { tls }), contextOf({ clock }));
  assert.deepEqual([result.outcome, result.error], ['degraded', 'tls-expiring']);
  assert.match(result.errorText ?? '', /has expired/);
});

test('checkTls() is down when the peer does not speak TLS', async (t) => {
  const server = await listen(createTcpServer((socket) => socket.end('220 smtp\r\n')));
  t.after(server.close);
  const result = await checkTls(targetOf('tls', server.port, { tls: named }), contextOf());
  assert.deepEqual([result.outcome, result.error], ['down', 'tls-handshake']);
});

test('checkTls() is down when the peer closes in the handshake', async (t) => {
  const server = await listen(createTcpServer((socket) => socket.once('data', () => socket.end())));
  t.after(server.close);
  const result = await checkTls(targetOf('tls', server.port, { tls: named }), contextOf());
  assert.deepEqual([result.outcome, result.error], ['down', 'tls-handshake']);
});

test('checkTls() is down with tls-timeout when the peer stays silent', async (t) => {
  const server = await silentServer();
  t.after(server.close);
  const context = contextOf({ signal: server.signal });
  const result = await checkTls(targetOf('tls', server.port, { tls: named }), context);
  assert.deepEqual([result.outcome, result.error], ['down', 'tls-timeout']);
});

test('checkTls() blames the monitor for a CA that is none', async (t) => {
  const { port } = await tlsServer(t);
  const tls = {
    ...named,
    ca: '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n',
  };
  const result = await checkTls(targetOf('tls', port, { tls }), contextOf());
  assert.deepEqual([result.outcome, result.error], ['unknown', 'check-invalid']);
});

async function httpsServer(t: TestContext, status = 200) {
  const seen: { host: string | undefined; servername: unknown }[] = [];
  const server: HttpsServer = createHttpsServer(good, (request, response) => {
    const { servername } = request.socket as TLSSocket & { servername?: unknown };
    seen.push({ host: request.headers.host, servername });
    response.writeHead(status).end('fine');
  });
  const listening = await listen(server);
  t.after(listening.close);
  return { port: listening.port, seen };
}

const http = {
  method: 'GET',
  path: '/',
  headers: {},
  host: 'www.example.com',
  statuses: [[200, 299]],
  redirects: 0,
} as const;
const tls: TlsCheck = { verify: true, minDaysLeft: 7, ca };

test('checkHttp() over TLS takes host and server name from the monitor, with three times', async (t) => {
  const { port, seen } = await httpsServer(t);
  const result = await checkHttp(targetOf('https', port, { http, tls }), contextOf());
  assert.equal(result.outcome, 'up', result.errorText);
  assert.deepEqual(seen, [{ host: 'www.example.com', servername: 'www.example.com' }]);
  for (const time of ['connectMs', 'tlsMs', 'firstByteMs'] as const) {
    assert.ok((result[time] ?? 0) > 0, time);
  }
});

test('checkHttp() over TLS sends no request to a peer it does not trust', async (t) => {
  const { port, seen } = await httpsServer(t);
  const untrusted = { verify: true, minDaysLeft: 7 };
  const result = await checkHttp(targetOf('https', port, { http, tls: untrusted }), contextOf());
  assert.deepEqual([result.outcome, result.error], ['down', 'tls-untrusted']);
  assert.deepEqual(seen, []);
});

test('checkHttp() over TLS is degraded when all is well but the certificate runs out', async (t) => {
  const { port } = await httpsServer(t);
  const soon = { ...tls, minDaysLeft: 60 };
  const result = await checkHttp(targetOf('https', port, { http, tls: soon }), contextOf());
  assert.deepEqual([result.outcome, result.error], ['degraded', 'tls-expiring']);
});

test('checkHttp() over TLS is down for the status even when the certificate runs out', async (t) => {
  const { port } = await httpsServer(t, 500);
  const soon = { ...tls, minDaysLeft: 60 };
  const result = await checkHttp(targetOf('https', port, { http, tls: soon }), contextOf());
  assert.deepEqual([result.outcome, result.error], ['down', 'http-status']);
});
