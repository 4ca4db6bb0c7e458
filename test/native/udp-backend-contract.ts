/** What every UDP backend must do; each has a test file that calls `testUdpBackend`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';
import {
  interruptedRequest,
  peerAt,
  truncatedFlag,
  udpCounterAt,
} from '../../native/udp_batch/udp-memory.ts';
import type { UdpIo } from '../../src/server/open-udp.ts';
import { Client, payloadBytes, request, startBackend } from './udp-harness.ts';
import { ipv4Word, ipv6Words, network } from './udp-network.ts';

const oneAddress = { host: network.server, port: 0 };

/** Where a host is asked from. */
const clientOf = (host: string) => (host.includes(':') ? network.client6 : network.client);
const clientWord = ipv4Word(network.client);

/** Options of a test that needs IPv6; asked for late, since the network may be made by then only. */
function needsIpv6(): { readonly skip?: string } {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const hasIpv6 = all.some(({ address }) => address === network.server6);
  return hasIpv6 ? {} : { skip: `this machine has no ${network.server6}` };
}

/** Words of `peers` in the answer to a `peer` request. */
const wordAt = (bytes: Buffer, word: number) => bytes.readInt32BE(word * 4);
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

export interface Traits {
  /** Second IPv4 address that a wildcard keeps apart; undefined when there is none to test. */
  readonly secondAddress: string | undefined;
  /** Whether the kernel's drops are counted. */
  readonly countsDrops: boolean;
}

/** Registers the contract's tests. */
export function testUdpBackend(io: UdpIo, traits: Traits): void {
  describe(`${io} backend`, { timeout: 60_000 }, () => {
    testAddresses(io, traits);
    testMessages(io, traits);
    testThreads(io);
  });
}

