import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { startDemoOrigins } from '../../src/cli/demo-origins.ts';
import { freePort } from '../e2e/support/processes.ts';

const origins = [
  { region: 'eu-west', address: '127.0.1.3' },
  { region: 'us-east', address: '127.0.1.1' },
];

/** True when something listens. */
function listens(address: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, address);
    socket.once('connect', () => socket.destroy() && done(true));
    socket.once('error', () => done(false));
  });
}

async function post(port: number, path: string): Promise<{ status: number; running: string[] }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST' });
  const body = (await response.json()) as { origins: { region: string; running: boolean }[] };
  const running = body.origins.filter((one) => one.running).map((one) => one.region);
  return { status: response.status, running };
}

test('startDemoOrigins() answers health checks, and stops and starts an origin when told', async (t) => {
  const port = await freePort();
  const demo = await startDemoOrigins(origins, port);
  t.after(() => demo.close());
  const health = await fetch(`http://127.0.1.3:${port}/health`);
  assert.deepEqual(await health.json(), {
    status: 'pass',
    region: 'eu-west',
    address: '127.0.1.3',
  });
  assert.deepEqual((await post(port, '/stop/eu-west')).running, ['us-east']);
  assert.equal(await listens('127.0.1.3', port), false);
  assert.equal(await listens('127.0.1.1', port), true);
  assert.equal((await post(port, '/stop/eu-west')).status, 200, 'twice is once');
  assert.deepEqual((await post(port, '/start/eu-west')).running, ['eu-west', 'us-east']);
  assert.equal(await listens('127.0.1.3', port), true);
});

test('startDemoOrigins() takes two starts at once for one', async (t) => {
  const port = await freePort();
  const demo = await startDemoOrigins(origins, port);
  t.after(() => demo.close());
  await post(port, '/stop/eu-west');
  const both = await Promise.all([post(port, '/start/eu-west'), post(port, '/start/eu-west')]);
  assert.deepEqual(
    both.map(({ status }) => status),
    [200, 200],
  );
});

test('startDemoOrigins() does nothing for a request that it does not know', async (t) => {
  const port = await freePort();
  const demo = await startDemoOrigins(origins, port);
  t.after(() => demo.close());
  for (const path of ['/restart/eu-west', '/stop/moon', '/stop', '/']) {
    const { status, running } = await post(port, path);
    assert.deepEqual([status, running.length], [404, 2], path);
  }
  const list = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(list.status, 200);
});

test('startDemoOrigins() frees every port when one of them is taken', async (t) => {
  const holder = createServer().listen(0, '127.0.1.1');
  await new Promise((done) => holder.once('listening', done));
  t.after(() => holder.close());
  const { port } = holder.address() as AddressInfo;
  await assert.rejects(startDemoOrigins(origins, port), /EADDRINUSE/);
  assert.equal(await listens('127.0.1.3', port), false);
});

test('DemoOrigins.close() frees every port, with clients connected', async () => {
  const port = await freePort();
  const demo = await startDemoOrigins(origins, port);
  const idle = connect(port, '127.0.1.3');
  await new Promise((done) => idle.once('connect', done));
  const closed = new Promise((done) => idle.once('close', done));
  await demo.close();
  await closed;
  assert.equal(await listens('127.0.1.3', port), false);
  assert.equal(await listens('127.0.0.1', port), false);
});
