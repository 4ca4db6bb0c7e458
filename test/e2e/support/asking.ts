import { setTimeout as sleep } from 'node:timers/promises';
import { decodeMessage, encodeMessage } from '../../../src/wire/message.ts';
import { answerTexts, queryOf } from './ask.ts';
import { UdpChannel } from './udp-channel.ts';
import { laneCount, type Writers } from './writers.ts';

const pauseMs = 10;
/** How long a busy machine may take; a query that is lost stays so. */
const answerMs = 10_000;

type Test = { after(callback: () => void): void };

/** A listener to ask, and what may be asked there. */
export interface Asked {
  readonly name: string;
  readonly port: number;
  readonly address?: string;
}

/**
 * Asks a node all the time: for the names of the writers, whose values must never go back and never be
 * ahead of what was sent, and for `www`, whose answer must be one of those that are right at the moment.
 */
export class Asking {
  asked = 0;
  longestMs = 0;
  readonly failures: string[] = [];
  /** Whether an answer for `www` is right at the moment. */
  isRight: (texts: readonly string[]) => boolean = (texts) => texts.every(isAddress);
  readonly #node: Asked;
  readonly #writers: Pick<Writers, 'sent'>;
  readonly #seen: number[];
  #isEnding = false;
  #ended: Promise<void> = Promise.resolve();

  private constructor(node: Asked, writers: Pick<Writers, 'sent'>, seen: readonly number[]) {
    this.#node = node;
    this.#writers = writers;
    this.#seen = [...seen];
  }

  /** Begins to ask; `before` is who asked the same node before it was started anew. */
  static async start(
    t: Test,
    node: Asked,
    writers: Pick<Writers, 'sent'>,
    before?: Asking,
  ): Promise<Asking> {
    const seen = before === undefined ? new Array<number>(laneCount).fill(0) : before.#seen;
    const asking = new Asking(node, writers, seen);
    const channel = await UdpChannel.open(t, node.port, node.address);
    t.after(() => {
      asking.#isEnding = true;
    });
    asking.#ended = asking.#run(channel);
    return asking;
  }

  /** Ends with the answer that is awaited now; nobody is blamed when that one does not come. */
  halt(): void {
    this.#isEnding = true;
  }

  /** Ends, and gives back what was wrong. */
  async end(): Promise<readonly string[]> {
    this.#isEnding = true;
    await this.#ended;
    return this.failures;
  }

  async #run(channel: UdpChannel): Promise<void> {
    for (let turn = 0; !this.#isEnding; turn += 1) {
      const lane = turn % (laneCount + 1);
      if (lane === laneCount) await this.#ask(channel, 'www', 'A', (texts) => this.#judge(texts));
      else await this.#ask(channel, `w${lane}`, 'TXT', (texts) => this.#follow(lane, texts));
      await sleep(pauseMs);
    }
  }

  async #ask(
    channel: UdpChannel,
    label: string,
    type: string,
    wrongWith: (texts: readonly string[]) => string | undefined,
  ): Promise<void> {
    const query = queryOf({ port: 0, name: `${label}.cluster.test`, type });
    const startMs = performance.now();
    const bytes = await channel.ask(encodeMessage(query), answerMs);
    if (bytes === undefined && this.#isEnding) return;
    this.asked += 1;
    this.longestMs = Math.max(this.longestMs, performance.now() - startMs);
    const wrong = wrongWith(answerTexts(bytes && decodeMessage(bytes)));
    if (wrong === undefined) return;
    this.failures.push(`${new Date().toISOString()} ${this.#node.name}: ${label} ${wrong}`);
  }

  #judge(texts: readonly string[]): string | undefined {
    return texts.length > 0 && this.isRight(texts) ? undefined : `is ${texts.join(' ')}`;
  }

  #follow(lane: number, [text = '', ...others]: readonly string[]): string | undefined {
    const value = Number(/^"(\d+)"$/.exec(text)?.[1] ?? Number.NaN);
    if (Number.isNaN(value) || others.length > 0) return `is ${[text, ...others].join(' ')}`;
    const seen = this.#seen[lane] ?? 0;
    if (value < seen) return `is ${value} after ${seen}: an older plan is served`;
    const sent = this.#writers.sent[lane] ?? 0;
    if (value > sent) return `is ${value}, and only ${sent} was ever sent`;
    this.#seen[lane] = value;
    return undefined;
  }
}

const isAddress = (text: string) => /^[\d.]+$/.test(text);
