import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Packet } from 'dns2';
import type { DnsCheck } from '../../../src/health/monitor.ts';
import { checkDns } from '../../../src/probe/checks/dns.ts';
import { createGuard } from '../../../src/probe/guard.ts';
import { closedPort, contextOf, listen, targetOf } from './fixture.ts';

type Respond = (query: Packet, transport: 'udp' | 'tcp') => Packet | Buffer | undefined;
const question: DnsCheck = { name: 'www.example.com', type: 'A', transport: 'udp' };

/** A responder over UDP and TCP on one port of an address. */
async function dnsServer(t: TestContext, respond: Respond, address = '127.0.0.1') {
  const asBytes = (answer: Packet | Buffer) =>
    Buffer.isBuffer(answer) ? answer : answer.toBuffer();
  const tcp = await listen(
    createServer((socket) => {
      socket.once('data', (bytes) => {
        const answer = respond(Packet.parse(Buffer.from(bytes).subarray(2)), 'tcp');
        if (answer === undefined) return socket.end();
        const message = asBytes(answer);
        const length = Buffer.alloc(2);
        length.writeUInt16BE(message.length);
        return socket.end(Buffer.concat([length, message]));
      });
    }),
    address,
  );
  t.after(tcp.close);
  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  udp.on('message', (bytes, { port, address: from }) => {
    const answer = respond(Packet.parse(bytes), 'udp');
    if (answer !== undefined) udp.send(asBytes(answer), port, from);
  });
  await new Promise<void>((resolve) => udp.bind(tcp.port, address, resolve));
  t.after(() => void udp.close());
  return tcp.port;
}

function answering(...records: Partial<Packet['answers'][number]>[]): Respond {
  return (query) => {
    const response = Packet.createResponseFromRequest(query);
    for (const record of records) {
      const { name, type } = query.questions[0]!;
      response.answers.push(new Packet.Resource({ name, type, class: 1, ttl: 60, ...record }));
    }
    return response;
  };
}

const check = (port: number, dns: Partial<DnsCheck> = {}, address = '127.0.0.1') =>
  checkDns(targetOf('dns', port, { dns: { ...question, ...dns } }, address), contextOf());

for (const address of ['127.0.0.1', '::1']) {
  for (const transport of ['udp', 'tcp'] as const) {
    test(`checkDns() asks exactly ${address} over ${transport}`, async (t) => {
      const asked: [string, number, string][] = [];
      const port = await dnsServer(
        t,
        (query, over) => {
          const [{ name, type } = { name: '', type: 0 }] = query.questions;
          asked.push([name, type, over]);
          return answering({ address: '192.0.2.7' })(query, over);
        },
        address,
      ).catch(() => undefined);
      if (port === undefined) return t.skip(`${address} cannot be bound here`);
      const result = await check(port, { transport, answer: '192.0.2.7' }, address);
      assert.equal(result.outcome, 'up', result.errorText);
      assert.deepEqual(asked, [['www.example.com', 1, transport]]);
      assert.ok((result.firstByteMs ?? 0) > 0);
    });
  }
}

test('checkDns() is down when the wanted answer is not among those given', async (t) => {
  const port = await dnsServer(t, answering({ address: '192.0.2.7' }, { address: '192.0.2.8' }));
  assert.equal((await check(port, { answer: '192.0.2.8' })).outcome, 'up');
  const result = await check(port, { answer: '192.0.2.9' });
  assert.deepEqual([result.outcome, result.error], ['down', 'dns-answer']);
  assert.match(result.errorText ?? '', /answered 192\.0\.2\.7, 192\.0\.2\.8, not "192\.0\.2\.9"/);
});

const values: readonly (readonly [string, Partial<Packet['answers'][number]>, string])[] = [
  ['AAAA', { address: '2001:db8:0:0:0:0:0:1' }, '2001:DB8::0001'],
  ['CNAME', { domain: 'Origin.Example.NET' }, 'origin.example.net.'],
  ['MX', { priority: 10, exchange: 'mail.example.com' }, '10  mail.example.com.'],
  ['TXT', { data: 'Health = OK' }, 'Health = OK'],
  ['NS', { ns: 'ns1.example.com' }, 'ns1.example.com'],
  ['SRV', { priority: 1, weight: 2, port: 443, target: 'a.example.com' }, '1 2 443 a.example.com'],
];
for (const [type, record, answer] of values) {
  test(`checkDns() compares ${type} values by meaning`, async (t) => {
    const port = await dnsServer(t, answering(record));
    const result = await check(port, { type, answer });
    assert.equal(result.outcome, 'up', result.errorText);
  });
}

