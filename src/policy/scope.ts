import type { ClientFacts } from './client-facts.ts';
import type { Standing } from './eligibility.ts';
import type { Outcome } from './outcome.ts';
import type { PolicyNode } from './traffic.ts';

/** What is the same for every client about a node: who is below it and how they stand. */
export interface Census {
  /** Eligible members below, each once, in the order of the tree. */
  readonly eligible: readonly Standing[];
  /** Members below that count: with VIPs of the family and not drained. */
  readonly counted: number;
  /** Share of the counted members that is healthy, by weight, 0 to 1; 0 when none counts. */
  readonly healthyShare: number;
  /** What sticky nodes know the node by. */
  readonly key: number;
}

/** What a policy kind may ask while it evaluates one node for one client class. */
export interface Scope {
  readonly facts: ClientFacts;
  census(node: PolicyNode): Census;
  /** Evaluates a child; `label` is its place in the node as written: `[0]`, `.else`. */
  evaluate(child: PolicyNode, label: string): Outcome;
  /** True when the node's healthy share is below its `minHealthy`, else the service's. */
  isBelowMinimum(node: PolicyNode): boolean;
  /**
   * Keeps what is made of a node's children for as long as they are the same for every client: with
   * thousands of client classes, most of the work of compiling would be to make it again.
   */
  ofChildren<T>(node: PolicyNode, make: () => T): T;
  /** Keeps what is worked out once per node, such as an index of its rules. */
  once<T>(node: PolicyNode, make: () => T): T;
}
