import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { ServedBy } from '../control/cluster-view.ts';
import type { Bus } from './bus.ts';
import type { Heartbeat } from './cluster-types.ts';
import { readHeartbeat } from './membership.ts';
import type { Envelope } from './messages.ts';

/** How often the heartbeats are read while somebody waits for a revision, milliseconds. */
const pollMs = 20;

/** Revisions whose time of being served everywhere is remembered. */
const rememberedRevisions = 1000;

/** Ids that are listed as missing. */
const listedNodes = 20;

export interface ServedParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly envelope: Envelope;
  /** The live members as of at most a second ago. */
  nodes(): readonly Heartbeat[];
}

/** The revision that a member's answers come from, by its heartbeat. */
export function servingOf({ more }: Heartbeat): number {
  const { serving } = more;
  return typeof serving === 'number' && Number.isSafeInteger(serving) ? serving : 0;
}

/** Knows how far revisions have come among the live members of a cluster. */
export class Served {
  readonly #parts: ServedParts;
  /** Revision → when all members that lived were first seen to serve it. */
  readonly #at = new Map<number, string>();
  /** The highest revision that each process was seen to serve: heartbeats are up to a second old. */
  readonly #seen = new Map<string, number>();
  /** What all members serve; undefined before the first look. */
  #everywhere: number | undefined;

  constructor(parts: ServedParts) {
    this.#parts = parts;
  }

  /** How far a revision has come, as of the last heartbeats. */
  by(revision: number): ServedBy {
    return this.#count(revision, this.#parts.nodes());
  }

  /** Notes what is served everywhere by now; to be called every second or so. */
  look(newest: number): void {
    const nodes = this.#parts.nodes();
    if (nodes.length > 0) this.#note(nodes, newest);
  }

  /** Resolves when every live member serves a revision, or with what is missing after a time. */
  async wait(revision: number, timeoutMs: number): Promise<ServedBy> {
    const { bus, clock, envelope } = this.#parts;
    const endMs = clock.monotonicMs() + timeoutMs;
    for (;;) {
      let served = this.by(revision);
      try {
        const beats = await bus.nodes();
        const nodes = beats.map(({ bytes }) => readHeartbeat(bytes, envelope));
        served = this.#count(
          revision,
          nodes.filter((node) => node !== undefined),
        );
      } catch {
        // The bus is away: who serves it cannot be known, and time runs out.
        served = { ...served, missing: served.missing.length > 0 ? served.missing : ['unknown'] };
      }
      if (served.missing.length === 0 && served.live > 0) return served;
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0) return served;
      await new Promise<void>((done) => clock.setTimer(Math.min(pollMs, leftMs), done));
    }
  }

  #count(revision: number, nodes: readonly Heartbeat[]): ServedBy {
    const missing = nodes.filter((node) => this.#servingOf(node) < revision).map(({ id }) => id);
    if (missing.length === 0 && nodes.length > 0) this.#note(nodes, revision);
    return {
      serving: nodes.length - missing.length,
      live: nodes.length,
      missing: missing.slice(0, listedNodes),
      at: this.#at.get(revision) ?? null,
    };
  }

  #servingOf(node: Heartbeat): number {
    const key = `${node.id} ${node.startedAt}`;
    const serving = Math.max(this.#seen.get(key) ?? 0, servingOf(node));
    this.#seen.delete(key);
    this.#seen.set(key, serving);
    // The one that was not heard of for longest gives way.
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= limits.nodes) break;
      this.#seen.delete(oldest);
    }
    return serving;
  }

  #note(nodes: readonly Heartbeat[], newest: number): void {
    const least = nodes.reduce((min, node) => Math.min(min, this.#servingOf(node)), newest);
    const at = new Date(this.#parts.clock.epochMs()).toISOString();
    // What was served before this process looked for the first time has no time.
    const known = this.#everywhere ?? least;
    const first = Math.max(known + 1, least - rememberedRevisions + 1);
    for (let revision = first; revision <= least; revision += 1) this.#at.set(revision, at);
    this.#everywhere = Math.max(known, least);
    for (const revision of this.#at.keys()) {
      if (this.#at.size <= rememberedRevisions) break;
      this.#at.delete(revision);
    }
  }
}
