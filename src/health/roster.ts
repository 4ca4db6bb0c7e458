import { limits } from '../base/limits.ts';
import {
  type AgentRecord,
  type AgentRegion,
  type AgentWord,
  type Count,
  counts,
  isAsked,
  isMissed,
  type KnownAgent,
  type Question,
} from './agent-record.ts';
import { Ballots } from './ballots.ts';
import type { CheckError } from './check-errors.ts';
import { type CheckMade, compareReports } from './compare-reports.ts';
import {
  errorOf,
  type Layout,
  nextOf,
  type PackedReport,
  packReport,
  stateOf,
  wordsPerCheck,
} from './packed-report.ts';
import type { AgentVote, RegionTally } from './quorum.ts';
import { isNewer, type Report, reportIntervalMs } from './report.ts';

/** Which checks must be judged again. */
export interface Touched {
  /** False when the report was older than what is known, or there are too many agents. */
  readonly accepted: boolean;
  /**
   * The set of known agents or of their regions changed: quorums of n agents are to be judged too.
   */
  readonly known: boolean;
  /** Checks on which an agent's vote differs. */
  readonly checks: ReadonlySet<string>;
  /** Checks for which only a run under way differs: what they come to can wait. */
  readonly runs: ReadonlySet<string>;
}

/** No word on a check is older than this and still counts; see `staleAfterMs`. */
const alwaysStaleMs = 60_000;
const silentMs = 3 * reportIntervalMs;
/** Steps in which silence is remembered over a restart: the disk need not hear of each second. */
const silenceStepMs = 600_000;
const nothing: ReadonlySet<string> = new Set();
const noAgent = { agents: 0, fresh: 0, unwell: 0, forgotten: 0, silentMs: Infinity };
const refused: Touched = { accepted: false, known: false, checks: nothing, runs: nothing };

/** Keeps the agents' latest reports (agent-record.ts); pure but for its memory. */
export class Roster {
  readonly #agents = new Map<string, AgentRecord>();
  readonly #tallies = new Map<string, RegionTally>();
  readonly #ballots = new Ballots();
  #forgotten = 0;

