import { decodeMessage, encodeMessage } from '../../src/wire/message.ts';
import { answerTexts, queryOf } from '../../test/e2e/support/ask.ts';
import type { Origin } from '../../test/e2e/support/origin.ts';
import { UdpChannel } from '../../test/e2e/support/udp-channel.ts';
import type { Cleanup } from '../cleanup.ts';

/** A name that leads to `origin` while that lives, else to `spare`. */
export interface Steered {
  readonly name: string;
  readonly origin: Origin;
  readonly spare: string;
}

/** A node that is asked, and the cluster that it belongs to. */
export interface Asked<Group extends string> {
  readonly group: Group;
  readonly node: string;
  readonly port: number;
}

/** An origin that died or came back, and when each node's answers had followed it. */
export interface Move<Group extends string> {
  readonly name: string;
  readonly to: 'spare' | 'origin';
  /** When the origin was gone or back, milliseconds of `performance.now`. */
  readonly atMs: number;
  /** Group and node → milliseconds from then until the first right answer. */
  readonly followed: Map<`${Group} ${string}`, number>;
}

/** What was seen of one cluster. */
export interface Seen {
  asked: number;
  /** Neither the origin nor the spare, or nothing within a second. */
  failed: number;
  /** The origin's address again after a node had left it, or the spare's after it had come back. */
  returned: number;
}

/** Asks every node for every steered name all the time, and knows what the answer should be. */
export class Witness<Group extends string> {
  /** Moves from the first on. */
  readonly moves: Move<Group>[] = [];
  readonly #current = new Map<string, Move<Group>>();
  readonly #seen = new Map<Group, Seen>();
  #isClosed = false;

  static async open<Group extends string>(
    cleanup: Cleanup,
    nodes: readonly Asked<Group>[],
    names: readonly Steered[],
    pollMs: number,
  ): Promise<Witness<Group>> {
    const witness = new Witness<Group>();
    cleanup.after(() => {
      witness.#isClosed = true;
    });
    for (const asked of nodes) {
      const channel = await UdpChannel.open(cleanup, asked.port);
      for (const steered of names) void witness.#lane(asked, channel, steered, pollMs);
    }
    return witness;
  }

  /** An origin dies now, or comes back. */
  async move({ name, origin }: Steered, to: Move<Group>['to']): Promise<void> {
    if (to === 'spare') await origin.die();
    else await origin.start();
    const move: Move<Group> = { name, to, atMs: performance.now(), followed: new Map() };
    this.#current.set(name, move);
    this.moves.push(move);
  }

  seen(group: Group): Seen {
    let seen = this.#seen.get(group);
    if (seen === undefined) {
      seen = { asked: 0, failed: 0, returned: 0 };
      this.#seen.set(group, seen);
    }
    return seen;
  }

  async #lane(
    { group, node }: Asked<Group>,
    channel: UdpChannel,
    { name, origin, spare }: Steered,
    pollMs: number,
  ): Promise<void> {
    const seen = this.seen(group);
    while (!this.#isClosed) {
      const move = this.#current.get(name);
      const bytes = await channel.ask(encodeMessage(queryOf({ port: 0, name, type: 'A' })), 1000);
      const text = answerTexts(bytes === undefined ? undefined : decodeMessage(bytes)).join(' ');
      if (this.#isClosed) return;
      seen.asked += 1;
      if (text !== origin.address && text !== spare) seen.failed += 1;
      else if (move !== undefined && move === this.#current.get(name)) {
        const isThere = text === (move.to === 'spare' ? spare : origin.address);
        const key = `${group} ${node}` as const;
        if (isThere && !move.followed.has(key)) {
          move.followed.set(key, performance.now() - move.atMs);
        }
        if (!isThere && move.followed.has(key)) seen.returned += 1;
      }
      await new Promise((done) => setTimeout(done, pollMs * (0.5 + Math.random())));
    }
  }
}
