import type { UdpMemory, UdpViews } from './udp-memory.ts';

/** A local address to answer on. */
export interface UdpAddress {
  /** IPv4 or IPv6; `0.0.0.0` and `::` stand for all of the machine's. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Whether a socket on `::` leaves IPv4 to others; default true. */
  readonly ipv6Only?: boolean;
  /**
   * A socket that is bound there already, as a file descriptor of this process. The batch and AF_XDP
   * backends work on a copy, node:dgram on the descriptor itself, which it closes.
   */
  readonly descriptor?: number;
}

export interface UdpOptions {
  /** 1 to 256; each has a socket of its own. */
  readonly addresses: readonly UdpAddress[];
  readonly memory: UdpMemory;
  /** Lets other threads and processes of this user bind the same addresses (SO_REUSEPORT). */
  readonly reusePort?: boolean;
  /** What the kernel may hold of requests and of answers; default 4 MiB, best effort. */
  readonly receiveBufferBytes?: number;
  readonly sendBufferBytes?: number;
  /**
   * Batch backend only. Spins in the driver for so long before it sleeps (SO_BUSY_POLL, socket(7)):
   * less latency for more CPU, with drivers that can. Default 0: off.
   */
  readonly busyPollMicros?: number;
  /**
   * Batch backend only. Sleeps for so long before it looks for the next requests when the batch
   * before was small: at low load up to a third less CPU, for so much more latency. Default 0: off.
   */
  readonly sleepMicros?: number;
  /**
   * AF_XDP backend only: how many threads serve these addresses. Each takes its share of the queues of
   * the interfaces. Default 1.
   */
  readonly threads?: number;
}

/** Who answers. Neither function may throw: the exception would end the backend. */
export interface UdpService {
  /**
   * Answers the request of `bytes` octets at octet `at` of the slots in place, from `peers[peerAt]`
   * on. Returns the answer's length, at most `capacity`, or 0 for none.
   */
  answer(at: number, bytes: number, capacity: number, peerAt: number): number;
  /**
   * Called between requests, first of all once, and then soon after each `wakeUdp`: the place to take
   * messages and images. False stops the backend when it has answered what is queued.
   */
  turn(): boolean;
}

/** Moves datagrams between sockets and a service, in the thread that opened it. */
export interface UdpBackend {
  readonly name: 'batch' | 'xdp' | 'dgram';
  /** In the order of the options, with the ports that the system chose. */
  readonly addresses: readonly UdpAddress[];
  /**
   * The socket of each address as a file descriptor. Another process may be given it, and what is
   * queued in it is not lost when this one closes its own.
   */
  readonly descriptors: readonly number[];
  readonly views: UdpViews;
  /**
   * Serves until the service's `turn` says false, then closes the sockets. The batch and AF_XDP
   * backends block the thread until then, and no events, timers or promises are seen to in it.
   */
  serve(service: UdpService): Promise<void>;
}

/** How long a backend may go without a look at `signals` or a step of `turns`. */
export const idleTurnMs = 200;

/** The buffers asked for by default. */
export const defaultBufferBytes = 4 * 1024 * 1024;