test('checkDns() is down on an error of the server', async (t) => {
  const port = await dnsServer(t, (query) => Packet.createErrorResponseFromRequest(query, 2));
  const result = await check(port);
  assert.deepEqual([result.outcome, result.error], ['down', 'dns-rcode']);
  assert.match(result.errorText ?? '', /SERVFAIL/);
});

test('checkDns() is down on an answer without a record', async (t) => {
  const result = await check(await dnsServer(t, answering()));
  assert.deepEqual([result.outcome, result.error], ['down', 'dns-answer']);
});

test('checkDns() asks again over TCP when the answer was cut', async (t) => {
  const over: string[] = [];
  const port = await dnsServer(t, (query, transport) => {
    over.push(transport);
    if (transport === 'tcp') return answering({ address: '192.0.2.7' })(query, transport);
    const response = Packet.createResponseFromRequest(query);
    response.header.tc = 1;
    return response;
  });
  assert.equal((await check(port)).outcome, 'up');
  assert.deepEqual(over, ['udp', 'tcp']);
});

test('checkDns() waits on when a datagram is not the answer', async (t) => {
  const udp = createSocket('udp4', (bytes, from) => {
    const query = Packet.parse(bytes);
    const right = (answering({ address: '192.0.2.7' })(query, 'udp') as Packet).toBuffer();
    const otherId = Buffer.from(right);
    otherId.writeUInt16BE((query.header.id + 1) & 0xffff, 0);
    query.questions[0]!.name = 'www.example.org';
    const otherQuestion = answering({ address: '192.0.2.8' })(query, 'udp') as Packet;
    const forged = [bytes, Buffer.from('x'), otherId, otherQuestion.toBuffer()];
    for (const message of [...forged, right]) udp.send(message, from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
  t.after(() => void udp.close());
  const result = await check(udp.address().port, { answer: '192.0.2.7' });
  assert.equal(result.outcome, 'up', result.errorText);
});

test('checkDns() is down at once when nobody listens', async () => {
  const result = await check(await closedPort());
  assert.deepEqual([result.outcome, result.error], ['down', 'connect-refused']);
});

test('checkDns() is down with dns-timeout when its time is over', async (t) => {
  for (const transport of ['udp', 'tcp'] as const) {
    const controller = new AbortController();
    const server = await silentDns(t, () => controller.abort());
    const target = targetOf('dns', server, { dns: { ...question, transport } });
    const result = await checkDns(target, contextOf({ signal: controller.signal }));
    assert.deepEqual([result.outcome, result.error], ['down', 'dns-timeout'], transport);
  }
});

test('checkDns() is down when the server closes without an answer', async (t) => {
  const port = await dnsServer(t, () => undefined);
  const result = await check(port, { transport: 'tcp' });
  assert.deepEqual([result.outcome, result.error], ['down', 'dns-closed']);
});

test('checkDns() sends nothing to an address that the guard refuses', async (t) => {
  let asked = 0;
  const port = await dnsServer(t, () => {
    asked++;
    return undefined;
  });
  for (const transport of ['udp', 'tcp'] as const) {
    const target = targetOf('dns', port, { dns: { ...question, transport } });
    const result = await checkDns(target, contextOf({ guard: createGuard(false) }));
    assert.deepEqual([result.outcome, result.error], ['unknown', 'guard-refused']);
  }
  assert.equal(asked, 0);
});

test('checkDns() knows types by name and by number, and blames the monitor for others', async (t) => {
  const port = await dnsServer(t, answering({ data: Buffer.from([0, 1, 0]) }));
  assert.equal((await check(port, { type: 'HTTPS', answer: '000100' })).outcome, 'up');
  assert.equal((await check(port, { type: 'TYPE65' })).outcome, 'up');
  for (const type of ['NONSENSE', 'TYPE70000', 'constructor']) {
    assert.deepEqual((await check(port, { type })).error, 'check-invalid');
  }
});

/** Takes questions over both transports and never answers; tells when one came. */
async function silentDns(t: TestContext, onQuestion: () => void): Promise<number> {
  const tcp = await listen(createServer((socket) => void socket.once('data', onQuestion)));
  t.after(tcp.close);
  const udp = createSocket('udp4', onQuestion);
  await new Promise<void>((resolve) => udp.bind(tcp.port, '127.0.0.1', resolve));
  t.after(() => void udp.close());
  return tcp.port;
}
