import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { parsePrefix } from '../../src/base/ip.ts';
import { limits } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import { decodeMessage, encodeMessage, type Message } from '../../src/wire/message.ts';
import { rcodes } from '../../src/wire/types.ts';
import { queryOf, textsOf } from './support/ask.ts';
import { mutatePacket, randomPacket, withResponseBit } from './support/mutate-packet.ts';
import {
  type RunningMeridian,
  startMeridian,
  temporaryFolder,
  until,
  writeFiles,
} from './support/processes.ts';
import { framed, TcpStream } from './support/tcp-stream.ts';
import { inParallel, UdpChannel } from './support/udp-channel.ts';

const seed = Number(process.env['TEST_SEED'] ?? 1);

const zone = `
$TTL 60
@ SOA ns1 hostmaster 1 7200 900 1209600 60
@ NS ns1
@ STEER web
ns1 A 192.0.2.53
www STEER web
alias CNAME www
*.wild A 192.0.2.1
*.wild MX 10 ns1
a.b.c TXT deep
old DNAME wild
child NS ns.child
child DS 1 13 2 ${'AB'.repeat(32)}
ns.child A 192.0.2.2
svc HTTPS 1 . alpn=h2
${Array.from({ length: 9 }, (_, at) => `long TXT "${at}${'x'.repeat(240)}"`).join('\n')}
`;
const traffic = `
regions:
  east: { place: aws:us-east-1 }
  west: { place: aws:eu-west-1 }
services:
  web:
    members:
      east: { a: [192.0.2.10], aaaa: ["2001:db8::10"] }
      west: { a: [198.51.100.10] }
    policy: { latency: all }
`;

type Test = { after(callback: () => void | Promise<void>): void };

function startNode(t: Test): Promise<RunningMeridian> {
  const folder = temporaryFolder(t);
  writeFiles(folder, { 'zones/fuzz.test.zone': zone, 'zones/traffic.yaml': traffic });
  return startMeridian(t, {
    zones: `${folder}/zones`,
    data: `${folder}/data`,
    flags: ['--nsid', 'n1', '--version-bind', 'v', '--server-id', 's'],
  });
}

/** Good queries that reach every part of the server. */
function goodPackets(): Buffer[] {
  const names =
    'fuzz.test www.fuzz.test alias.fuzz.test x.y.wild.fuzz.test b.c.fuzz.test q.old.fuzz.test ' +
    'w.child.fuzz.test child.fuzz.test svc.fuzz.test long.fuzz.test no.fuzz.test example.org .';
  const subnet = parsePrefix('203.0.113.0/24');
  assert.ok(subnet);
  const options = [
    { kind: 'clientSubnet', prefix: subnet, scopePrefixLength: 0 },
    { kind: 'nsid', identity: new Uint8Array(0) },
    { kind: 'cookie', client: new Uint8Array(8) },
    { kind: 'tcpKeepalive' },
    { kind: 'padding', paddingBytes: 9 },
  ] as const;
  return names.split(' ').flatMap((name) =>
    ['A', 'AAAA', 'MX', 'DS', 'TXT', 'ANY', 'AXFR'].flatMap((type) => {
      const ask = { port: 0, name, type };
      const withEdns = queryOf({ ...ask, udpPayloadBytes: 1232, options });
      return [queryOf(ask), withEdns].map((query) => Buffer.from(encodeMessage(query)));
    }),
  );
}

/** A random or damaged packet, and whether it wants an answer (RFC 1035 §4.1.1: a whole header, QR 0). */
function* badPackets(random: Random, count: number): Generator<{ packet: Buffer; wants: boolean }> {
  const good = goodPackets();
  for (let index = 0; index < count; index += 1) {
    const isResponse = random.below(16) === 0;
    const packet =
      random.below(4) === 0
        ? randomPacket(random, isResponse)
        : withResponseBit(
            mutatePacket(random, good[random.below(good.length)] ?? Buffer.alloc(0)),
            isResponse,
          );
    yield { packet, wants: packet.length >= 12 && !isResponse };
  }
}