function testAddresses(io: UdpIo, { secondAddress }: Traits): void {
  test('answers over IPv4 and says who asked', async () => {
    await using backend = await startBackend(io, { addresses: [oneAddress] });
    using client = await Client.open();
    const { bytes, from, port } = await client.ask(request('peer'), backend.port);
    assert.deepEqual([from, port], [network.server, backend.port]);
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5, 6, 7, 8].map((word) => wordAt(bytes, word)),
      [4, clientWord, 0, 0, 0, client.socket.address().port, 0, 0, ipv4Word(network.server)],
    );
  });

  test('answers over IPv6 and says who asked', needsIpv6(), async () => {
    await using backend = await startBackend(io, {
      addresses: [{ host: network.server6, port: 0 }],
    });
    using client = await Client.open(network.client6);
    const { bytes, from } = await client.ask(request('peer'), backend.port, network.server6);
    assert.equal(from, network.server6);
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5, 8, 9, 10, 11].map((word) => wordAt(bytes, word)),
      [
        6,
        ...ipv6Words(network.client6),
        client.socket.address().port,
        ...ipv6Words(network.server6),
      ],
    );
  });

  test('serves several addresses at once, each from itself', needsIpv6(), async () => {
    const hosts = [network.server, network.second ?? '127.0.0.2', network.server6];
    const addresses = hosts.map((host) => ({ host, port: 0 }));
    await using backend = await startBackend(io, { addresses });
    for (const [index, { host, port }] of backend.addresses.entries()) {
      using client = await Client.open(clientOf(host));
      const answer = await client.ask(request('peer'), port, host);
      assert.deepEqual([answer.from, answer.port], [host, port]);
      assert.equal(wordAt(answer.bytes, peerAt.socket), index);
    }
  });

  test('answers on 0.0.0.0 from the address that was asked', async () => {
    await using backend = await startBackend(io, { addresses: [{ host: '0.0.0.0', port: 0 }] });
    for (const host of [network.server, ...(secondAddress === undefined ? [] : [secondAddress])]) {
      using client = await Client.open();
      const { bytes, from } = await client.ask(request('peer'), backend.port, host);
      assert.equal(from, host);
      assert.equal(wordAt(bytes, peerAt.asked), ipv4Word(host));
    }
  });

  test('answers on :: from the address that was asked', needsIpv6(), async () => {
    await using backend = await startBackend(io, { addresses: [{ host: '::', port: 0 }] });
    using client = await Client.open(network.client6);
    const { bytes, from } = await client.ask(request('peer'), backend.port, network.server6);
    assert.deepEqual(
      [from, wordAt(bytes, peerAt.asked + 3)],
      [network.server6, ipv6Words(network.server6)[3]],
    );
  });

  test('serves 0.0.0.0 and :: on one port', needsIpv6(), async () => {
    await using v4 = await startBackend(io, { addresses: [{ host: '0.0.0.0', port: 0 }] });
    await using v6 = await startBackend(io, { addresses: [{ host: '::', port: v4.port }] });
    for (const [host, backend] of [[network.server, v4] as const, [network.server6, v6] as const]) {
      using client = await Client.open(clientOf(host));
      assert.equal((await client.ask(request('echo'), backend.port, host)).from, host);
    }
  });

  test('serves IPv4 through :: unless it is for IPv6 only', needsIpv6(), async () => {
    const addresses = [{ host: '::', port: 0, ipv6Only: false }];
    await using backend = await startBackend(io, { addresses });
    using client = await Client.open();
    const hosts = [network.server, ...(secondAddress === undefined ? [] : [secondAddress])];
    for (const host of hosts) {
      const { bytes, from } = await client.ask(request('peer'), backend.port, host);
      assert.deepEqual([from, wordAt(bytes, 0), wordAt(bytes, 1)], [host, 4, clientWord]);
    }
  });

  test('fails with EADDRINUSE when the port is taken, naming the address', async () => {
    await using first = await startBackend(io, { addresses: [oneAddress] });
    await assert.rejects(
      startBackend(io, { addresses: [oneAddress, { host: network.server, port: first.port }] }),
      (error: NodeJS.ErrnoException) => {
        assert.equal(error.code, 'EADDRINUSE');
        const expected = `bind EADDRINUSE ${network.server}:${first.port}`;
        assert.ok(error.message.startsWith(expected), error.message);
        return true;
      },
    );
  });

  test('fails with EADDRNOTAVAIL on an address of another machine', async () => {
    await assert.rejects(startBackend(io, { addresses: [{ host: '198.51.100.1', port: 0 }] }), {
      code: 'EADDRNOTAVAIL',
    });
  });

  test('shares a port with another thread when both may', async () => {
    const shared = { reusePort: true, threads: 2 };
    await using first = await startBackend(io, { addresses: [oneAddress], ...shared });
    const addresses = [{ host: network.server, port: first.port }];
    await using second = await startBackend(io, { addresses, ...shared });
    // The kernel chooses by a hash of the client's port: 2^-63 that all go to one.
    for (let at = 0; at < 64; at += 1) {
      using client = await Client.open();
      await client.ask(request('echo'), first.port);
    }
    const counters = [await first.settledCounters(), await second.settledCounters()];
    const received = counters.map((all) => all[udpCounterAt.received] ?? 0);
    assert.equal((received[0] ?? 0) + (received[1] ?? 0), 64);
    assert.ok(Math.min(...received) > 0, `${received}`);
  });
}

