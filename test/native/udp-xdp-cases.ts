/** The tests of the AF_XDP backend: udp-xdp.test.ts runs them in a network of their own. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { udpCounterAt } from '../../native/udp_batch/udp-memory.ts';
import { testUdpBackend } from './udp-backend-contract.ts';
import { Client, payloadBytes, request, startBackend } from './udp-harness.ts';
import { network } from './udp-network.ts';
import { makeVethNetwork, narrow } from './veth-network.ts';

makeVethNetwork();
testUdpBackend('xdp', { secondAddress: network.second, countsDrops: false });

/** UDP datagrams that this network's sockets were given by the kernel's IP. */
function kernelDatagrams(): number {
  const [names = [], values = []] = readFileSync('/proc/self/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '));
  const v6 = /Udp6InDatagrams\s+(\d+)/.exec(readFileSync('/proc/self/net/snmp6', 'utf8'));
  return Number(values[names.indexOf('InDatagrams')]) + Number(v6?.[1]);
}

const hasProgram = () =>
  /xdp/.test(execFileSync('ip', ['link', 'show', 'va'], { encoding: 'utf8' }));

describe('xdp backend', { timeout: 60_000 }, () => {
  for (const [version, host, from] of [
    ['IPv4', network.server, network.client],
    ['IPv6', network.server6, network.client6],
  ] as const) {
    test(`takes ${version} requests before the kernel's IP does`, async () => {
      await using backend = await startBackend('xdp', { addresses: [{ host, port: 0 }] });
      using client = await Client.open(from);
      const before = kernelDatagrams();
      for (let number = 0; number < 100; number += 1) {
        await client.ask(request('echo', number), backend.port, host);
      }
      // The answers, to a socket of the kernel's; requests would be as many more.
      assert.equal(kernelDatagrams() - before, 100);
    });
  }

  test('leaves other addresses and ports of the interface to the kernel', async () => {
    await using backend = await startBackend('xdp', {
      addresses: [{ host: network.server, port: 0 }],
    });
    const others = [
      { host: network.second ?? '', port: backend.port },
      { host: network.server, port: 0 },
    ];
    for (const address of others) {
      await using other = await startBackend('batch', { addresses: [address] });
      using client = await Client.open();
      const answer = await client.ask(request('echo', 5), other.port, address.host);
      assert.deepEqual(answer.bytes, request('echo', 5));
    }
    assert.equal((await backend.settledCounters())[udpCounterAt.received], 0);
  });

  test('takes its program off the interface when its last thread ends', async () => {
    const options = { addresses: [{ host: network.server, port: 0 }], reusePort: true, threads: 2 };
    assert.equal(hasProgram(), false);
    const first = await startBackend('xdp', options);
    const addresses = [{ host: network.server, port: first.port }];
    const second = await startBackend('xdp', { ...options, addresses });
    await first[Symbol.asyncDispose]();
    assert.equal(hasProgram(), true);
    await second.worker.terminate();
    assert.equal(hasProgram(), false);
  });

  test('serves by sockets a second set of addresses in one process', async () => {
    await using first = await startBackend('xdp', {
      addresses: [{ host: network.server, port: 0 }],
    });
    await using second = await startBackend('xdp', {
      addresses: [{ host: network.second ?? '', port: 0 }],
    });
    using client = await Client.open();
    for (const backend of [first, second]) {
      const { host, port } = backend.addresses[0]!;
      assert.equal((await client.ask(request('echo'), port, host)).from, host);
    }
  });

  test('says what to do when another process has the interface', async () => {
    const echo = join(import.meta.dirname, '../../bench/native/backend-echo.ts');
    const other = spawn(process.execPath, [echo, 'xdp', network.server]);
    await once(other.stdout, 'data');
    const ended = once(other, 'exit');
    try {
      await assert.rejects(
        startBackend('xdp', { addresses: [{ host: network.server, port: 0 }] }),
        { code: 'EBUSY', message: /another program is on the interface.*--io batch/ },
      );
    } finally {
      other.kill('SIGKILL');
      await ended;
    }
    // The kernel took the program off with the process that died.
    await using next = await startBackend('xdp', {
      addresses: [{ host: network.server, port: 0 }],
    });
    using client = await Client.open();
    assert.equal((await client.ask(request('echo'), next.port)).from, network.server);
  });

  test('sends answers longer than its frames through the sockets, in fragments', async () => {
    for (const host of [narrow.server, '0.0.0.0']) {
      await using backend = await startBackend('xdp', { addresses: [{ host, port: 0 }] });
      using client = await Client.open(narrow.client);
      const { bytes, from } = await client.ask(request('fill'), backend.port, narrow.server);
      assert.deepEqual([bytes.length, from], [payloadBytes, narrow.server]);
      const short = await client.ask(request('echo', 3, 500), backend.port, narrow.server);
      assert.deepEqual(short.bytes, request('echo', 3, 500));
    }
  });

  test('counts what did not fit its frames', async () => {
    await using backend = await startBackend('xdp', {
      addresses: [{ host: network.server, port: 0 }],
    });
    using client = await Client.open();
    const stalled = client.ask(request('stall'), backend.port);
    await wait(100);
    for (let at = 0; at < 2500; at += 1) client.send(request('drop', at), backend.port);
    await stalled;
    await client.ask(request('echo'), backend.port);
    const counters = await backend.settledCounters();
    const dropped = counters[udpCounterAt.kernelDrops] ?? 0;
    assert.ok(dropped > 400, `${dropped} drops`);
    assert.equal(dropped + (counters[udpCounterAt.received] ?? 0), 2502);
  });
});
