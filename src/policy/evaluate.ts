import type { ClientClass } from '../geo/client.ts';
import type { ServiceHealth } from '../health/verdict.ts';
import type { EstimateLatency } from '../latency/estimate.ts';
import type { Choice, Evaluation, MemberTrace, TraceStep } from './choice.ts';
import { ClientFacts } from './client-facts.ts';
import { type Standing, standingsFailingOpen, standingsOf, wholeMember } from './eligibility.ts';
import { Ground, type GroundInput } from './ground.ts';
import { settle } from './outcome.ts';
import { rotationPieces } from './rotation.ts';
import { SequenceMemo } from './sequence-memo.ts';
import { choiceMembers, choiceShares } from './shares.ts';
import type { PolicyNode, Region, Service } from './traffic.ts';
import { nodesOf } from './tree.ts';
import { Walk } from './walk.ts';

/** What is asked of a policy; equal questions have equal answers (invariant 14). */
export interface Question {
  readonly name: string;
  readonly service: Service;
  readonly regions: ReadonlyMap<string, Region>;
  readonly health: ServiceHealth;
  readonly estimate: EstimateLatency;
  readonly client: ClientClass;
  /** 4 asks for A, 6 for AAAA. */
  readonly family: 4 | 6;
}

/** What a policy decides for one client class; all that is compiled. */
export interface Decision {
  readonly choice: Choice;
  readonly ttlSeconds: number;
  /** True when nothing in the policy was eligible and `whenAllDown` decided. */
  readonly failedOpen: boolean;
}

/** Decides for one client class and explains: why so, who is in, who is out and for what reason. */
export function evaluate(question: Question): Evaluation {
  const decider = new Decider(question);
  const facts = new ClientFacts(question.client, question.estimate);
  const trace: TraceStep[] = [];
  const decision = decider.decide(facts, trace);
  const members = traceMembers(question, decider.standings, decision.choice, facts);
  return { ...decision, trace, members };
}

/** Decides for many client classes on the same health; used by `compileService` and simulations. */
export class Decider {
  readonly #input: GroundInput;
  readonly #ground: Ground;
  readonly #canServe: boolean;
  readonly #settled = new SequenceMemo<Choice>();
  #open: { readonly ground: Ground; readonly spare: Choice | undefined } | undefined;

  constructor(input: GroundInput) {
    this.#input = input;
    this.#ground = new Ground(input, standingsOf(input));
    this.#canServe = this.#ground.census(input.service.policy).eligible.length > 0;
  }

  /** How every member stands, by name. */
  get standings(): ReadonlyMap<string, Standing> {
    return this.#ground.standings;
  }

  decide(facts: ClientFacts, trace?: TraceStep[]): Decision {
    const { policy } = this.#input.service;
    const outcome = new Walk(this.#ground, facts, trace).evaluate(policy);
    if (this.#canServe) {
      const choice = this.#settled.get([outcome.pieces], () => settle(outcome.pieces));
      return { choice, ttlSeconds: this.#ttlOf(choice), failedOpen: false };
    }
    const configured = [...this.standings.values()].some(({ drop }) => drop !== 'no-address');
    if (!configured) {
      note(trace, false, 'no member has an address of this family: NODATA');
      return {
        choice: { kind: 'empty' },
        ttlSeconds: this.#input.service.ttl.max,
        failedOpen: false,
      };
    }
    const choice = this.#whenAllDown(facts, trace);
    return { choice, ttlSeconds: this.#ttlOf(choice), failedOpen: true };
  }

  #whenAllDown(facts: ClientFacts, trace: TraceStep[] | undefined): Choice {
    const { whenAllDown } = this.#input.service;
    if (whenAllDown === 'nodata') {
      note(trace, true, 'nothing is eligible; whenAllDown: nodata');
      return { kind: 'empty' };
    }
    if (whenAllDown !== 'all') {
      const named = wholeMember(this.#input, whenAllDown.member);
      note(trace, true, `nothing is eligible; whenAllDown: ${whenAllDown.member}`);
      if (named !== undefined) return named.choice;
      note(trace, true, `${whenAllDown.member} has no address of this family; all instead`);
    }
    this.#open ??= this.#openUp();
    const { ground, spare } = this.#open;
    if (spare !== undefined) {
      note(
        trace,
        true,
        'nothing in the policy is eligible; whenAllDown: all, members outside of it',
      );
      return spare;
    }
    note(trace, true, 'nothing is eligible; whenAllDown: all, as though health were unknown');
    return settle(new Walk(ground, facts, trace).evaluate(this.#input.service.policy).pieces);
  }

  /**
   * What serves when the policy has nothing: healthy members that it does not name, else the policy over
   * members that are not drained, else over all; where it names none of those, these in rotation.
   */
  #openUp(): { ground: Ground; spare: Choice | undefined } {
    const outside = [...this.standings.values()].filter(({ drop }) => drop === undefined);
    const ground = new Ground(this.#input, standingsFailingOpen(this.#input));
    const unnamed =
      ground.census(this.#input.service.policy).eligible.length > 0
        ? []
        : [...ground.standings.values()].filter(({ drop }) => drop === undefined);
    const spare = outside.length > 0 ? outside : unnamed;
    return { ground, spare: spare.length > 0 ? rotationOf(spare) : undefined };
  }

  #ttlOf(choice: Choice): number {
    const { min, max } = this.#input.service.ttl;
    if (min >= max) return max;
    let least = max;
    for (const member of choiceMembers(choice)) {
      least = Math.min(least, this.standings.get(member)?.secondsToChange ?? max);
    }
    return Math.max(min, Math.floor(least));
  }
}

function rotationOf(standings: readonly Standing[]): Choice {
  const pieces = standings.map(({ choice }) => ({ pieces: [{ upTo: 1, choice }] }));
  return settle(rotationPieces(pieces, Number.POSITIVE_INFINITY));
}

function note(trace: TraceStep[] | undefined, failed: boolean, text: string): void {
  trace?.push({ path: 'whenAllDown', kind: 'whenAllDown', note: text, failed });
}

function traceMembers(
  { service }: Question,
  standings: ReadonlyMap<string, Standing>,
  choice: Choice,
  facts: ClientFacts,
): readonly MemberTrace[] {
  const shares = choiceShares(choice);
  const timed = usesLatency(service.policy);
  return [...standings.values()].map((standing): MemberTrace => {
    const share = shares.get(standing.member) ?? 0;
    const chosen = share > 0;
    const unwanted = standing.weight === 0 ? 'weight-0' : 'not-chosen';
    const distance = facts.distanceKm(standing.region, standing.coordinates);
    const { region, coordinates } = standing;
    const takes = standing.keep * standing.spill;
    const latency = timed ? facts.latency(region, coordinates) : undefined;
    return {
      member: standing.member,
      chosen,
      ...(chosen ? {} : { dropped: standing.drop ?? unwanted }),
      share,
      weight: standing.weight,
      ...(takes === 1 ? {} : { takes }),
      ...(distance === undefined ? {} : { distanceKm: distance }),
      ...(latency === undefined
        ? {}
        : {
            latencyMs: latency.ms,
            latencySource: latency.source,
            latencySamples: latency.samples,
          }),
    };
  });
}

function usesLatency(policy: PolicyNode): boolean {
  for (const { kind } of nodesOf(policy)) if (kind === 'latency') return true;
  return false;
}
