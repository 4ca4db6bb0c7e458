import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { UdpAddress, UdpOptions } from '../../native/udp_batch/udp-backend.ts';
import {
  createUdpMemory,
  type UdpViews,
  viewUdpMemory,
} from '../../native/udp_batch/udp-memory.ts';
import { wakeUdp } from '../../native/udp_batch/wake-udp.ts';
import type { UdpIo } from '../../src/server/open-udp.ts';
import { commands, type FromBackend, type StartedWith, type ToBackend } from './udp-commands.ts';
import { network } from './udp-network.ts';

/** Longest message of the backends under test, in octets. */
export const payloadBytes = 1232;

/** A backend in a thread of its own. */
export class BackendUnderTest {
  readonly worker: Worker;
  readonly views: UdpViews;
  addresses: readonly UdpAddress[] = [];
  descriptors: readonly number[] = [];
  #isOver = false;

  constructor(io: UdpIo, options: Omit<UdpOptions, 'memory'>) {
    const memory = createUdpMemory(payloadBytes);
    this.views = viewUdpMemory(memory);
    const workerData: StartedWith = { io, options: { ...options, memory } };
    this.worker = new Worker(new URL('./udp-worker.ts', import.meta.url), { workerData });
    this.worker.once('exit', () => {
      this.#isOver = true;
    });
  }

  /** The first address's. */
  get port(): number {
    return this.addresses[0]?.port ?? 0;
  }

  async next(): Promise<FromBackend> {
    const [message] = await once(this.worker, 'message', { signal: AbortSignal.timeout(5000) });
    return message;
  }

  tell(message: ToBackend): void {
    this.worker.postMessage(message);
    wakeUdp(this.views);
  }

  /** The counters once everything that was sent before has been answered. */
  async settledCounters(): Promise<Float64Array> {
    this.tell({ image: -1 });
    await this.next();
    return this.views.counters;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    const ended = once(this.worker, 'exit');
    this.tell('stop');
    await ended;
  }
}

/** Opens a backend; throws with its `code` when it cannot be opened. */
export async function startBackend(
  io: UdpIo,
  options: Omit<UdpOptions, 'memory'>,
): Promise<BackendUnderTest> {
  const backend = new BackendUnderTest(io, options);
  const message = await backend.next();
  if ('failed' in message) {
    throw Object.assign(new Error(message.failed.message), { code: message.failed.code });
  }
  if ('ready' in message) {
    backend.addresses = message.ready;
    backend.descriptors = message.descriptors;
  }
  return backend;
}

export interface Answer {
  readonly bytes: Buffer;
  readonly from: string;
  readonly port: number;
}

/** A socket that asks; every answer waits at most five seconds. */
export class Client {
  readonly socket: Socket;
  readonly #answers: Answer[] = [];
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('message', (bytes, { address, port }) => {
      this.#answers.push({ bytes, from: address, port });
      this.#wake();
    });
  }

  static async open(host = network.client): Promise<Client> {
    const socket = createSocket({
      type: host.includes(':') ? 'udp6' : 'udp4',
      recvBufferSize: 1 << 20,
      lookup: (name, _family, callback) => callback(null, name, 0),
    });
    // With this look-up `bind` may be done before it returns.
    const listening = once(socket, 'listening');
    socket.bind(0, host);
    await listening;
    return new Client(socket);
  }

  send(request: Uint8Array, port: number, host = network.server): void {
    this.socket.send(request, port, host);
  }

  /** The next answer. */
  async answer(): Promise<Answer> {
    const deadline = AbortSignal.timeout(5000);
    for (;;) {
      const answer = this.#answers.shift();
      if (answer !== undefined) return answer;
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        deadline.addEventListener('abort', () => reject(new Error('no answer in 5 seconds')), {
          once: true,
        });
      });
    }
  }

  ask(request: Uint8Array, port: number, host = network.server): Promise<Answer> {
    this.send(request, port, host);
    return this.answer();
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

/** A request of `length` octets: the command, then a number, then zeros. */
export function request(command: keyof typeof commands, number = 0, length = 8): Buffer {
  const bytes = Buffer.alloc(length);
  bytes[0] = commands[command];
  bytes.writeUInt16BE(number, 1);
  return bytes;
}
