import type { TraceStep } from './choice.ts';
import type { ClientFacts } from './client-facts.ts';
import { evaluateFailover } from './failover.ts';
import { evaluateGeo } from './geo.ts';
import type { Ground } from './ground.ts';
import { evaluateLatency } from './latency.ts';
import { evaluateLeastLoad } from './least-load.ts';
import { evaluateMember } from './member.ts';
import { evaluateNearest } from './nearest.ts';
import type { Outcome } from './outcome.ts';
import { evaluateRoundRobin } from './round-robin.ts';
import type { Census, Scope } from './scope.ts';
import { evaluateSticky } from './sticky.ts';
import type { PolicyNode } from './traffic.ts';
import { evaluateWeighted } from './weighted.ts';

/** One way through a policy tree for one client class, with or without a trace. */
export class Walk implements Scope {
  readonly facts: ClientFacts;
  readonly #ground: Ground;
  readonly #trace: TraceStep[] | undefined;
  #path = '';

  constructor(ground: Ground, facts: ClientFacts, trace?: TraceStep[]) {
    this.#ground = ground;
    this.facts = facts;
    this.#trace = trace;
  }

  census(node: PolicyNode): Census {
    return this.#ground.census(node);
  }

  isBelowMinimum(node: PolicyNode): boolean {
    return this.#ground.isBelowMinimum(node);
  }

  once<T>(node: PolicyNode, make: () => T): T {
    return this.#ground.once(node, make);
  }

  ofChildren<T>(node: PolicyNode, make: () => T): T {
    // A trace wants the children's steps each time.
    return this.#trace === undefined ? this.#ground.ofChildren(node, make) : make();
  }

  /** The whole tree's outcome: its steps' paths begin with the root's kind. */
  evaluate(node: PolicyNode, label = ''): Outcome {
    if (this.#trace === undefined) return this.#ground.sharedOutcome(node, () => this.#enter(node));
    const parent = this.#path;
    if (node.kind === 'member') {
      this.#path = `${parent}${label}`;
    } else {
      this.#path = parent === '' ? node.kind : `${parent}${label}.${node.kind}`;
    }
    // A parent stands before its children, though its note is known only after theirs.
    const at = this.#trace.length;
    const leaf = node.kind === 'member';
    if (!leaf) this.#trace.push({ path: this.#path, kind: node.kind, note: '', failed: false });
    const outcome = this.#enter(node);
    if (!leaf) this.#trace[at] = this.#stepOf(node, outcome);
    this.#path = parent;
    return outcome;
  }

  #enter(node: PolicyNode): Outcome {
    switch (node.kind) {
      case 'member':
        return evaluateMember(this.#ground.standings.get(node.member));
      case 'roundRobin':
        return evaluateRoundRobin(node, this);
      case 'weighted':
        return evaluateWeighted(node, this);
      case 'geo':
        return evaluateGeo(node, this);
      case 'nearest':
        return evaluateNearest(node, this);
      case 'latency':
        return evaluateLatency(node, this);
      case 'failover':
        return evaluateFailover(node, this);
      case 'sticky':
        return evaluateSticky(node, this);
      case 'leastLoad':
        return evaluateLeastLoad(node, this);
    }
  }

  #stepOf(node: PolicyNode, outcome: Outcome): TraceStep {
    let note = outcome.note();
    if (outcome.failed && outcome.pieces.length > 0) {
      const { counted, eligible, healthyShare } = this.census(node);
      const minimum = node.kind === 'member' ? undefined : node.minHealthy;
      const percent = `${Math.round(healthyShare * 100)} % of weight`;
      note += this.isBelowMinimum(node)
        ? `; ${eligible.length} of ${counted} members healthy (${percent}), less than minHealthy ` +
          `${minimum ?? this.#ground.input.service.minHealthy}`
        : '; no child is healthy enough';
    }
    return { path: this.#path, kind: node.kind, note, failed: outcome.failed };
  }
}
