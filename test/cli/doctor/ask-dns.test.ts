import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { askDns } from '../../../src/cli/doctor/ask-dns.ts';

const question = { name: 'example.test.', type: 'SOA', transport: 'tcp', recurse: false } as const;

async function listen(t: { after(callback: () => void): void }, answer: Buffer | undefined) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    if (answer === undefined) socket.end();
    else socket.once('data', () => socket.end(answer));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  return { server, endpoint: { host: '127.0.0.1', port } };
}

test('askDns rejects when nothing listens', async (t) => {
  const { server, endpoint } = await listen(t, undefined);
  await new Promise((done) => server.close(done));
  await assert.rejects(askDns({ ...question, server: endpoint }), /ECONNREFUSED/);
});

test('askDns rejects a connection that ends without an answer, and one that answers nonsense', async (t) => {
  const silent = await listen(t, undefined);
  await assert.rejects(askDns({ ...question, server: silent.endpoint }));
  const nonsense = await listen(t, Buffer.from([0, 3, 1, 2, 3]));
  await assert.rejects(askDns({ ...question, server: nonsense.endpoint }));
});

test('askDns rejects the answer to another question', async (t) => {
  const header = Buffer.alloc(14);
  header.writeUInt16BE(12);
  // Its id is 0, which a random one is once in 65,536 times; with QDCOUNT 0 it is no answer of ours.
  header.writeUInt16BE(0x8400, 4);
  const other = await listen(t, header);
  await assert.rejects(askDns({ ...question, server: other.endpoint }));
});
