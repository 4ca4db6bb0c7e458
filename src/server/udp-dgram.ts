import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import {
  defaultBufferBytes,
  idleTurnMs,
  type UdpAddress,
  type UdpBackend,
  type UdpOptions,
  type UdpService,
} from '../../native/udp_batch/udp-backend.ts';
import {
  latencyBoundMicros,
  peerAt,
  sampledEvery,
  statusAt,
  truncatedFlag,
  type UdpViews,
  udpCounterAt,
  viewUdpMemory,
} from '../../native/udp_batch/udp-memory.ts';
import { parseIp, unmapIp } from '../base/ip.ts';
import { readPeerAddress } from './peer-address.ts';

/** Answers that may wait for a congested socket before others are dropped. */
const maxQueued = 256;

/** Rounds of the event loop without a datagram after which a closing socket counts as empty. */
const quietRounds = 3;

/** Rounds after which closing ends whatever still comes. */
const maxRounds = 10_000;

interface OpenSocket {
  readonly socket: Socket;
  /** Which of the options' addresses it serves. */
  readonly index: number;
  /** Its address as words of `peers`. */
  readonly asked: readonly number[];
}

/**
 * Opens the sockets of node:dgram: the same service on every platform, at more than twice the CPU per
 * query. node:dgram cannot say which address was asked on a wildcard; so each address that the machine
 * has now gets a socket beside the wildcard's, and only one that it is given later is answered from
 * whatever address routing chooses. Throws an Error with a `code` such as EADDRINUSE.
 */
export async function openDgram(options: UdpOptions): Promise<UdpBackend> {
  const views = viewUdpMemory(options.memory);
  const sockets: OpenSocket[] = [];
  const addresses: UdpAddress[] = [];
  const descriptors: number[] = [];
  try {
    for (const [index, address] of options.addresses.entries()) {
      const beside = addressesBeside(address);
      const bound = await bind(options, address, beside.length > 0);
      sockets.push({ socket: bound, index, asked: wordsOf(address.host) });
      const { port } = bound.address();
      const { descriptor: _, ...plain } = address;
      addresses.push({ ...plain, port });
      descriptors.push(descriptorOf(bound));
      for (const host of beside) {
        const socket = await bind(options, { ...address, host, port }, true);
        sockets.push({ socket, index, asked: wordsOf(host) });
      }
    }
  } catch (error) {
    for (const { socket } of sockets) socket.close();
    throw error;
  }
  return {
    name: 'dgram',
    addresses,
    descriptors,
    views,
    serve: (service) => new DgramServer(sockets, views, service).serve(),
  };
}

/** The machine's addresses that a wildcard covers. */
function addressesBeside({ host, ipv6Only }: UdpAddress): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [];
  const family = host === '::' ? 'IPv6' : 'IPv4';
  const all = Object.values(networkInterfaces()).flatMap((interfaces) => interfaces ?? []);
  const covered = all.filter(
    (one) => one.family === family || (host === '::' && ipv6Only === false),
  );
  return [...new Set(covered.filter(isGlobal).map((one) => one.address))];
}

/** Link-local addresses need a zone id, and nobody is delegated to one. */
function isGlobal({ address }: { readonly address: string }): boolean {
  return !address.startsWith('fe80:');
}

