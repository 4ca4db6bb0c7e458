import type { EstimateLatency } from '../latency/estimate.ts';
import type { Standing, StandingsInput } from './eligibility.ts';
import type { Outcome } from './outcome.ts';
import type { Census } from './scope.ts';
import { childKey } from './sticky-key.ts';
import type { PolicyNode } from './traffic.ts';
import { childrenOf, dependsOnClient, membersBelow } from './tree.ts';

export interface GroundInput extends StandingsInput {
  readonly estimate: EstimateLatency;
}

/**
 * All that an evaluation rests on and that is the same for every client: standings, and per node what
 * is worked out at most once. One ground serves thousands of client classes.
 */
export class Ground {
  readonly input: GroundInput;
  readonly standings: ReadonlyMap<string, Standing>;
  readonly #censuses = new WeakMap<PolicyNode, Census>();
  readonly #onces = new WeakMap<PolicyNode, unknown>();
  readonly #ofChildren = new WeakMap<PolicyNode, unknown>();
  readonly #depends = new WeakMap<PolicyNode, boolean>();
  readonly #outcomes = new WeakMap<PolicyNode, Outcome>();

  constructor(input: GroundInput, standings: ReadonlyMap<string, Standing>) {
    this.input = input;
    this.standings = standings;
  }

  census(node: PolicyNode): Census {
    const known = this.#censuses.get(node);
    if (known !== undefined) return known;
    const census = takeCensus(node, this.standings);
    this.#censuses.set(node, census);
    return census;
  }

  isBelowMinimum(node: PolicyNode): boolean {
    const own = node.kind === 'member' ? undefined : node.minHealthy;
    // A hair of slack, so that 0.7 of weight is not below a minimum of 0.7 by rounding.
    return this.census(node).healthyShare < (own ?? this.input.service.minHealthy) - 1e-9;
  }

  once<T>(node: PolicyNode, make: () => T): T {
    if (!this.#onces.has(node)) this.#onces.set(node, make());
    return this.#onces.get(node) as T;
  }

  /** What is made of a node's children, once where they are the same for every client. */
  ofChildren<T>(node: PolicyNode, make: () => T): T {
    if (this.#ofChildren.has(node)) return this.#ofChildren.get(node) as T;
    const made = make();
    if (!childrenOf(node).some((child) => this.#dependsOnClient(child))) {
      this.#ofChildren.set(node, made);
    }
    return made;
  }

  /** The node's outcome where it is the same for every client, worked out once. */
  sharedOutcome(node: PolicyNode, make: () => Outcome): Outcome {
    if (this.#dependsOnClient(node)) return make();
    let outcome = this.#outcomes.get(node);
    if (outcome === undefined) {
      outcome = make();
      this.#outcomes.set(node, outcome);
    }
    return outcome;
  }

  #dependsOnClient(node: PolicyNode): boolean {
    let depends = this.#depends.get(node);
    if (depends === undefined) {
      depends = dependsOnClient(node);
      this.#depends.set(node, depends);
    }
    return depends;
  }
}

/**
 * Counts who is healthy below a node: by weight, or by heads where every weight is 0. Members that are
 * drained or have no VIP of the family stand on neither side.
 */
function takeCensus(node: PolicyNode, standings: ReadonlyMap<string, Standing>): Census {
  const below = membersBelow(node).flatMap((name) => standings.get(name) ?? []);
  const counted = below.filter(({ drop }) => drop !== 'no-address' && drop !== 'drained');
  const eligible = counted.filter(({ drop }) => drop === undefined);
  const byHeads = counted.every(({ weight }) => weight === 0);
  const sum = (members: readonly Standing[]) =>
    members.reduce((total, { weight }) => total + (byHeads ? 1 : weight), 0);
  return {
    eligible,
    counted: counted.length,
    healthyShare: counted.length === 0 ? 0 : sum(eligible) / sum(counted),
    key: childKey(node),
  };
}
