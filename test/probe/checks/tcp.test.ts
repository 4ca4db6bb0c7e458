import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { checkTcp } from '../../../src/probe/checks/tcp.ts';
import { createGuard } from '../../../src/probe/guard.ts';
import { closedPort, contextOf, listen, targetOf } from './fixture.ts';

for (const address of ['127.0.0.1', '127.0.1.7', '::1']) {
  test(`checkTcp() is up when ${address} accepts, with the time it took`, async (t) => {
    const server = await listen(createServer(), address).catch(() => undefined);
    if (server === undefined) return t.skip(`${address} cannot be bound here`);
    t.after(server.close);
    const result = await checkTcp(targetOf('tcp', server.port, {}, address), contextOf());
    assert.equal(result.outcome, 'up');
    assert.ok((result.connectMs ?? -1) >= 0 && !Number.isInteger(result.connectMs));
  });
}

test('checkTcp() is down when the connection is refused', async () => {
  const result = await checkTcp(targetOf('tcp', await closedPort()), contextOf());
  assert.equal(result.outcome, 'down');
  assert.equal(result.error, 'connect-refused');
  assert.match(result.errorText ?? '', /^127\.0\.0\.1:\d+ refused the connection$/);
});

test('checkTcp() is down with connect-timeout when its time is over', async () => {
  const context = contextOf({ signal: AbortSignal.abort() });
  const result = await checkTcp(targetOf('tcp', 9), context);
  assert.deepEqual([result.outcome, result.error], ['down', 'connect-timeout']);
});

test('checkTcp() does not connect where the guard refuses, and says nothing of the target', async (t) => {
  let connections = 0;
  const server = await listen(createServer(() => connections++));
  t.after(server.close);
  const context = contextOf({ guard: createGuard(false) });
  const result = await checkTcp(targetOf('tcp', server.port), context);
  assert.deepEqual([result.outcome, result.error], ['unknown', 'guard-refused']);
  assert.equal(connections, 0);
});

test('checkTcp() asks the guard about the connected address as well', async (t) => {
  const server = await listen(createServer());
  t.after(server.close);
  const asked: string[] = [];
  const guard = {
    refusal(address: string) {
      asked.push(address);
      return asked.length > 1 ? `${address} is elsewhere` : undefined;
    },
  };
  const result = await checkTcp(targetOf('tcp', server.port), contextOf({ guard }));
  assert.deepEqual([result.outcome, result.error], ['unknown', 'guard-refused']);
  assert.deepEqual(asked, ['127.0.0.1', '127.0.0.1']);
});

test('checkTcp() without a port says that the check is wrong, not the target', async () => {
  const result = await checkTcp(targetOf('tcp', undefined), contextOf());
  assert.deepEqual([result.outcome, result.error], ['unknown', 'check-invalid']);
});
