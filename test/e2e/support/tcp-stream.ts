import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A TCP connection to a DNS server that takes any octets and collects the messages that come back. */
export class TcpStream {
  readonly socket: Socket;
  readonly messages: Buffer[] = [];
  /** True when the server has sent its FIN or the connection is gone. */
  isEnded = false;
  #received = Buffer.alloc(0);
  #look: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      for (;;) {
        const bytes = this.#received.length < 2 ? -1 : this.#received.readUInt16BE(0);
        if (bytes < 0 || this.#received.length < 2 + bytes) break;
        this.messages.push(this.#received.subarray(2, 2 + bytes));
        this.#received = this.#received.subarray(2 + bytes);
      }
      this.#look();
    });
    const end = () => {
      this.isEnded = true;
      this.#look();
    };
    socket.on('end', end);
    socket.on('close', end);
    // A reset: `close` follows.
    socket.on('error', () => {});
  }

  /** Connects; the connection goes away with the test. */
  static async open(
    t: { after(callback: () => void): void },
    port: number,
    localAddress?: string,
  ): Promise<TcpStream> {
    const socket = connect({
      port,
      host: '127.0.0.1',
      allowHalfOpen: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    t.after(() => socket.destroy());
    const stream = new TcpStream(socket);
    await once(socket, 'connect').catch(() => {});
    return stream;
  }

  /** Resolves when so many messages are here, or the server has closed; false when neither in time. */
  wait(messages: number, timeoutMs = 5000): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(false), timeoutMs);
      const done = (inTime: boolean) => {
        clearTimeout(timer);
        this.#look = () => {};
        resolve(inTime);
      };
      this.#look = () => {
        if (this.messages.length >= messages || this.isEnded) done(true);
      };
      this.#look();
    });
  }
}

/** A message behind its two octets of length (RFC 1035 §4.2.2), or behind others. */
export function framed(message: Uint8Array, length: number = message.length): Buffer {
  const frame = Buffer.alloc(2 + message.length);
  frame.writeUInt16BE(length);
  frame.set(message, 2);
  return frame;
}