function testMessages(io: UdpIo, { countsDrops }: Traits): void {
  test('answers every request of many, once and to its sender', async () => {
    await using backend = await startBackend(io, { addresses: [oneAddress] });
    const clients = await Promise.all(Array.from({ length: 8 }, () => Client.open()));
    for (let number = 0; number < 200; number += 1) {
      for (const [at, client] of clients.entries()) {
        client.send(request('echo', number * 8 + at, 3 + (number % 600)), backend.port);
      }
    }
    for (const [at, client] of clients.entries()) {
      for (let number = 0; number < 200; number += 1) {
        const { bytes } = await client.answer();
        assert.deepEqual(bytes, request('echo', number * 8 + at, 3 + (number % 600)));
      }
      client[Symbol.dispose]();
    }
    const counters = await backend.settledCounters();
    assert.equal(counters[udpCounterAt.received], 1600);
    assert.equal(counters[udpCounterAt.sent], 1600);
    assert.equal(counters[udpCounterAt.unsent], 0);
    const sampled = counters.slice(udpCounterAt.latency).reduce((sum, count) => sum + count, 0);
    assert.ok(sampled > 0 && sampled < 1600, `latency of ${sampled} requests`);
  });

  test('sends nothing for an answer of length 0, among others that it sends', async () => {
    await using backend = await startBackend(io, { addresses: [oneAddress] });
    using client = await Client.open();
    // Together in one batch: nothing is received during the stall.
    client.send(request('stall'), backend.port);
    for (let number = 0; number < 20; number += 1) {
      client.send(request(number % 3 === 0 ? 'echo' : 'drop', number), backend.port);
    }
    await client.answer();
    for (let number = 0; number < 20; number += 3) {
      assert.equal((await client.answer()).bytes.readUInt16BE(1), number);
    }
    assert.equal((await backend.settledCounters())[udpCounterAt.sent], 8);
  });

  test('takes no notice of empty datagrams', async () => {
    await using backend = await startBackend(io, { addresses: [oneAddress] });
    using client = await Client.open();
    for (let at = 0; at < 3; at += 1) client.send(Buffer.alloc(0), backend.port);
    assert.deepEqual(
      (await client.ask(request('echo', 9), backend.port)).bytes,
      request('echo', 9),
    );
    assert.equal((await backend.settledCounters())[udpCounterAt.sent], 1);
  });

  test('takes and gives messages of the full payload', async () => {
    await using backend = await startBackend(io, { addresses: [oneAddress] });
    using client = await Client.open();
    const longest = request('echo', 1, payloadBytes);
    assert.deepEqual((await client.ask(longest, backend.port)).bytes, longest);
    const filled = (await client.ask(Buffer.from([3, 0x5a]), backend.port)).bytes;
    assert.equal(filled.length, payloadBytes);
    assert.ok(filled.subarray(1).every((octet) => octet === 0x5a));
  });

  test('flags requests longer than a slot, and keeps their neighbours whole', async () => {
    await using backend = await startBackend(io, { addresses: [oneAddress] });
    using client = await Client.open();
    client.send(request('stall'), backend.port);
    client.send(request('peer', 0, payloadBytes), backend.port);
    client.send(request('peer', 0, payloadBytes + 1), backend.port);
    client.send(request('echo', 77), backend.port);
    client.send(request('peer', 0, 9000), backend.port);
    client.send(request('peer'), backend.port);
    // In no certain order: fragments may come by another way than whole packets.
    const echoes: Buffer[] = [];
    const described: string[] = [];
    for (let count = 0; count < 6; count += 1) {
      const { bytes } = await client.answer();
      if (bytes.length === 8) echoes.push(bytes);
      else described.push(`flags ${wordAt(bytes, peerAt.flags)}, ${wordAt(bytes, 12)} octets`);
    }
    assert.deepEqual(echoes, [request('stall'), request('echo', 77)]);
    assert.deepEqual(described.sort(), [
      `flags 0, ${payloadBytes} octets`,
      'flags 0, 8 octets',
      `flags ${truncatedFlag}, ${payloadBytes} octets`,
      `flags ${truncatedFlag}, ${payloadBytes} octets`,
    ]);
    assert.equal((await backend.settledCounters())[udpCounterAt.truncated], 2);
  });

  test('goes on when clients are gone (ICMP port unreachable)', async () => {
    await using backend = await startBackend(io, { addresses: [oneAddress] });
    for (let at = 0; at < 20; at += 1) {
      const gone = await Client.open();
      gone.send(request('echo'), backend.port);
      await new Promise((resolve) => setImmediate(resolve));
      gone[Symbol.dispose]();
    }
    using client = await Client.open();
    for (let number = 0; number < 20; number += 1) {
      const { bytes } = await client.ask(request('echo', number), backend.port);
      assert.equal(bytes.readUInt16BE(1), number);
    }
  });

  test('counts what the kernel dropped', { skip: !countsDrops }, async () => {
    await using backend = await startBackend(io, {
      addresses: [oneAddress],
      receiveBufferBytes: 4096,
    });
    using client = await Client.open();
    const stalled = client.ask(request('stall'), backend.port);
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (let at = 0; at < 500; at += 1) client.send(request('drop', at, 500), backend.port);
    await stalled;
    // A further request may be dropped as well while the buffer is still full.
    let counters = await backend.settledCounters();
    const seen = () =>
      (counters[udpCounterAt.kernelDrops] ?? 0) + (counters[udpCounterAt.received] ?? 0);
    while (seen() < 501) counters = await backend.settledCounters();
    await client.ask(request('echo'), backend.port);
    counters = await backend.settledCounters();
    const dropped = counters[udpCounterAt.kernelDrops] ?? 0;
    assert.ok(dropped > 400, `${dropped} drops`);
    assert.equal(seen(), 502);
  });
}