  /**
   * Takes a report; `made` is told of each check that it brings news of, with its connect time. Of an
   * agent that was silent only those checks are touched on which its word had gone stale: else one
   * late second of many agents would make the next one later.
   */
  accept(
    given: Report | PackedReport,
    nowMs: number,
    staleAfterMs: (check: string) => number | undefined,
    made?: CheckMade,
  ): Touched {
    const record = this.#agents.get(given.agent);
    const before = record?.report;
    const report = 'results' in given ? packReport(given, before?.layout) : given;
    if (record === undefined) {
      if (this.#agents.size >= limits.agents) return refused;
      const { agent, region } = report;
      const added = this.#add(agent, region, report.kept(undefined), false, nowMs);
      this.#ballots.update(added);
      return { accepted: true, known: true, checks: new Set(report.layout.ids), runs: nothing };
    }
    if (before !== undefined && !isNewer(report, before)) return refused;
    const silenceMs = nowMs - record.receivedMs;
    const moved = record.region !== report.region;
    if (moved) this.#move(record, report.region);
    record.receivedMs = nowMs;
    record.expiredAgeMs = 0;
    const isFound = this.#remember(record);
    if (before === undefined) {
      record.report = report.kept(undefined);
      this.#ballots.update(record);
      return { accepted: true, known: true, checks: new Set(report.layout.ids), runs: nothing };
    }
    const everything = moved || before.canariesOk !== report.canariesOk;
    const { checks, runs, places } = compareReports(before, report, made);
    record.report = report.kept(before);
    if (places?.length !== 0) this.#ballots.update(record, places);
    if (!everything && silenceMs < silentMs) return { accepted: true, known: false, checks, runs };
    const again = report.layout.ids.filter((id) => {
      return everything || silenceMs >= (staleAfterMs(id) ?? Number.POSITIVE_INFINITY);
    });
    return {
      accepted: true,
      known: moved || isFound,
      checks: new Set([...again, ...checks]),
      runs,
    };
  }

  /**
   * Knows of an agent from before a restart: it counts as one that is silent, until it reports or is
   * forgotten.
   */
  expect({ agent, region, silentMs = 0 }: KnownAgent, nowMs: number): void {
    if (!this.#agents.has(agent)) this.#await(agent, region, false, nowMs);
    const record = this.#agents.get(agent);
    if (record === undefined || record.report !== undefined) return;
    record.receivedMs = Math.min(record.receivedMs, nowMs - silentMs);
  }

  /** Every agent that is enrolled or reported within the last hour, and where it stands. */
  known(nowMs: number): KnownAgent[] {
    return [...this.#agents.values()].map(({ agent, region, receivedMs }) => {
      const steps = Math.floor((nowMs - receivedMs) / silenceStepMs);
      return { agent, region, ...(steps > 0 ? { silentMs: steps * silenceStepMs } : {}) };
    });
  }

  /** How the agents are, by agent region. */
  regions(nowMs: number): AgentRegion[] {
    const regions = new Map<string, AgentRegion>();
    for (const { region, report, receivedMs, isForgotten } of this.#agents.values()) {
      const { agents, fresh, unwell, forgotten, ...before } = regions.get(region) ?? noAgent;
      const isHeard = report !== undefined && nowMs - receivedMs < silentMs;
      regions.set(region, {
        region,
        agents: agents + 1,
        fresh: fresh + (isHeard && report.canariesOk ? 1 : 0),
        unwell: unwell + (isHeard && !report.canariesOk ? 1 : 0),
        forgotten: forgotten + (isForgotten ? 1 : 0),
        silentMs: Math.min(before.silentMs, nowMs - receivedMs),
      });
    }
    return [...regions.values()].sort((a, b) => (a.region < b.region ? -1 : 1));
  }

  /**
   * Finds what went stale since it was last asked, and forgets agents that were silent for an hour,
   * or for a day where they are enrolled. `staleAfterMs` gives a check's limit, undefined for checks
   * that are no more.
   */
  expire(nowMs: number, staleAfterMs: (check: string) => number | undefined): Touched {
    const checks = new Set<string>();
    let known = false;
    for (const [agent, record] of this.#agents) {
      const ageMs = nowMs - record.receivedMs;
      if (ageMs < silentMs) continue;
      this.#expireWords(record, ageMs, checks, staleAfterMs);
      if (ageMs >= limits.agentMemoryMs && !record.isEnrolled) {
        this.#agents.delete(agent);
        this.#ballots.remove(record);
        known = true;
      } else if (ageMs >= limits.enrolledMemoryMs && !record.isForgotten) {
        record.isForgotten = true;
        this.#forgotten++;
        known = true;
      }
    }
    if (known) this.#sweepTallies();
    return { accepted: true, known, checks, runs: nothing };
  }

  /**
   * Takes the agents that belong to the fleet: those that were enrolled before and are no more are
   * forgotten with all that they said.
   */
  enrol(agents: ReadonlyMap<string, string>, nowMs: number): Touched {
    const checks = new Set<string>();
    let known = false;
    for (const [agent, record] of this.#agents) {
      if (!record.isEnrolled || agents.has(agent)) continue;
      this.#remember(record);
      this.#agents.delete(agent);
      this.#ballots.remove(record);
      known = true;
      for (const id of record.report?.layout.ids ?? []) checks.add(id);
    }
    for (const [agent, region] of agents) {
      const record = this.#agents.get(agent);
      if (record !== undefined) {
        if (record.region !== region) {
          this.#move(record, region);
          known = true;
          for (const id of record.report?.layout.ids ?? []) checks.add(id);
        }
        record.isEnrolled = true;
      } else if (this.#await(agent, region, true, nowMs)) {
        known = true;
      }
    }
    if (known) this.#sweepTallies();
    return { accepted: true, known, checks, runs: nothing };
  }

  /** Counts the votes that count, without making an object of each. */
  count(question: Question, nowMs: number): Count {
    for (const tally of this.#tallies.values()) {
      tally.voters = 0;
      tally.notUp = 0;
      tally.down = 0;
    }
    const hasRuns = this.#ballots.count(question, nowMs);
    return { regions: this.#tallies.values(), hasRuns };
  }

  /** The error that most agents gave whose word counts and is not "up"; undefined without one. */
  commonError(question: Question, nowMs: number): CheckError | undefined {
    const counted = new Map<CheckError, number>();
    let most: CheckError | undefined;
    this.#each(question, (record, report, place) => {
      const word = report.words[place * wordsPerCheck] ?? 0;
      const error = errorOf(word);
      if (error === undefined || stateOf(word) === 'up') return;
      if (!counts(record, report, question, nowMs)) return;
      const count = (counted.get(error) ?? 0) + 1;
      counted.set(error, count);
      const best = most === undefined ? 0 : (counted.get(most) ?? 0);
      if (most === undefined || count > best || (count === best && error < most)) most = error;
    });
    return most;
  }

