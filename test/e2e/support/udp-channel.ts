import { createSocket, type Socket } from 'node:dgram';

/** One UDP socket with many questions under way, matched by ID. */
export class UdpChannel {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (answer: Buffer | undefined) => void>();
  /** Gets the datagrams that answer nothing that `ask` waits for. */
  onStray: (bytes: Buffer) => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes) => {
      const id = bytes.length < 2 ? -1 : bytes.readUInt16BE(0);
      const done = this.#waiting.get(id);
      if (done === undefined) this.onStray(bytes);
      this.#waiting.delete(id);
      done?.(bytes);
    });
    // An ICMP error: the question then times out.
    socket.on('error', () => {});
  }

  /** Opens a channel to one server; it closes with the test. */
  static async open(
    t: { after(callback: () => void): void },
    port: number,
    address = '127.0.0.1',
  ): Promise<UdpChannel> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
    await new Promise<void>((done, reject) => {
      socket.once('error', reject);
      socket.connect(port, address, () => done());
    });
    socket.removeAllListeners('error');
    t.after(() => socket.close());
    return new UdpChannel(socket);
  }

  /** Sends a message and waits for the answer with its ID; undefined when none came in time. */
  ask(message: Uint8Array, timeoutMs = 5000): Promise<Buffer | undefined> {
    const id = ((message[0] ?? 0) << 8) | (message[1] ?? 0);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        resolve(undefined);
      }, timeoutMs);
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.#socket.send(message);
    });
  }

  /** Sends without waiting for anything. */
  send(message: Uint8Array): void {
    this.#socket.send(message);
  }
}

/** Handles all items, so many at a time; fails with the first error. */
export async function inParallel<Item>(
  items: Iterable<Item>,
  width: number,
  handle: (item: Item, lane: number) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const lane = async (number: number) => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
      await handle(next.value, number);
    }
  };
  await Promise.all(Array.from({ length: width }, (_, number) => lane(number)));
}
