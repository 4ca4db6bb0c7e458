import { limits } from '../base/limits.ts';
import type { AgentVote } from './quorum.ts';
import { type CheckState, isNewer, type Report, reportIntervalMs } from './report.ts';

/**
 * The latest report of each agent, and whether it still counts.
 *
 *   agent ─▶ boot, sequence, received at, canaries ok
 *            results [ target, state, … ]   index: target ─▶ place in results
 *
 * Of each agent only the greatest (boot, sequence) is kept, so that order and repetition of
 * arrivals cannot matter; age is counted by the receiver's monotonic clock from arrival.
 */
interface AgentRecord {
  report: Report;
  receivedMs: number;
  index: ReadonlyMap<string, number>;
  /** The age up to which `expire` has announced what went stale. */
  expiredAgeMs: number;
}

/** Which checks must be judged again. */
export interface Touched {
  /** False when the report was older than what is known, or there are too many agents. */
  readonly accepted: boolean;
  /**
   * The set of known agents or of their regions changed: quorums of n agents are to be judged too.
   */
  readonly known: boolean;
  readonly checks: ReadonlySet<string>;
}

/** An agent of the fleet and the region that it stands in. */
export interface KnownAgent {
  readonly agent: string;
  readonly region: string;
}

/** What one agent last said of a check, for people to read. */
export interface AgentWord {
  readonly agent: string;
  readonly region: string;
  readonly receivedMs: number;
  /** True when it counts as a vote. */
  readonly counts: boolean;
  readonly state: CheckState;
}

/** No word on a check is older than this and still counts; see `staleAfterMs`. */
const alwaysStaleMs = 60_000;
const silentMs = 3 * reportIntervalMs;
const nothing: ReadonlySet<string> = new Set();

/** Keeps the agents' latest reports; pure but for its memory. */
export class Roster {
  readonly #agents = new Map<string, AgentRecord>();

  /**
   * Takes a report; in the usual case one pass over its results, with no look-up for what is
   * unchanged.
   */
  accept(report: Report, nowMs: number): Touched {
    const known = this.#agents.get(report.agent);
    if (known === undefined) {
      if (this.#agents.size >= limits.agents)
        return { accepted: false, known: false, checks: nothing };
      this.#agents.set(report.agent, {
        report,
        receivedMs: nowMs,
        index: indexOf(report),
        expiredAgeMs: 0,
      });
      return { accepted: true, known: true, checks: targetsOf(report) };
    }
    if (!isNewer(report, known.report)) return { accepted: false, known: false, checks: nothing };
    const before = known.report;
    const wasSilent = nowMs - known.receivedMs >= silentMs;
    const samePlan = hasSameTargets(before, report);
    const beforeIndex = known.index;
    if (!samePlan) known.index = indexOf(report);
    known.report = report;
    known.receivedMs = nowMs;
    known.expiredAgeMs = 0;
    const moved = before.region !== report.region;
    const everything = wasSilent || moved || before.canariesOk !== report.canariesOk;
    const checks = new Set<string>();
    for (const [place, result] of report.results.entries()) {
      const old = before.results[samePlan ? place : (beforeIndex.get(result.target) ?? -1)];
      if (everything || old === undefined || !sameVote(old, result)) checks.add(result.target);
    }
    if (!samePlan) {
      for (const { target } of before.results) if (!known.index.has(target)) checks.add(target);
    }
    return { accepted: true, known: moved, checks };
  }

  /**
   * Knows of an agent that has not reported yet: it counts as one that is silent, until it reports
   * or has been silent for an hour.
   */
  expect({ agent, region }: KnownAgent, nowMs: number): void {
    if (this.#agents.has(agent) || this.#agents.size >= limits.agents) return;
    const report: Report = {
      agent,
      region,
      boot: Number.NEGATIVE_INFINITY,
      sequence: 0,
      canariesOk: true,
      results: [],
    };
    const index = new Map<string, number>();
    this.#agents.set(agent, { report, receivedMs: nowMs, index, expiredAgeMs: 0 });
  }

  /** Every agent of the last hour and where it stands, silent ones included. */
  known(): KnownAgent[] {
    return [...this.#agents.values()].map(({ report: { agent, region } }) => ({ agent, region }));
  }

  /**
   * Finds what went stale since it was last asked, and forgets agents that were silent for an hour.
   * `staleAfterMs` gives a check's limit, undefined for checks that are no more.
   */
  expire(nowMs: number, staleAfterMs: (check: string) => number | undefined): Touched {
    const checks = new Set<string>();
    let known = false;
    for (const [agent, record] of this.#agents) {
      const ageMs = nowMs - record.receivedMs;
      if (ageMs < silentMs) continue;
      if (ageMs >= limits.agentMemoryMs) {
        this.#agents.delete(agent);
        known = true;
        continue;
      }
      if (record.expiredAgeMs >= alwaysStaleMs) continue;
      for (const { target } of record.report.results) {
        const limitMs = staleAfterMs(target);
        if (limitMs !== undefined && record.expiredAgeMs < limitMs && ageMs >= limitMs) {
          checks.add(target);
        }
      }
      record.expiredAgeMs = ageMs;
    }
    return { accepted: true, known, checks };
  }

  /** The votes that count: fresh, and from agents whose canaries are well. */
  votes(check: string, staleAfterMs: number, nowMs: number): AgentVote[] {
    const votes: AgentVote[] = [];
    let place = -1;
    for (const { report, receivedMs, index } of this.#agents.values()) {
      if (!report.canariesOk || nowMs - receivedMs >= staleAfterMs) continue;
      // Agents of one plan have their results in one order, which saves most look-ups.
      if (report.results[place]?.target !== check) place = index.get(check) ?? -1;
      const result = report.results[place];
      if (result === undefined) continue;
      const { agent, region } = report;
      const { state, next } = result;
      votes.push(next === undefined ? { agent, region, state } : { agent, region, state, next });
    }
    return votes;
  }

  /** Everything that agents last said of a check, stale words included, by name of the agent. */
  words(check: string, staleAfterMs: number, nowMs: number): AgentWord[] {
    const words: AgentWord[] = [];
    for (const { report, receivedMs, index } of this.#agents.values()) {
      const state = report.results[index.get(check) ?? -1];
      if (state === undefined) continue;
      const counts = report.canariesOk && nowMs - receivedMs < staleAfterMs;
      words.push({ agent: report.agent, region: report.region, receivedMs, counts, state });
    }
    return words.sort((a, b) => (a.agent < b.agent ? -1 : 1));
  }

  /** How many agents reported within the last hour. */
  get agentCount(): number {
    return this.#agents.size;
  }

  /** In how many regions these stand. */
  regionCount(): number {
    return new Set([...this.#agents.values()].map(({ report }) => report.region)).size;
  }
}

function targetsOf(report: Report): Set<string> {
  return new Set(report.results.map(({ target }) => target));
}

function indexOf(report: Report): Map<string, number> {
  return new Map(report.results.map(({ target }, place) => [target, place]));
}

function hasSameTargets(a: Report, b: Report): boolean {
  if (a.results.length !== b.results.length) return false;
  return b.results.every(({ target }, place) => a.results[place]?.target === target);
}

function sameVote(a: CheckState, b: CheckState): boolean {
  return (
    a.state === b.state && a.next?.state === b.next?.state && a.next?.checks === b.next?.checks
  );
}
