import type { Socket } from 'node:net';
import { limits } from '../base/limits.ts';
import { answerSafely } from './answer-datagram.ts';
import { readPeerAddress } from './peer-address.ts';
import { type Responder, slotPaddingBytes } from './responder.ts';

/** Answers that may wait for a slow reader before nothing more is read from it, in octets. */
const maxUnsentBytes = 256 * 1024;

const lengthBytes = 2;

/**
 * One stream of queries, each behind two octets with its length (RFC 1035 §4.2.2, RFC 7766).
 * Queries are answered in the order they come, several per segment or in pieces.
 *
 *   input  │ answered │ 00 1d query │ 00 1d query │ 00 2… under way │ free │
 *                     └ from                                        └ to
 */
export class TcpConnection {
  readonly peer: string;
  readonly #socket: Socket;
  readonly #responder: Responder;
  readonly #transport: number;
  readonly #onActive: () => void;
  #input: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;
  #ended = false;
  #isWaiting = false;

  /** `onActive` is called when a query was answered or answers could be sent on. */
  constructor(
    socket: Socket,
    responder: Responder,
    peer: string,
    transport: number,
    onActive: () => void,
  ) {
    this.peer = peer;
    this.#socket = socket;
    this.#responder = responder;
    this.#transport = transport;
    this.#onActive = onActive;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#append(chunk);
      this.#answerAll();
    });
    socket.on('drain', () => {
      this.#onActive();
      this.#answerAll();
    });
    // The peer may have sent its last query and still read (RFC 7766 §6.2.4).
    socket.on('end', () => {
      this.#ended = true;
      this.#answerAll();
    });
    socket.on('error', () => socket.destroy());
  }

  /** Answers what has come in whole, and closes once that is sent. */
  finish(): void {
    this.#ended = true;
    this.#answerAll();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #answerAll(): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded || this.#isWaiting) return;
    socket.cork();
    this.#responder.time.tick();
    let answered = 0;
    while (this.#hasMessage() && socket.writableLength < maxUnsentBytes) {
      if (answered === limits.tcpPipelinedQueries) {
        this.#waitForTurn();
        break;
      }
      if (!this.#answerNext()) {
        socket.destroy();
        return;
      }
      answered += 1;
    }
    socket.uncork();
    if (answered > 0) this.#onActive();
    if (this.#hasMessage()) socket.pause();
    else if (this.#ended) socket.end();
    else socket.resume();
  }

  /** Others come first after so many queries in a row. */
  #waitForTurn(): void {
    this.#isWaiting = true;
    setImmediate(() => {
      this.#isWaiting = false;
      this.#answerAll();
    });
  }

  #hasMessage(): boolean {
    const have = this.#to - this.#from;
    return have >= lengthBytes && have >= lengthBytes + this.#input.readUInt16BE(this.#from);
  }

  /** Answers the first message of the input. False when it gets none: such a peer speaks no DNS. */
  #answerNext(): boolean {
    const responder = this.#responder;
    const messageBytes = this.#input.readUInt16BE(this.#from);
    const at = this.#from + lengthBytes;
    this.#from = at + messageBytes;
    if (!readPeerAddress(this.peer, responder.peer)) return false;
    responder.transport = this.#transport;
    responder.bytes.set(this.#input.subarray(at, at + messageBytes));
    const capacity = responder.bytes.length - slotPaddingBytes;
    const answerBytes = answerSafely(responder, 0, messageBytes, capacity);
    if (answerBytes === 0) return false;
    const framed = Buffer.allocUnsafe(lengthBytes + answerBytes);
    framed.writeUInt16BE(answerBytes, 0);
    framed.set(responder.bytes.subarray(0, answerBytes), lengthBytes);
    this.#socket.write(framed);
    return true;
  }

  #append(chunk: Buffer): void {
    const have = this.#to - this.#from;
    if (this.#to + chunk.length > this.#input.length) {
      const needed = have + chunk.length;
      // Moving at least half of the room at a time keeps a trickle of octets cheap.
      const room = needed * 2 <= this.#input.length ? this.#input : Buffer.allocUnsafe(needed * 2);
      this.#input.copy(room, 0, this.#from, this.#to);
      this.#input = room;
      this.#from = 0;
      this.#to = have;
    }
    this.#input.set(chunk, this.#to);
    this.#to += chunk.length;
  }
}
