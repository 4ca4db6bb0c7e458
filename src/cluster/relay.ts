import type { Clock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Bus } from './bus.ts';
import { Pauses } from './member.ts';
import type { Envelope } from './messages.ts';

export interface RelayParts {
  readonly stream: 'reports' | 'samples';
  readonly bus: Bus;
  readonly envelope: Envelope;
  /** Id of this process; what it passed on itself is not taken again. */
  readonly id: string;
  readonly clock: Clock;
  readonly log: Log;
  /** So long what is passed on may wait for more, milliseconds; default: not at all. */
  readonly gatherMs?: number;
  /** Whether there is anybody to pass things on to. */
  hasOthers(): boolean;
  /**
   * Takes what another controller has passed on, in its order: JSON values, and octets, which must not be
   * kept. Of what was passed on together all values come before all octets.
   */
  take(item: unknown, from: string): void;
}

interface Passed {
  readonly from: string;
  readonly items: readonly unknown[];
}

const retryMs = 250;
const itemsPerMessage = 100;

/**
 * Passes what agents and applications tell one controller on to the others, so that each could lead at
 * once. Signed, since whoever could write here could kill a service; in order, one message under way
 * at a time; what comes meanwhile goes together, and beyond `limits.relayedItems` the oldest is shed:
 * the next report says it all again.
 */
export class Relay {
  /** Items that were shed, or came in a message that was not signed. */
  readonly counters = { shed: 0, unsigned: 0 };
  readonly #parts: RelayParts;
  readonly #waiting: unknown[] = [];
  /** Signatures of what this process has posted and not read yet: that costs no look at it. */
  readonly #own = new Set<string>();
  #isSending = false;
  readonly #pauses: Pauses;
  readonly #ended: Promise<void>;

  constructor(parts: RelayParts) {
    this.#parts = parts;
    this.#pauses = new Pauses(parts.clock);
    this.#ended = this.#run();
  }

  /** Passes a JSON value or octets on; costs nothing while there is nobody else. */
  pass(item: unknown): void {
    if (this.#pauses.isClosed || !this.#parts.hasOthers()) return;
    this.#waiting.push(item);
    if (this.#waiting.length > limits.relayedItems) {
      this.#waiting.shift();
      this.counters.shed += 1;
    }
    if (!this.#isSending) void this.#send();
  }

  /** Resolves when nothing more will be taken; the bus must be closed or answer for that. */
  async close(): Promise<void> {
    this.#pauses.close();
    await this.#ended;
  }

  async #send(): Promise<void> {
    const { bus, stream, envelope, id, log, gatherMs = 0 } = this.#parts;
    this.#isSending = true;
    while (this.#waiting.length > 0 && !this.#pauses.isClosed) {
      if (gatherMs > 0) await this.#pauses.sleep(gatherMs);
      const items = this.#waiting.splice(0, itemsPerMessage);
      try {
        const octets = items.filter((item) => item instanceof Uint8Array);
        const values = items.filter((item) => !(item instanceof Uint8Array));
        const bytes = envelope.seal(stream, { from: id, items: values }, octets);
        this.#remember(bytes);
        await bus.post(stream, bytes);
      } catch (error) {
        this.counters.shed += items.length;
        log.debug({ stream, error: errorText(error) }, 'nothing can be passed on');
      }
    }
    this.#isSending = false;
  }

  async #run(): Promise<void> {
    const { bus, stream, log } = this.#parts;
    let cursor: string | undefined;
    while (!this.#pauses.isClosed) {
      try {
        const read = await bus.read(stream, cursor, limits.busEntriesPerRead, limits.busWaitMs);
        cursor = read.cursor;
        for (const { bytes } of read.messages) this.#take(bytes);
      } catch (error) {
        if (this.#pauses.isClosed) return;
        log.debug({ stream, error: errorText(error) }, 'a stream cannot be read; trying again');
        await this.#pauses.sleep(retryMs);
      }
    }
  }

  #remember(bytes: Uint8Array): void {
    this.#own.add(signatureOf(bytes));
    if (this.#own.size <= limits.streamEntries[this.#parts.stream]) return;
    for (const oldest of this.#own) {
      this.#own.delete(oldest);
      break;
    }
  }

  #take(bytes: Uint8Array): void {
    const { envelope, stream, id, log, take } = this.#parts;
    if (this.#own.delete(signatureOf(bytes))) return;
    const opened = envelope.openAll(stream, bytes);
    if (opened === undefined) {
      this.counters.unsigned += 1;
      return;
    }
    const { from = '', items = [] } = (opened.value ?? {}) as Partial<Passed>;
    if (from === id) return;
    for (const item of [...items, ...opened.octets]) {
      try {
        take(item, from);
      } catch (error) {
        log.warn({ stream, error: errorText(error) }, 'something passed on could not be used');
      }
    }
  }
}

function signatureOf(message: Uint8Array): string {
  return Buffer.from(message.buffer, message.byteOffset, message.length).toString('latin1', 1, 65);
}
