import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterMember } from './cluster.ts';
import { until } from './processes.ts';

/** A write that was answered with a success. */
export interface Ack {
  readonly lane: number;
  readonly value: number;
  readonly revision: number;
  /** `X-Served`; empty where the write did not ask to wait. */
  readonly served: string;
}

/** What a client does about an answer is to send the same request again (docs/errors.md). */
const passing = new Set(['E_NOT_LEADER', 'E_NO_BUS', 'E_IN_DOUBT']);
const patienceMs = 3000;
const pauseMs = 60;

/** How many writers write at a time: each has a name of its own. */
export const laneCount = 4;

/** Records of the zone that writers begin with: value 0 under the name of each. */
export const laneRecords = Array.from(
  { length: laneCount },
  (_, lane) => `w${lane} TXT "0"\n`,
).join('');

/** What was sent of each lane, where nobody writes. */
export const noWriters: Pick<Writers, 'sent'> = { sent: new Array(laneCount).fill(0) };

/**
 * Clients that write 1, 2, 3 … under a name each, without end, as the docs say: every request has an
 * `Idempotency-Key` and is sent again, to the next controller, until it is answered with a success. Two
 * of them ask by `?wait=` to be told how many serve it. An answer that comes after a client has lost
 * its patience is kept, too: what it says has to be true.
 */
export class Writers {
  readonly acks: Ack[] = [];
  /** Successes that came too late for the client that asked. */
  readonly late: Ack[] = [];
  /** Answers that no client should get. */
  readonly failures: string[] = [];
  /** How often an answer said to send the request again, by code. */
  readonly refusals = new Map<string, number>();
  /** The highest value that was sent, of each lane. */
  readonly sent: number[] = new Array(laneCount).fill(0);
  readonly #controllers: readonly ClusterMember[];
  readonly #lanes: readonly Promise<void>[];
  readonly #open = new Set<Promise<void>>();
  #isEnding = false;

  /** Begins to write; whatever happens, it ends with the test. */
  constructor(t: { after(callback: () => void): void }, controllers: readonly ClusterMember[]) {
    this.#controllers = controllers;
    t.after(() => {
      this.#isEnding = true;
    });
    this.#lanes = this.sent.map((_, lane) => this.#write(lane));
  }

  /** Resolves with the time from now to the first success of a request that was sent after now. */
  async nextAckMs(): Promise<number> {
    const startMs = performance.now();
    // What each lane has under way was sent before.
    const before = [...this.sent];
    await until(
      () => this.acks.some(({ lane, value }) => value > (before[lane] ?? 0)) || undefined,
      () => `a write to be taken; so far ${this.summary()}`,
      90_000,
    );
    return performance.now() - startMs;
  }

  /** Resolves when so many more writes were taken. */
  async more(count: number): Promise<void> {
    const wanted = this.acks.length + count;
    await until(
      () => this.acks.length >= wanted || undefined,
      () => `${count} more writes to be taken; so far ${this.summary()}`,
      90_000,
    );
  }

  /** Ends once every write that was begun is taken; also waits for the answers that are late. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#lanes);
    await Promise.race([Promise.all(this.#open), sleep(10_000, undefined, { ref: false })]);
  }

  /** The last value of a lane that was taken. */
  last(lane: number): number {
    return this.acks.findLast((ack) => ack.lane === lane)?.value ?? 0;
  }

  summary(): string {
    const refused = [...this.refusals].map(([code, times]) => `${code} ×${times}`).join(', ');
    return `${this.acks.length} writes taken, ${this.late.length} answers late, refused: ${refused || 'none'}`;
  }

  async #write(lane: number): Promise<void> {
    for (let value = 1; !this.#isEnding; value += 1) {
      this.sent[lane] = value;
      await this.#insist(lane, value);
      await sleep(pauseMs);
    }
  }

  /** Sends one write until it is taken; gives up only where it is answered as it never should be. */
  async #insist(lane: number, value: number): Promise<void> {
    const deadlineMs = performance.now() + 120_000;
    for (let attempt = lane; performance.now() < deadlineMs; attempt += 1) {
      const controller = this.#controllers[attempt % this.#controllers.length];
      if (controller === undefined) throw new Error('nobody to write to');
      const outcome = await this.#attempt(controller, lane, value);
      if (outcome !== 'again') return;
      await sleep(pauseMs);
    }
    this.failures.push(`w${lane} ${value} was not taken in two minutes`);
  }

  /** One request; what it does not answer in time is answered late. */
  async #attempt(
    { running, name }: ClusterMember,
    lane: number,
    value: number,
  ): Promise<'taken' | 'again' | 'failed'> {
    let isLate = false;
    const sending = this.#send(running, lane, value).then((answer) => {
      if (typeof answer === 'string') {
        this.refusals.set(answer, (this.refusals.get(answer) ?? 0) + 1);
        if (passing.has(answer) || answer === 'cut off') return 'again';
        this.failures.push(`${name} answered w${lane} ${value} with ${answer}`);
        return 'failed';
      }
      (isLate ? this.late : this.acks).push(answer);
      return 'taken';
    });
    const open = sending.then(() => void this.#open.delete(open));
    this.#open.add(open);
    const gaveUp = sleep(patienceMs, 'again' as const, { ref: false });
    const outcome = await Promise.race([sending, gaveUp]);
    isLate = true;
    return outcome;
  }

  /** The success, or the code of the refusal. */
  async #send(
    running: ClusterMember['running'],
    lane: number,
    value: number,
  ): Promise<Ack | string> {
    const wait = lane % 2 === 0 ? '?wait=1s' : '';
    const path = `/v1/zones/cluster.test/rrsets/w${lane}/TXT${wait}`;
    try {
      const answer = await running.api(
        'PUT',
        path,
        { ttl: 1, values: [`"${value}"`] },
        { 'idempotency-key': `w${lane}-${value}` },
      );
      if (answer.ok) {
        await answer.body?.cancel();
        const revision = Number(answer.headers.get('x-revision'));
        return { lane, value, revision, served: answer.headers.get('x-served') ?? '' };
      }
      const text = await answer.text();
      const code = /"code":"(E_[A-Z_]+)"/.exec(text)?.[1] ?? '';
      return passing.has(code) ? code : `${answer.status} ${text}`;
    } catch {
      // A process that was killed, or is not there yet.
      return 'cut off';
    }
  }
}
