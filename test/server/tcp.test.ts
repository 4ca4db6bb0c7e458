import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { sumCounters } from '../../src/server/counters.ts';
import { openTcp, type TcpServer } from '../../src/server/tcp.ts';
import { makeRequest, makeResponder, makeUpdate } from './harness.ts';

const zone = `$TTL 300
@ SOA ns1 hostmaster 1 7200 900 1209600 60
@ NS ns1
ns1 A 192.0.2.53
big TXT ${Array.from({ length: 200 }, () => `"${'x'.repeat(250)}"`).join(' ')}
`;

async function serve(tcp: Partial<{ connections: number; connectionsPerAddress: number }>) {
  const clock = new VirtualClock();
  const settings = { connections: 100, connectionsPerAddress: 100, idleMs: 10_000, ...tcp };
  const responder = makeResponder(makeUpdate({ 'example.com.': zone }), { tcp: settings });
  const server = await openTcp(responder, [{ host: '127.0.0.1', port: 0 }], clock);
  return { server, clock, counters: () => sumCounters([responder.counters]) };
}

async function open(server: TcpServer): Promise<Socket> {
  const address = server.addresses[0] ?? assert.fail();
  const socket = connect({ ...address, allowHalfOpen: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

const framed = (question: string) => {
  const request = makeRequest(question);
  return Buffer.concat([Buffer.from([0, request.length]), request]);
};

async function askOver(socket: Socket): Promise<void> {
  const answered = once(socket, 'data');
  socket.write(framed('ns1.example.com. A'));
  await answered;
}

test('openTcp() closes a connection idle for 10 s, but not one that asks', async () => {
  const { server, clock } = await serve({});
  const idle = await open(server);
  const busy = await open(server);
  await askOver(idle);
  await askOver(busy);
  const closed = once(idle, 'end');
  for (let seconds = 0; seconds < 12; seconds += 3) {
    clock.advance(3000);
    await askOver(busy);
  }
  idle.resume();
  await closed;
  assert.equal(busy.readableEnded, false);
  idle.destroy();
  busy.destroy();
  await server.close();
});

test('openTcp() closes a connection that trickles octets without a query', async () => {
  const { server, clock } = await serve({});
  const socket = await open(server);
  socket.write(Buffer.from([0]));
  const probe = await open(server);
  await askOver(probe); // by now the server has read the octet
  clock.advance(9000);
  socket.write(Buffer.from([29]));
  await askOver(probe);
  const closed = once(socket, 'end');
  socket.resume();
  clock.advance(2000);
  await closed;
  socket.destroy();
  probe.destroy();
  await server.close();
});

test('openTcp() refuses connections beyond the cap of an address', async () => {
  const { server, counters } = await serve({ connectionsPerAddress: 2 });
  const kept = [await open(server), await open(server)];
  const refused = await open(server);
  refused.resume();
  await once(refused, 'end');
  refused.destroy();
  for (const socket of kept) await askOver(socket);
  assert.equal(counters().connectionsShed, 1);
  for (const socket of kept) socket.destroy();
  await server.close();
});

test('openTcp() at the cap of all closes the one longest without a query', async () => {
  const { server, counters } = await serve({ connections: 2 });
  const first = await open(server);
  await askOver(first);
  const second = await open(server);
  await askOver(second);
  await askOver(first);
  const shed = once(second, 'close');
  second.resume();
  second.on('end', () => second.destroy());
  const third = await open(server);
  await askOver(third);
  await shed;
  await askOver(first);
  assert.equal(counters().connectionsShed, 1);
  first.destroy();
  third.destroy();
  await server.close();
});

test('openTcp() stops reading from a peer that does not read, and goes on when it does', async () => {
  const { server, counters } = await serve({});
  const socket = await open(server);
  socket.pause();
  const count = 600; // about 30 MB of answers
  socket.write(Buffer.concat(Array.from({ length: count }, () => framed('big.example.com. TXT'))));
  const probe = await open(server);
  for (let round = 0; round < 20; round += 1) await askOver(probe);
  assert.ok(counters().queries.tcp < count, `answered ${counters().queries.tcp}`);
  let octets = 0;
  socket.on('data', (chunk) => {
    octets += chunk.length;
  });
  socket.resume();
  socket.end();
  await once(socket, 'end');
  assert.equal(counters().queries.tcp, count + 20);
  assert.ok(octets > count * 50_000);
  socket.destroy();
  probe.destroy();
  await server.close();
});

test('TcpServer.close() answers what has come in', async () => {
  const { server } = await serve({});
  const socket = await open(server);
  await askOver(socket);
  const answer = once(socket, 'data');
  const ended = once(socket, 'end');
  socket.write(framed('ns1.example.com. A'));
  await answer;
  const closed = server.close();
  await ended;
  socket.end();
  await closed;
});