/** What `/metrics` says, by name with labels. */
async function readMetrics(node: RunningMeridian): Promise<ReadonlyMap<string, number>> {
  const text = await (await node.api('GET', '/metrics')).text();
  const lines = text.split('\n').filter((line) => line.startsWith('meridian_'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

/** The sum over all labels of a metric. */
function sumOf(metrics: ReadonlyMap<string, number>, name: string): number {
  const found = [...metrics].filter(([key]) => key === name || key.startsWith(`${name}{`));
  return found.reduce((sum, [, value]) => sum + value, 0);
}

/** The node still is the process that was started, has lost no query to a bug, and answers. */
async function assertWell(node: RunningMeridian): Promise<void> {
  assert.equal(node.child.exitCode, null, node.output());
  const metrics = await readMetrics(node);
  assert.equal(sumOf(metrics, 'meridian_query_failures_total'), 0);
  assert.equal(sumOf(metrics, 'meridian_worker_restarts_total'), 0);
  assert.deepEqual(await textsOf(node.port, 'ns1.fuzz.test', 'A'), ['192.0.2.53']);
}

/** What is wrong with an answer to `packet`, whatever that was. */
function faultOf(packet: Buffer, answer: Buffer, maxBytes: number): string | undefined {
  const message = decodeMessage(answer);
  if (message === undefined) return 'cannot be read';
  if (message.flags.qr !== true) return 'is no response';
  if (answer.readUInt16BE(0) !== packet.readUInt16BE(0)) return 'has another ID';
  if (message.opcode !== (((packet[2] ?? 0) >> 3) & 15)) return 'has another opcode';
  if (message.flags.ra === true || message.flags.z === true || message.flags.ad === true) {
    return 'has RA, Z or AD';
  }
  if (answer.length > maxBytes) return `has ${answer.length} octets`;
  const query = decodeMessage(packet);
  return query === undefined ? undefined : mismatchOf(query, message, answer.length, maxBytes);
}

/** What an answer has that its well-formed query did not ask for, or lacks. */
function mismatchOf(
  query: Message,
  answer: Message,
  bytes: number,
  maxBytes: number,
): string | undefined {
  // Nothing is known of what other opcodes mean by the rest of a message.
  if (query.opcode !== 0) return answer.rcode === rcodes.NOTIMP ? undefined : 'is not NOTIMP';
  if (query.questions.length !== 1) {
    return answer.rcode === rcodes.FORMERR ? undefined : 'is not FORMERR';
  }
  // RFC 6891 §7: OPT is in the answer exactly when it is in the query.
  if ((query.edns === undefined) !== (answer.edns === undefined)) return 'has OPT unlike its query';
  const takes = Math.max(limits.minUdpPayloadBytes, query.edns?.udpPayloadBytes ?? 0);
  if (maxBytes === limits.udpPayloadBytes && bytes > takes)
    return `has ${bytes} octets of ${takes}`;
  // Options are answers to options (RFC 7871 §7.2.1, RFC 5001 §2.1, RFC 7873 §5.2); EDE is not.
  const asked = new Set(query.edns?.options.map(({ kind }) => kind));
  const unasked = answer.edns?.options.find(
    ({ kind }) => kind !== 'extendedError' && !asked.has(kind),
  );
  if (unasked !== undefined) return `has the option ${unasked.kind}, unasked`;
  const version = query.edns?.version ?? 0;
  if (version > 0)
    return answer.rcode === rcodes.BADVERS
      ? undefined
      : `has RCODE ${answer.rcode} for EDNS ${version}`;
  const [question, echo] = [query.questions[0], answer.questions[0]];
  return isDeepStrictEqual(question, echo) ? undefined : 'has another question';
}

// One waits long for idle connections; the others need not wait for it.
describe('packets and streams', { concurrency: 2 }, () => {
  test('streams: caps shed new ones of one address, idle ones of all, and trickles', async (t) => {
    const node = await startNode(t);
    const query = framed(encodeMessage(queryOf({ port: 0, name: 'ns1.fuzz.test', type: 'A' })));
    const worksOn = async (stream: TcpStream) => {
      const before = stream.messages.length;
      stream.socket.write(query);
      await stream.wait(before + 1);
      return stream.messages.length > before;
    };

    // Slow ones: an octet now and then is no query, so they are idle (RFC 7766 §6.2.3).
    const slow = await TcpStream.open(t, node.port, '127.0.5.1');
    const slowSince = performance.now();
    const trickle = setInterval(() => slow.socket.write(Uint8Array.of(1)), 300);
    t.after(() => clearInterval(trickle));

    const crowd: TcpStream[] = [];
    for (let index = 0; index < limits.tcpConnectionsPerAddress + 8; index += 1) {
      const stream = await TcpStream.open(t, node.port, '127.0.5.2');
      if (await worksOn(stream)) crowd.push(stream);
    }
    assert.equal(crowd.length, limits.tcpConnectionsPerAddress);
    assert.ok(await worksOn(await TcpStream.open(t, node.port, '127.0.5.3')), 'another address');

    await slow.wait(Number.POSITIVE_INFINITY, 2 * limits.tcpIdleMs);
    assert.ok(slow.isEnded, 'a trickle keeps its connection');
    clearInterval(trickle);
    const lasted = performance.now() - slowSince;
    assert.ok(lasted > limits.tcpIdleMs / 2, `closed after ${lasted} ms`);
    await until(
      () => crowd.every((stream) => stream.isEnded) || undefined,
      () => 'idle connections to be closed',
    );

    // As many addresses as it takes to fill all places.
    const all: TcpStream[] = [];
    const addresses = Array.from({ length: 36 }, (_, index) => `127.0.6.${index + 1}`);
    await inParallel(addresses, 4, async (address) => {
      for (let index = 0; index < 30; index += 1) {
        all.push(await TcpStream.open(t, node.port, address));
      }
    });
    assert.ok(all.length > limits.tcpConnections);
    assert.ok(
      await worksOn(await TcpStream.open(t, node.port, '127.0.5.4')),
      'the newest is served',
    );
    const metrics = await readMetrics(node);
    const shed = sumOf(metrics, 'meridian_stream_connections_shed_total');
    assert.ok(shed >= all.length - limits.tcpConnections + 8, `${shed} shed`);
    await assertWell(node);
  });

  test(`40,000 damaged packets over UDP (seed ${seed})`, async (t) => {
    const node = await startNode(t);
    const channel = await UdpChannel.open(t, node.port);
    const random = new Random(seed);
    const before = await readMetrics(node);
    const barrier = encodeMessage(queryOf({ port: 0, name: 'ns1.fuzz.test', type: 'A' }));
    let answers: Buffer[] = [];
    channel.onStray = (bytes) => answers.push(bytes);
    let [sent, dropped, empty, barriers] = [0, 0, 0, 0];
    let batch = new Map<number, Buffer>();
    const finishBatch = async () => {
      // One thread answers in the order of arrival: once this answer is here, the others are.
      barrier.set([0xff, 0xff]);
      assert.ok(await channel.ask(barrier), `no answer to a good query (seed ${seed})`);
      barriers += 1;
      for (const answer of answers) {
        const id = answer.length < 2 ? -1 : answer.readUInt16BE(0);
        const packet = batch.get(id);
        assert.ok(
          packet,
          `an answer that nobody asked for (seed ${seed}): ${answer.toString('hex')}`,
        );
        batch.delete(id);
        const fault = faultOf(packet, answer, limits.udpPayloadBytes);
        const both = `${packet.toString('hex')} → ${answer.toString('hex')}`;
        assert.equal(fault, undefined, `an answer ${fault} (seed ${seed}): ${both}`);
      }
      const [unanswered] = batch.values();
      assert.equal(batch.size, 0, `no answer (seed ${seed}) to ${unanswered?.toString('hex')}`);
      answers = [];
      batch = new Map();
    };
    for (const { packet, wants } of badPackets(random, 40_000)) {
      if (packet.length >= 2) packet.writeUInt16BE(sent % 60_000);
      if (wants) batch.set(packet.readUInt16BE(0), packet);
      // An empty datagram is no request: one way of receiving counts it, another never sees it.
      else if (packet.length === 0) empty += 1;
      else dropped += 1;
      channel.send(packet);
      sent += 1;
      if (sent % 32 === 0) await finishBatch();
    }
    await finishBatch();

    const after = await readMetrics(node);
    const grown = (name: string) => sumOf(after, name) - sumOf(before, name);
    const answered = sent + barriers - empty - dropped;
    assert.equal(grown('meridian_answers_total'), answered);
    const lost = grown('meridian_dropped_requests_total');
    assert.ok(lost >= dropped && lost <= dropped + empty, `${lost} dropped, not ${dropped}`);
    assert.equal(grown('meridian_queries_total'), answered + lost);
    assert.ok(grown('meridian_malformed_requests_total') > 1000);
    await assertWell(node);
  });

  test(`damaged streams over TCP (seed ${seed})`, async (t) => {
    const node = await startNode(t);
    const random = new Random(seed);
    let answered = 0;
    const packets = [...badPackets(random, 4000)];
    const groups = Array.from({ length: 400 }, (_, at) => packets.slice(at * 10, at * 10 + 10));
    await inParallel(groups, 8, async (group, lane) => {
      const stream = await TcpStream.open(t, node.port, `127.0.4.${lane + 1}`);
      const octets = Buffer.concat(
        group.map(({ packet }) => {
          const lie = random.below(12) === 0 ? random.below(2000) : packet.length;
          return framed(packet, lie);
        }),
      );
      for (let at = 0; at < octets.length; ) {
        const next = at + 1 + random.below(700);
        stream.socket.write(octets.subarray(at, next));
        at = next;
      }
      stream.socket.end();
      assert.ok(await stream.wait(Number.POSITIVE_INFINITY), `not closed (seed ${seed})`);
      for (const message of stream.messages) {
        const decoded = decodeMessage(message);
        assert.equal(decoded?.flags.qr, true, `seed ${seed}: ${message.toString('hex')}`);
      }
      answered += stream.messages.length;
      stream.socket.destroy();
    });
    assert.ok(answered > 500, `${answered} answers`);
    await assertWell(node);
  });

  test('streams: split, pipelined, half closed, reused', async (t) => {
    const node = await startNode(t);
    const query = () => encodeMessage(queryOf({ port: 0, name: 'ns1.fuzz.test', type: 'A' }));
    const idOf = (bytes: Uint8Array) => ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
    const open = () => TcpStream.open(t, node.port);

    await t.test('one octet per segment (RFC 7766 §8)', async () => {
      const stream = await open();
      for (const octet of framed(query())) {
        await new Promise((done) => stream.socket.write(Uint8Array.of(octet), done));
      }
      assert.ok(await stream.wait(1));
      assert.equal(stream.messages.length, 1);
    });
    await t.test('500 queries in one segment, each answered once (RFC 7766 §6.2.1.1)', async () => {
      const stream = await open();
      const queries = Array.from({ length: 500 }, query);
      stream.socket.write(Buffer.concat(queries.map((one) => framed(one))));
      assert.ok(await stream.wait(500));
      assert.deepEqual(stream.messages.map(idOf).sort(), queries.map(idOf).sort());
    });
    await t.test('a reader that sends FIN first gets its answers, then FIN', async () => {
      const stream = await open();
      stream.socket.end(Buffer.concat([framed(query()), framed(query())]));
      assert.ok(await stream.wait(Number.POSITIVE_INFINITY));
      assert.equal(stream.messages.length, 2);
    });
    await t.test('a connection is used again (RFC 7766 §6.2.1)', async () => {
      const stream = await open();
      for (let times = 1; times <= 5; times += 1) {
        stream.socket.write(framed(query()));
        assert.ok(await stream.wait(times));
        assert.equal(stream.messages.length, times);
      }
    });
    const closing = {
      'a message cut short by FIN': framed(query()).subarray(0, 20),
      'a message of no octets': framed(new Uint8Array(0)),
      'a length alone': Buffer.from([0]),
      'a response': framed(withResponseBit(Buffer.from(query()), true)),
    };
    for (const [what, octets] of Object.entries(closing)) {
      await t.test(`${what} closes the connection without an answer`, async () => {
        const stream = await open();
        stream.socket.end(octets);
        assert.ok(await stream.wait(Number.POSITIVE_INFINITY));
        assert.equal(stream.messages.length, 0);
      });
    }
    await assertWell(node);
  });
});
