import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { createSlot } from './answer-datagram.ts';
import { counterAt, transportIndexes } from './counters.ts';
import { isIpv6Only, type ListenAddress } from './listen-address.ts';
import type { Responder } from './responder.ts';
import { TcpConnection } from './tcp-connection.ts';

/** How long peers may take to read their last answers when the server closes. */
const closingMs = 1000;

/** Connections that the kernel may hold for us before they are accepted. */
const backlog = 512;

export interface TcpServer {
  /** Where it listens; the port is the one chosen where 0 was asked for. */
  readonly addresses: readonly ListenAddress[];
  /** The listening sockets as file descriptors, in the same order. */
  readonly descriptors: readonly number[];
  /** Stops listening, answers what has come in, and closes. */
  close(): Promise<void>;
}

/**
 * Answers queries over TCP (RFC 7766) in this thread. What is shed at a cap: of one address, the new
 * connection; of all, the one that has gone longest without a query. With `descriptors` it listens on
 * sockets that do so already, one for each address, and takes them over.
 */
export async function openTcp(
  responder: Responder,
  addresses: readonly ListenAddress[],
  clock: Clock,
  descriptors?: readonly number[],
): Promise<TcpServer> {
  responder.attach(createSlot());
  const connections = new Connections(responder, clock);
  const servers: Server[] = [];
  try {
    for (const [index, address] of addresses.entries()) {
      const server = createServer({ allowHalfOpen: true }, (socket) => connections.add(socket));
      servers.push(server);
      const ipv6Only = address.host.includes(':') && isIpv6Only(address, addresses);
      const fd = descriptors?.[index];
      if (fd !== undefined) server.listen({ fd, backlog, exclusive: true });
      else server.listen({ ...address, backlog, ipv6Only, exclusive: true });
      await once(server, 'listening');
      // What can still go wrong is accepting, for want of file descriptors; it tries again.
      server.on('error', () => responder.count(counterAt.connectionsShed));
    }
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return {
    addresses: servers.map((server, index) => {
      const bound = server.address();
      const port = bound !== null && typeof bound === 'object' ? bound.port : 0;
      return { host: addresses[index]!.host, port };
    }),
    descriptors: servers.map(descriptorOf),
    async close() {
      const closed = servers.map((server) => {
        const event = once(server, 'close');
        server.close();
        return event;
      });
      connections.close();
      await Promise.all(closed);
    },
  };
}

/** The file descriptor of a server; 0 where the platform has none. */
function descriptorOf(server: Server): number {
  const { _handle: handle } = server as Server & { readonly _handle?: { readonly fd?: number } };
  return handle?.fd ?? 0;
}

/** The open connections, the one longest without a query first. */
class Connections {
  readonly #responder: Responder;
  readonly #clock: Clock;
  readonly #lastActiveMs = new Map<TcpConnection, number>();
  readonly #perAddress = new Map<string, number>();
  #cancelSweep: () => void;

  constructor(responder: Responder, clock: Clock) {
    this.#responder = responder;
    this.#clock = clock;
    this.#cancelSweep = this.#scheduleSweep();
  }

  add(socket: Socket): void {
    const { tcp } = this.#responder.settings;
    const peer = socket.remoteAddress;
    const fromPeer = peer === undefined ? 0 : (this.#perAddress.get(peer) ?? 0);
    if (peer === undefined || fromPeer >= tcp.connectionsPerAddress) {
      this.#responder.count(counterAt.connectionsShed);
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    if (this.#lastActiveMs.size >= tcp.connections) this.#shedOldest();
    this.#responder.count(counterAt.connections);
    const connection: TcpConnection = new TcpConnection(
      socket,
      this.#responder,
      peer,
      transportIndexes.tcp,
      () => this.#touch(connection),
    );
    this.#perAddress.set(peer, fromPeer + 1);
    this.#lastActiveMs.set(connection, this.#clock.monotonicMs());
    socket.on('close', () => this.#remove(connection));
  }

  close(): void {
    this.#cancelSweep();
    for (const connection of this.#lastActiveMs.keys()) connection.finish();
    this.#cancelSweep = this.#clock.setTimer(closingMs, () => {
      for (const connection of this.#lastActiveMs.keys()) connection.destroy();
    });
  }

  #touch(connection: TcpConnection): void {
    if (!this.#lastActiveMs.delete(connection)) return;
    this.#lastActiveMs.set(connection, this.#clock.monotonicMs());
  }

  #remove(connection: TcpConnection): void {
    if (!this.#lastActiveMs.delete(connection)) return;
    const { peer } = connection;
    const left = (this.#perAddress.get(peer) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(peer);
    else this.#perAddress.set(peer, left);
  }

  #shedOldest(): void {
    const [oldest] = this.#lastActiveMs.keys();
    if (oldest === undefined) return;
    this.#responder.count(counterAt.connectionsShed);
    oldest.destroy();
    this.#remove(oldest);
  }

  /** Closes those without a query for too long, however many octets they trickle. */
  #scheduleSweep(): () => void {
    const { idleMs } = this.#responder.settings.tcp;
    return this.#clock.setTimer(Math.max(10, Math.min(1000, idleMs / 4)), () => {
      const oldestMs = this.#clock.monotonicMs() - idleMs;
      for (const [connection, activeMs] of this.#lastActiveMs) {
        if (activeMs > oldestMs) break;
        connection.destroy();
      }
      this.#cancelSweep = this.#scheduleSweep();
    });
  }
}
