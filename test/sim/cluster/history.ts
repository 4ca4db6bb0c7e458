import { comparePositions, formatPosition, type Position } from '../../../src/cluster/position.ts';
import type { Simulation } from '../engine/simulation.ts';

/** A change that a client was told has been made. */
export interface Acknowledged {
  readonly key: string;
  readonly revision: number;
  /** Controllers whose disks held it when the client was told. */
  readonly holders: readonly string[];
}

/** What a member serves. */
export interface Served {
  readonly position: Position;
  readonly digest: string;
}

/** What has ever been seen of the cluster's history, and what must not be seen of it. */
export class History {
  readonly #world: Simulation;
  /** What every position was seen to hold. */
  readonly #digests = new Map<string, string>();
  /** Who led under each term. */
  readonly #leaders = new Map<number, string>();
  /** What each member serves, over all its lives. */
  readonly #served = new Map<string, Served>();
  readonly #visible = new Map<string, number>();
  /** Whose disk held a revision when it started, by digest. */
  readonly #found = new Map<string, string>();
  /** Changes that a leader led without, as nobody who had them was there: to be kept aside. */
  readonly passedOver = new Set<string>();
  readonly acknowledged = new Map<string, Acknowledged>();

  constructor(world: Simulation) {
    this.#world = world;
  }

  /**
   * Invariant 4: positions never go back, and one position means one history. `isStart`: what a
   * member finds on its own disk when it starts, before it can have heard of anybody.
   */
  serves(member: string, served: Served, isStart: boolean): void {
    const { position, digest } = served;
    const before = this.#served.get(member);
    const at = formatPosition(position);
    this.#world.note(`${member} serves ${at} ${digest.slice(0, 8)}`);
    this.#world.demand(
      before === undefined || comparePositions(position, before.position) >= 0,
      'position went back',
      () => `${member} served ${formatPosition(before?.position ?? position)} and now ${at}`,
    );
    const known = this.#digests.get(at);
    this.#world.demand(known === undefined || known === digest, 'two histories', () => {
      return `${member} has ${digest.slice(0, 8)} at ${at}, where another has ${known?.slice(0, 8)}`;
    });
    this.#digests.set(at, digest);
    if (!isStart) this.#visible.set(digest, position.sequence);
    else if (position.sequence > 0) this.#found.set(digest, member);
    this.#served.set(member, served);
  }

  /** A term has one leader, ever. */
  leads(holder: string, term: number): void {
    const before = this.#leaders.get(term);
    this.#world.note(`${holder} leads under term ${term}`);
    this.#world.demand(before === undefined || before === holder, 'two leaders', () => {
      return `${holder} leads under term ${term}, as ${before} did`;
    });
    this.#leaders.set(term, holder);
  }

  /** A client is told that its change was made; the same key never gets two answers. */
  acknowledge(key: string, revision: number, holders: readonly string[]): void {
    const before = this.acknowledged.get(key);
    this.#world.note(`${key} is acknowledged as revision ${revision}, held by ${holders}`);
    this.#world.demand(before === undefined || before.revision === revision, 'two answers', () => {
      return `${key} was revision ${before?.revision}, and is ${revision} when asked again`;
    });
    if (before === undefined) this.acknowledged.set(key, { key, revision, holders });
  }

  /** How many terms there have been. */
  get terms(): number {
    return this.#leaders.size;
  }

  servedBy(member: string): Served | undefined {
    return this.#served.get(member);
  }

  /** Revisions that a member found on its disk when it started, by digest. */
  get found(): ReadonlyMap<string, string> {
    return this.#found;
  }

  /**
   * Every revision that was ever served anywhere, by digest. Left out is what a member served at its
   * start alone: a leader that died between its disk and the bus cannot know whether its last change
   * was taken, and rather shows it than loses it.
   */
  get visible(): ReadonlyMap<string, number> {
    return this.#visible;
  }
}