async function bind(options: UdpOptions, address: UdpAddress, hasSiblings: boolean) {
  const isV6 = address.host.includes(':');
  const socket = createSocket({
    type: isV6 ? 'udp6' : 'udp4',
    ipv6Only: isV6 && address.ipv6Only !== false,
    reusePort: options.reusePort === true,
    // A wildcard and the addresses that it covers share a port.
    reuseAddr: hasSiblings && options.reusePort !== true,
    recvBufferSize: options.receiveBufferBytes ?? defaultBufferBytes,
    sendBufferSize: options.sendBufferBytes ?? defaultBufferBytes,
    // Peers are addresses already; the default would take a turn in the resolver.
    lookup: (host, _family, callback) => callback(null, host, 0),
  });
  const listening = once(socket, 'listening');
  try {
    if (address.descriptor) socket.bind({ fd: address.descriptor, exclusive: true });
    else socket.bind({ address: address.host, port: address.port, exclusive: true });
    await listening;
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** The file descriptor of a socket, which node:dgram does not tell by itself; 0 where it cannot be seen. */
function descriptorOf(socket: Socket): number {
  const symbols = Object.getOwnPropertySymbols(socket);
  const state = symbols.find(({ description }) => description === 'state symbol');
  if (state === undefined) return 0;
  const inside = socket as unknown as Record<
    symbol,
    { readonly handle?: { readonly fd?: number } }
  >;
  return inside[state]?.handle?.fd ?? 0;
}

function wordsOf(host: string): readonly number[] {
  const address = parseIp(host);
  return address === undefined ? [0, 0, 0, 0] : unmapIp(address).words.map((word) => word | 0);
}

/** Answers what the sockets bring, in the turns of the thread's event loop. */
class DgramServer {
  readonly #sockets: readonly OpenSocket[];
  readonly #views: UdpViews;
  readonly #service: UdpService;
  /** Family and address of whoever asked: the first words of slot 0. */
  readonly #peer: Int32Array;
  #seenSignals = Number.NaN;
  #isStopping = false;

  constructor(sockets: readonly OpenSocket[], views: UdpViews, service: UdpService) {
    this.#sockets = sockets;
    this.#views = views;
    this.#peer = views.peers.subarray(peerAt.family, peerAt.port);
    this.#service = service;
  }

  async serve(): Promise<void> {
    const { status, counters } = this.#views;
    for (const one of this.#sockets) {
      one.socket.on('error', () => {
        counters[udpCounterAt.unsent]! += 1;
      });
      one.socket.on('message', (message, remote) => {
        this.#lookForSignals();
        counters[udpCounterAt.batches]! += 1;
        counters[udpCounterAt.received]! += 1;
        if (!this.#accept(message, remote, one)) return;
        const isSampled = counters[udpCounterAt.received]! % sampledEvery === 1;
        const start = isSampled ? performance.now() : 0;
        this.#answer(one.socket, remote);
        if (isSampled) countLatency(counters, (performance.now() - start) * 1000);
      });
    }
    for (;;) {
      this.#lookForSignals();
      status[statusAt.turns]! += 1;
      if (this.#isStopping) break;
      const waiting = Atomics.waitAsync(status, statusAt.signals, this.#seenSignals, idleTurnMs);
      if (waiting.async) await waiting.value;
    }
    await closeQuiet(this.#sockets, counters);
  }

  /** Before each answer, so that no request that came after a wake meets what was there before. */
  #lookForSignals(): void {
    const signals = Atomics.load(this.#views.status, statusAt.signals);
    if (signals === this.#seenSignals || this.#isStopping) return;
    this.#seenSignals = signals;
    this.#isStopping = !this.#service.turn();
  }

  /** Puts a request into slot 0, and who sent it; false when it gets no answer. */
  #accept(message: Uint8Array, remote: RemoteInfo, { index, asked }: OpenSocket): boolean {
    const { bytes, requestBytes, lengths, peers, counters, payloadBytes } = this.#views;
    // Nothing can be sent to port 0; only forgers come from there.
    if (remote.port === 0 || !readPeerAddress(remote.address, this.#peer)) {
      counters[udpCounterAt.ignored]! += 1;
      return false;
    }
    const isTruncated = message.length > payloadBytes;
    if (isTruncated) counters[udpCounterAt.truncated]! += 1;
    for (let word = 0; word < 4; word += 1) peers[peerAt.asked + word] = asked[word]!;
    peers[peerAt.port] = remote.port;
    peers[peerAt.flags] = isTruncated ? truncatedFlag : 0;
    peers[peerAt.socket] = index;
    const whole = isTruncated ? message.subarray(0, payloadBytes) : message;
    bytes.set(whole);
    requestBytes.set(whole);
    lengths[0] = Math.min(message.length, payloadBytes);
    return message.length > 0;
  }

  #answer(socket: Socket, remote: RemoteInfo): void {
    const { bytes, lengths, status, counters, payloadBytes } = this.#views;
    status[statusAt.busySlot] = 1;
    const answerBytes = this.#service.answer(0, lengths[0]!, payloadBytes, 0);
    status[statusAt.busySlot] = 0;
    if (answerBytes === 0) return;
    if (answerBytes > payloadBytes || socket.getSendQueueCount() >= maxQueued) {
      counters[udpCounterAt.unsent]! += 1;
      return;
    }
    counters[udpCounterAt.sent]! += 1;
    // A copy, since an answer that must wait keeps its memory.
    socket.send(Buffer.from(bytes.subarray(0, answerBytes)), remote.port, remote.address);
  }
}

function countLatency(counters: Float64Array, micros: number): void {
  let bucket = 0;
  while (micros >= latencyBoundMicros(bucket)) bucket += 1;
  counters[udpCounterAt.latencyMicros]! += Math.floor(micros);
  counters[udpCounterAt.latency + bucket]! += 1;
}

async function closeQuiet(sockets: readonly OpenSocket[], counters: Float64Array): Promise<void> {
  let seen = counters[udpCounterAt.received]!;
  for (let quiet = 0, rounds = 0; quiet < quietRounds && rounds < maxRounds; rounds += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    const received = counters[udpCounterAt.received]!;
    quiet = received === seen ? quiet + 1 : 0;
    seen = received;
  }
  await Promise.all(
    sockets.map(({ socket }) => {
      const closed = once(socket, 'close');
      socket.close();
      return closed;
    }),
  );
}
