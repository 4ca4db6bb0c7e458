import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { type OnReply, openEchoSocket } from '../../../native/icmp/echo-socket.ts';
import { checkIcmp, createIcmpCheck } from '../../../src/probe/checks/icmp.ts';
import { contextOf, listen, targetOf } from './fixture.ts';

const opened = openEchoSocket(4, () => {});
if ('socket' in opened) opened.socket.close();
const skip = 'reason' in opened ? `no echo socket here: ${opened.reason}` : false;

for (const address of ['127.0.0.1', '::1']) {
  test(`checkIcmp() is up when ${address} answers, with the time it took`, { skip }, async () => {
    const result = await checkIcmp(targetOf('icmp', undefined, {}, address), contextOf());
    assert.equal(result.outcome, 'up', JSON.stringify(result));
    assert.equal(result.downgraded, undefined);
    assert.ok((result.connectMs ?? -1) >= 0 && (result.connectMs ?? 1e9) < 1000);
  });
}

test('checkIcmp() is down when nothing answers in time', async () => {
  const silent = createIcmpCheck(() => ({ socket: { send: () => 0, close: () => {} } }));
  const context = contextOf({ signal: AbortSignal.timeout(20) });
  const result = await silent(targetOf('icmp', undefined), context);
  assert.deepEqual([result.outcome, result.error], ['down', 'icmp-timeout']);
});

test('checkIcmp() takes an answer from another address for none', async () => {
  let reply: OnReply | undefined;
  const check = createIcmpCheck((_family, onReply) => {
    reply = onReply;
    const send = (_to: Buffer, packet: Buffer) => {
      reply?.(Buffer.from([127, 0, 0, 2]), packet, process.hrtime.bigint());
      return 0;
    };
    return { socket: { send, close: () => {} } };
  });
  const context = contextOf({ signal: AbortSignal.timeout(20) });
  const result = await check(targetOf('icmp', undefined), context);
  assert.equal(result.error, 'icmp-timeout');
});

test('checkIcmp() sends nothing where the guard refuses', async () => {
  let sent = 0;
  const send = () => {
    sent++;
    return 0;
  };
  const check = createIcmpCheck(() => ({ socket: { send, close: () => {} } }));
  const result = await check(targetOf('icmp', undefined, {}, '169.254.169.254'), contextOf());
  assert.deepEqual([result.outcome, result.error, sent], ['unknown', 'guard-refused', 0]);
});

test('checkIcmp() says why when it must check over tcp, on the port of the monitor', async (t) => {
  const { port, close } = await listen(createServer());
  t.after(close);
  const check = createIcmpCheck(() => ({ reason: 'it may not' }));
  const result = await check(targetOf('icmp', port), contextOf());
  assert.deepEqual([result.outcome, result.downgraded], ['up', 'it may not']);
});
