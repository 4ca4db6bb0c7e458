import { errorText } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Head } from './bus.ts';
import type { Heartbeat } from './cluster-types.ts';
import type { Member } from './member.ts';
import type { Envelope } from './messages.ts';
import { comparePositions, isAfter, type Position, startPosition } from './position.ts';

const touchMs = 50;
/** What a heartbeat begins with that is not signed: JSON. */
const openingBrace = 0x7b;

/** Says every second that this node lives, and where it stands; knows the same of all others. */
export class Membership {
  readonly #member: Member;
  readonly #stand: () => Head;
  #nodes: readonly Heartbeat[] = [];
  #others = new Map<string, Position>();
  #last: Position = startPosition;
  #since: string;
  #cancelTouch: (() => void) | undefined;

  /** `stand` is what to report: of a leader, what the cluster has of it. */
  constructor(member: Member, stand: () => Head) {
    this.#member = member;
    this.#stand = stand;
    this.#since = member.startedAt;
  }

  /** Runs until the member's pauses are closed. */
  async run(): Promise<void> {
    const { pauses } = this.#member;
    while (!pauses.isClosed) {
      await this.#exchange();
      await pauses.sleep(limits.heartbeatMs);
    }
    this.#cancelTouch?.();
  }

  /** Says goodbye: the others need not wait for the heartbeat to expire. */
  async leave(): Promise<void> {
    await this.#member.parts.bus.forget(this.#member.parts.id).catch(() => undefined);
  }

  /** Sends a heartbeat soon, besides those of every second. */
  touch(): void {
    if (this.#cancelTouch !== undefined || this.#member.pauses.isClosed) return;
    this.#cancelTouch = this.#member.parts.clock.setTimer(touchMs, () => {
      this.#cancelTouch = undefined;
      if (!this.#member.pauses.isClosed) void this.#send().catch(() => undefined);
    });
  }

  /** Every live node as of the last look, this one included. */
  nodes(): readonly Heartbeat[] {
    return this.#nodes;
  }

  /** Live controllers besides this one. */
  standbys(): readonly Heartbeat[] {
    const { id } = this.#member.parts;
    return this.#nodes.filter((node) => node.role === 'controller' && node.id !== id);
  }

  /**
   * How many turns others have at the lead before one at a position: one for each live controller that
   * was ever seen to have more, and one for all the dead together; at most `limits.deferTurns`, since
   * somebody must lead in the end.
   */
  turnsBefore(own: Position): number {
    const live = new Set(this.standbys().map(({ id }) => id));
    let turns = 0;
    let hasDead = false;
    for (const [id, position] of this.#others) {
      if (!isAfter(position, own)) continue;
      if (live.has(id)) turns += 1;
      else hasDead = true;
    }
    return Math.min(turns + (hasDead ? 1 : 0), limits.deferTurns);
  }

  async #exchange(): Promise<void> {
    const { bus, id } = this.#member.parts;
    try {
      await this.#member.hear(this.#send());
      const beats = await bus.nodes();
      this.#nodes = beats.flatMap(({ bytes }) => {
        const node = readHeartbeat(bytes, this.#member.envelope);
        if (node === undefined && bytes.length > 0) this.#member.counters.unsigned += 1;
        return node ?? [];
      });
      for (const node of this.#nodes) {
        if (node.role !== 'controller' || node.id === id) continue;
        // An old heartbeat may come back with an old state of the bus.
        const known = this.#others.get(node.id);
        if (known === undefined && this.#others.size >= limits.nodes) continue;
        if (isAfter(node.position, known ?? startPosition)) {
          this.#others.set(node.id, node.position);
        }
      }
    } catch (error) {
      this.#member.parts.log.debug({ error: errorText(error) }, 'no heartbeat could be sent');
      // Who lives is not known while the bus is silent.
      if (this.#member.busSilenceMs() > limits.heartbeatTtlMs) this.#nodes = [];
    }
  }

  #send(): Promise<void> {
    const { parts, startedAt } = this.#member;
    const { position, hash: digest } = this.#stand();
    if (comparePositions(position, this.#last) !== 0) {
      this.#last = position;
      this.#since = new Date(parts.clock.epochMs()).toISOString();
    }
    const beat: Heartbeat = {
      id: parts.id,
      role: parts.role,
      url: parts.url,
      version: parts.version,
      position,
      digest,
      startedAt,
      since: this.#since,
      more: parts.beat?.() ?? {},
    };
    const bytes = writeHeartbeat(beat, this.#member.envelope);
    return parts.bus.beat(parts.id, bytes, limits.heartbeatTtlMs);
  }
}

/** Writes a heartbeat: signed by a controller, on whose word more hangs; a node has no key for that. */
export function writeHeartbeat(beat: Heartbeat, envelope: Envelope): Uint8Array {
  if (beat.role === 'controller') return envelope.seal('beats', beat);
  return Buffer.from(JSON.stringify(beat));
}

/**
 * Reads a heartbeat; undefined when it is none, or of a controller and not signed. That of a node is
 * anybody's word who may write where nodes do.
 */
export function readHeartbeat(bytes: Uint8Array, envelope: Envelope): Heartbeat | undefined {
  if (bytes.length > limits.heartbeatBytes) return undefined;
  try {
    const isPlain = bytes[0] === openingBrace;
    const value: unknown = isPlain
      ? JSON.parse(Buffer.from(bytes).toString('utf8'))
      : envelope.open('beats', bytes);
    const beat = value as Partial<Heartbeat>;
    if (isPlain && beat.role === 'controller') return undefined;
    const { id, role, url, version, position, digest, startedAt, since, more } = beat;
    const texts = [id, url, version, digest, startedAt, since];
    if (!texts.every((text) => typeof text === 'string')) return undefined;
    if (role !== 'controller' && role !== 'node') return undefined;
    if (!isCount(position?.term) || !isCount(position?.sequence)) return undefined;
    if (typeof more !== 'object' || more === null) return undefined;
    return beat as Heartbeat;
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