  /** The votes that count: fresh, and from agents whose canaries are well. */
  votes(question: Question, nowMs: number): AgentVote[] {
    const votes: AgentVote[] = [];
    this.#each(question, (record, report, place) => {
      if (!counts(record, report, question, nowMs)) return;
      const { agent, region } = record;
      const word = report.words[place * wordsPerCheck] ?? 0;
      const state = stateOf(word);
      const next = nextOf(word);
      votes.push(next === undefined ? { agent, region, state } : { agent, region, state, next });
    });
    return votes;
  }

  /**
   * Everything that agents last said of a check, by name of the agent: stale words included, and those
   * that are waited for and have said nothing.
   */
  words(question: Question, nowMs: number): AgentWord[] {
    const words: AgentWord[] = [];
    for (const record of this.#agents.values()) {
      const { agent, region, receivedMs, report, isForgotten } = record;
      if (!isAsked(record, question.from)) continue;
      const place = report?.layout.places.get(question.id);
      if (place === undefined && !isMissed(record, question, nowMs)) continue;
      const isVote = report !== undefined && counts(record, report, question, nowMs);
      const state =
        place === undefined || report === undefined
          ? { target: question.id, state: 'unknown' as const, forMs: 0 }
          : report.detail(place);
      words.push({ agent, region, receivedMs, counts: isVote, isForgotten, state });
    }
    return words.sort((a, b) => (a.agent < b.agent ? -1 : 1));
  }

  /**
   * The agent regions besides this one that belong to the fleet and whose word on a check is missed:
   * they had an opinion, or may have one, and are silent or not well. One region alone takes nothing
   * down while there are any (invariant 7).
   */
  awaited(question: Question, region: string, nowMs: number): string[] {
    return [...new Set(this.#missedRegions(question, region, nowMs))].sort();
  }

  /** True when there are any. */
  isAwaited(question: Question, region: string, nowMs: number): boolean {
    return this.#missedRegions(question, region, nowMs).next().done !== true;
  }

  *#missedRegions(question: Question, region: string, nowMs: number): Generator<string> {
    for (const record of this.#agents.values()) {
      if (record.region === region || !isAsked(record, question.from)) continue;
      if (isMissed(record, question, nowMs)) yield record.region;
    }
  }

  /** How many agents of the fleet are asked of a check: enrolled, or heard within the last hour. */
  agentCount(from: Question['from']): number {
    if (from === undefined) return this.#agents.size - this.#forgotten;
    let agents = 0;
    for (const record of this.#agents.values()) {
      if (!record.isForgotten && isAsked(record, from)) agents++;
    }
    return agents;
  }

  /** In how many regions these stand. */
  regionCount(from: Question['from']): number {
    const regions = new Set<string>();
    for (const record of this.#agents.values()) {
      if (!record.isForgotten && isAsked(record, from)) regions.add(record.region);
    }
    return regions.size;
  }

  /** One that was forgotten is heard again, or goes; true when it was. */
  #remember(record: AgentRecord): boolean {
    if (!record.isForgotten) return false;
    record.isForgotten = false;
    this.#forgotten--;
    return true;
  }

  /** Finds the checks on which an agent's word went stale since it was last asked. */
  #expireWords(
    record: AgentRecord,
    ageMs: number,
    checks: Set<string>,
    staleAfterMs: (check: string) => number | undefined,
  ): void {
    if (record.report === undefined || record.expiredAgeMs >= alwaysStaleMs) return;
    for (const target of record.report.layout.ids) {
      const limitMs = staleAfterMs(target);
      if (limitMs !== undefined && record.expiredAgeMs < limitMs && ageMs >= limitMs) {
        checks.add(target);
      }
    }
    record.expiredAgeMs = ageMs;
  }

  /** Makes room for an agent that was not heard yet; false when there are too many. */
  #await(agent: string, region: string, isEnrolled: boolean, nowMs: number): boolean {
    if (this.#agents.size >= limits.agents) return false;
    this.#add(agent, region, undefined, isEnrolled, nowMs);
    return true;
  }

  #add(
    agent: string,
    region: string,
    report: PackedReport | undefined,
    isEnrolled: boolean,
    nowMs: number,
  ): AgentRecord {
    const record: AgentRecord = {
      ...{ agent, region, report, isEnrolled },
      tally: this.#tallyOf(region),
      receivedMs: nowMs,
      isForgotten: false,
      expiredAgeMs: 0,
    };
    this.#agents.set(agent, record);
    return record;
  }

  #tallyOf(region: string): RegionTally {
    let tally = this.#tallies.get(region);
    if (tally === undefined) {
      tally = { region, voters: 0, notUp: 0, down: 0 };
      this.#tallies.set(region, tally);
    }
    return tally;
  }

  #move(record: AgentRecord, region: string): void {
    record.region = region;
    record.tally = this.#tallyOf(region);
  }

  /** Lets go of regions in which nobody stands any more. */
  #sweepTallies(): void {
    const inUse = new Set([...this.#agents.values()].map(({ region }) => region));
    for (const region of this.#tallies.keys()) if (!inUse.has(region)) this.#tallies.delete(region);
  }

  /** Calls back for each agent that is asked and has a word on a check. */
  #each(
    { id, from }: Question,
    take: (record: AgentRecord, report: PackedReport, place: number) => void,
  ): void {
    let layout: Layout | undefined;
    let place: number | undefined;
    for (const record of this.#agents.values()) {
      const { report } = record;
      if (report === undefined || !isAsked(record, from)) continue;
      // Agents of one plan have one layout, which saves most look-ups.
      if (report.layout !== layout) {
        layout = report.layout;
        place = layout.places.get(id);
      }
      if (place !== undefined) take(record, report, place);
    }
  }
}
