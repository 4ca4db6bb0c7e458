import { decodeMessage, encodeMessage, makeQuery } from '../../../src/wire/message.ts';
import { parseName } from '../../../src/wire/names.ts';
import { isRdataError, rrTypes } from '../../../src/wire/types.ts';
import { UdpChannel } from './udp-channel.ts';

type Test = { after(callback: () => void): void };

/** What is asked, by the number of the question, and the rdata of the right answer, hex. */
export interface Questions {
  name(number: number): string;
  readonly rdata: string;
  /** How long a busy machine may take, milliseconds: a query that is lost stays so. */
  readonly patienceMs: number;
}

/** Asks 2,000 times a second for an A record, from many sockets, until it is told to end. */
export class SteadyAsking {
  asked = 0;
  lost = 0;
  wrong = 0;
  readonly #channels: readonly UdpChannel[];
  readonly #questions: Questions;
  readonly #answers: Promise<void>[] = [];
  readonly #timer: NodeJS.Timeout;

  private constructor(channels: readonly UdpChannel[], questions: Questions) {
    this.#channels = channels;
    this.#questions = questions;
    this.#timer = setInterval(() => {
      for (let index = 0; index < 20; index += 1) this.#answers.push(this.#ask());
    }, 10);
  }

  static async start(t: Test, port: number, questions: Questions): Promise<SteadyAsking> {
    const channels = [];
    for (let index = 0; index < 32; index += 1) channels.push(await UdpChannel.open(t, port));
    const asking = new SteadyAsking(channels, questions);
    // A test that fails before it has ended this ends all the same.
    t.after(() => clearInterval(asking.#timer));
    return asking;
  }

  async #ask(): Promise<void> {
    const number = this.asked;
    this.asked += 1;
    const wire = parseName(this.#questions.name(number), '.');
    if (isRdataError(wire)) throw new Error(wire.message);
    const query = encodeMessage(makeQuery(wire, rrTypes.A, { id: number & 0xffff }));
    const bytes = await this.#channels[number % this.#channels.length]?.ask(
      query,
      this.#questions.patienceMs,
    );
    const answer = bytes && decodeMessage(bytes);
    if (answer === undefined) this.lost += 1;
    else if (
      Buffer.from(answer.answers[0]?.rdata ?? []).toString('hex') !== this.#questions.rdata
    ) {
      this.wrong += 1;
    }
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#answers);
  }
}
