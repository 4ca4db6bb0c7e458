import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { formatProblem, MeridianError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { type DataPlane, startDataPlane } from '../../src/server/data-plane.ts';
import type { ListenAddress } from '../../src/server/listen-address.ts';
import { makeRequest, makeUpdate } from './harness.ts';
import { type ReadAnswer, readAnswer } from './read-answer.ts';

const zone = (address: string) => `$TTL 300
@     SOA ns1 hostmaster 1 7200 900 1209600 60
@     NS ns1
ns1   A 192.0.2.53
host  A ${address}
other A ${address}
pair  MX 10 host
big   TXT ${Array.from({ length: 8 }, () => `"${'x'.repeat(200)}"`).join(' ')}
`;

let epoch = 0;
const makeNext = (address: string) => {
  epoch += 1;
  return makeUpdate({ 'example.com.': zone(address) }, {}, [], epoch);
};

let plane: DataPlane;
let at: ListenAddress;

before(async () => {
  plane = await startDataPlane({
    addresses: [{ host: '127.0.0.1', port: 0 }],
    workers: 2,
    log: silentLog,
  });
  at = plane.addresses[0] ?? assert.fail();
  await plane.publish(makeNext('192.0.2.1'));
});

after(() => plane.close());

/** Asks over UDP, again if a worker that just died took the question along. */
async function askUdp(question: string, to = at): Promise<ReadAnswer> {
  const socket = createSocket(to.host.includes(':') ? 'udp6' : 'udp4');
  const request = makeRequest(question, { edns: {} });
  const send = () => socket.send(request, to.port, to.host);
  const timer = setInterval(send, 500);
  send();
  try {
    const [message] = await once(socket, 'message', { signal: AbortSignal.timeout(8000) });
    return readAnswer(message);
  } finally {
    clearInterval(timer);
    socket.close();
  }
}

function framed(...questions: string[]): Buffer {
  return Buffer.concat(
    questions.map((question, id) => {
      const request = makeRequest(question, { id });
      return Buffer.concat([Buffer.from([0, request.length]), request]);
    }),
  );
}

/** Writes the pieces one by one, ends its side, and reads until the server closes. */
async function talkTcp(pieces: readonly Buffer[], end = true): Promise<ReadAnswer[]> {
  const socket = connect({ host: at.host, port: at.port, allowHalfOpen: true, noDelay: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await once(socket, 'connect');
  for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve));
  if (end) socket.end();
  await once(socket, 'end');
  socket.destroy();
  const all = Buffer.concat(chunks);
  const answers: ReadAnswer[] = [];
  for (let from = 0; from < all.length; ) {
    const bytes = all.readUInt16BE(from);
    answers.push(readAnswer(all.subarray(from + 2, from + 2 + bytes)));
    from += 2 + bytes;
  }
  return answers;
}

const hostAnswer = (address: string) => [`host.example.com. 300 A ${address}`];

test('startDataPlane() answers over UDP', async () => {
  assert.deepEqual((await askUdp('host.example.com. A')).answer, hostAnswer('192.0.2.1'));
});

test('startDataPlane() answers over TCP what UDP truncated', async () => {
  assert.equal((await askUdp('big.example.com. TXT')).flags, 'qr aa tc');
  const [whole] = await talkTcp([framed('big.example.com. TXT')]);
  assert.equal(whole?.answer.length, 1);
});

test('openTcp() answers pipelined queries in order (RFC 7766 §6.2.1.1)', async () => {
  const questions = Array.from({ length: 250 }, (_, i) => (i % 2 ? 'host' : 'none'));
  const answers = await talkTcp([framed(...questions.map((label) => `${label}.example.com. A`))]);
  assert.deepEqual(
    answers.map(({ id, rcode }) => [id, rcode]),
    questions.map((label, id) => [id, label === 'host' ? 'NOERROR' : 'NXDOMAIN']),
  );
});

test('openTcp() takes queries octet by octet (RFC 7766 §8)', async () => {
  const bytes = framed('host.example.com. A', 'none.example.com. A');
  const answers = await talkTcp([...bytes].map((octet) => Buffer.from([octet])));
  assert.deepEqual(
    answers.map(({ rcode }) => rcode),
    ['NOERROR', 'NXDOMAIN'],
  );
});

test('openTcp() closes on what is no query', async () => {
  assert.deepEqual(await talkTcp([Buffer.from('000400000000', 'hex')], false), []);
});

test('DataPlane.publish() is served by every thread when it resolves', async () => {
  for (let round = 2; round < 12; round += 1) {
    const address = `192.0.2.${round}`;
    await plane.publish(makeNext(address));
    const answers = await Promise.all([
      ...Array.from({ length: 8 }, () => askUdp('host.example.com. A')),
      talkTcp([framed('host.example.com. A')]).then(([answer]) => answer),
    ]);
    for (const answer of answers) assert.deepEqual(answer?.answer, hostAnswer(address));
  }
});

test('DataPlane.publish() under load never mixes two images in an answer (invariant 6)', async () => {
  let isOver = false;
  const asking = Promise.all(
    Array.from({ length: 4 }, async () => {
      const seen = new Set<string>();
      while (!isOver) {
        const { answer, additional } = await askUdp('pair.example.com. MX');
        assert.deepEqual(answer, ['pair.example.com. 300 MX 10 host.example.com.']);
        assert.equal(additional.length, 1);
        seen.add(additional[0] ?? '');
      }
      return seen;
    }),
  );
  for (let round = 1; round < 40; round += 1) await plane.publish(makeNext(`192.0.2.${round}`));
  isOver = true;
  for (const seen of await asking) assert.ok(seen.size > 0);
});

test('DataPlane.publish() refuses an update that is not newer', async () => {
  const old = makeUpdate({ 'example.com.': zone('192.0.2.99') }, {}, [], epoch);
  await assert.rejects(plane.publish(old), { code: 'E_PUBLISH' });

  test('DataPlane.publish() takes nothing of an update that cannot be opened', async () => {
    const addresses = [{ host: '127.0.0.1', port: 0 }];
    const own = await startDataPlane({ addresses, workers: 1, log: silentLog });
    const damaged = { slot: 0, segment: new SharedArrayBuffer(64) };
    const empty = { epoch: 1, revision: 1, services: [], maps: [] };
    await assert.rejects(own.publish({ ...empty, zones: [damaged] }), { code: 'E_PUBLISH' });
    await own.publish({ ...empty, zones: [] });
    await own.close();
  });
});

test('a dead worker is replaced with the current image, others go on', async () => {
  await plane.publish(makeNext('192.0.2.200'));
  for (const worker of plane.workers) {
    const restarts = worker.restarts;
    await worker.kill();
    assert.equal(worker.restarts, restarts + 1);
  }
  await plane.publish(makeNext('192.0.2.201'));
  assert.deepEqual((await askUdp('host.example.com. A')).answer, hostAnswer('192.0.2.201'));
});

test('DataPlane.counters() adds up all threads, the dead ones too', async () => {
  const earlier = plane.counters();
  await askUdp('none.example.com. AAAA');
  const { queries, types, rcodes } = plane.counters();
  assert.ok(queries.udp > earlier.queries.udp && queries.tcp > 250);
  assert.equal(types['AAAA'], (earlier.types['AAAA'] ?? 0) + 1);
  assert.equal(rcodes[3], (earlier.rcodes[3] ?? 0) + 1);
});

test('startDataPlane() names the holder of a port (E_PORT_TAKEN)', async () => {
  await assert.rejects(
    startDataPlane({ addresses: [at], workers: 1, log: silentLog }),
    (error: unknown) => {
      assert.ok(error instanceof MeridianError);
      assert.equal(error.code, 'E_PORT_TAKEN');
      assert.match(error.message, new RegExp(`pid ${process.pid}\\)`));
      return true;
    },
  );
});

test('startDataPlane() reports every address that cannot be had (E_LISTEN_ADDRESS)', async () => {
  const addresses = [
    { host: 'localhost', port: 0 },
    { host: '192.0.2.1', port: 0 },
  ];
  await assert.rejects(startDataPlane({ addresses, workers: 1, log: silentLog }), (error) => {
    assert.ok(error instanceof MeridianError);
    assert.deepEqual(
      error.problems.map(({ code }) => code),
      ['E_LISTEN_ADDRESS', 'E_LISTEN_ADDRESS'],
    );
    return true;
  });
});

test('startDataPlane() refuses two addresses that overlap (E_LISTEN_ADDRESS)', async () => {
  const { port } = at;
  const both = (...hosts: string[]) => hosts.map((host) => ({ host, port }));
  for (const [addresses, says] of [
    [both('127.0.0.9', '127.0.0.9'), /127\.0\.0\.9:\d+: the address is given twice; leave/],
    [both('0.0.0.0', '127.0.0.9'), /127\.0\.0\.9:\d+: --dns 0\.0\.0\.0:\d+ covers .*leave/],
    [both('::1', '::'), /\[::\]:\d+: --dns \[::1\]:\d+ covers/],
  ] as const) {
    await assert.rejects(startDataPlane({ addresses, workers: 1, log: silentLog }), (error) => {
      assert.ok(error instanceof MeridianError);
      assert.match(error.problems.map(formatProblem).join('\n'), says);
      return true;
    });
  }
});

test('startDataPlane() fails every query before the first image, and closes', async () => {
  const addresses = [{ host: '127.0.0.1', port: 0 }];
  const empty = await startDataPlane({ addresses, workers: 1, log: silentLog });
  const [address] = empty.addresses;
  const { rcode } = await askUdp('host.example.com. A', address);
  assert.equal(rcode, 'SERVFAIL');
  await empty.close();
  const again = await startDataPlane({
    addresses: [...empty.addresses],
    workers: 1,
    log: silentLog,
  });
  await again.close();
});