function testThreads(io: UdpIo): void {
  test('wakes an idle thread within milliseconds', async () => {
    await using backend = await startBackend(io, { addresses: [oneAddress] });
    const millis: number[] = [];
    for (let image = 1; image <= 9; image += 1) {
      const begin = performance.now();
      backend.tell({ image });
      assert.deepEqual(await backend.next(), { taken: image });
      millis.push(performance.now() - begin);
    }
    // Without a wake it would be the 200 ms of an idle turn.
    assert.ok(median(millis) < 50, `${millis.map(Math.round)} ms`);
  });

  test('serves no request that came after a wake from what was there before', async () => {
    await using backend = await startBackend(io, { addresses: [oneAddress] });
    using client = await Client.open();
    for (let image = 1; image <= 200; image += 1) {
      backend.tell({ image });
      const { bytes } = await client.ask(request('image'), backend.port);
      assert.equal(bytes.readInt32BE(0), image);
    }
  });

  test('answers what is queued when it stops, then lets the port go', async () => {
    const backend = await startBackend(io, { addresses: [oneAddress] });
    using client = await Client.open();
    const stalled = client.ask(request('stall'), backend.port);
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (let number = 0; number < 150; number += 1) {
      client.send(request('echo', number), backend.port);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    const ended = once(backend.worker, 'exit');
    backend.tell('stop');
    await stalled;
    for (let number = 0; number < 150; number += 1) {
      assert.equal((await client.answer()).bytes.readUInt16BE(1), number);
    }
    await ended;
    await using next = await startBackend(io, { addresses: backend.addresses });
    assert.equal(next.port, backend.port);
  });

  test('goes on with a socket that another thread had, and with what is queued in it', {
    skip:
      (io === 'dgram' &&
        'node:dgram takes a descriptor over, which only another process can give') ||
      (io === 'xdp' && 'frames do not wait in the socket, and a restart is refused with --io xdp'),
  }, async () => {
    await using first = await startBackend(io, { addresses: [oneAddress] });
    using client = await Client.open();
    client.send(request('stall'), first.port);
    await new Promise((resolve) => setTimeout(resolve, 100));
    // While the first receives nothing, so that they are in the queue.
    for (let number = 0; number < 150; number += 1) {
      client.send(request('echo', number), first.port);
    }
    const addresses = first.addresses.map((address, at) => ({
      ...address,
      descriptor: first.descriptors[at] ?? 0,
    }));
    await using second = await startBackend(io, { addresses });
    for (let number = 0; number < 151; number += 1) await client.answer();
    const ended = once(first.worker, 'exit');
    first.tell('stop');
    await ended;
    assert.equal(second.port, first.port);
    await client.ask(request('echo'), first.port);
    const [before, after] = [first.views.counters, second.views.counters];
    assert.equal(before[udpCounterAt.sent], 1);
    assert.equal(after[udpCounterAt.received], 151);
  });

  test('lets the port go when its idle thread is terminated', async () => {
    const backend = await startBackend(io, { addresses: [oneAddress] });
    const begin = performance.now();
    await backend.worker.terminate();
    assert.ok(performance.now() - begin < 2000);
    await using next = await startBackend(io, { addresses: backend.addresses });
    assert.equal(next.port, backend.port);
  });

  test('leaves behind the request that its thread died of', async () => {
    const backend = await startBackend(io, { addresses: [oneAddress] });
    using client = await Client.open();
    await client.ask(request('echo'), backend.port);
    assert.equal(interruptedRequest(backend.views), undefined);
    const ended = once(backend.worker, 'exit');
    client.send(request('die', 4711, 40), backend.port);
    await ended;
    assert.deepEqual(interruptedRequest(backend.views), new Uint8Array(request('die', 4711, 40)));
  });
}
