import { limits } from '../base/limits.ts';
import { type CheckMade, compareReports } from './compare-reports.ts';
import {
  type Layout,
  nextOf,
  type PackedReport,
  packReport,
  stateOf,
  wordsPerCheck,
} from './packed-report.ts';
import type { AgentVote, RegionTally } from './quorum.ts';
import { type CheckState, isNewer, type Report, reportIntervalMs } from './report.ts';

/**
 * The latest report of each agent, and whether it still counts.
 *
 *   agent ─▶ boot, sequence, received at, canaries ok
 *            words [ 4 per check ]     layout: check ─▶ place, one for all agents of a plan
 *
 * Of each agent only the greatest (boot, sequence) is kept, so that order and repetition of
 * arrivals cannot matter; age is counted by the receiver's monotonic clock from arrival. Taking a
 * report costs two comparisons per check for what is unchanged (bench/fleet.ts).
 */
interface AgentRecord {
  readonly agent: string;
  region: string;
  /** Where its votes are counted. */
  tally: RegionTally;
  /** Undefined for an agent that is expected but was not heard yet. */
  report: PackedReport | undefined;
  receivedMs: number;
  /** When it last was one whose word counts. */
  countedMs: number;
  /** Part of the fleet by configuration; silence does not make it forgotten. */
  isEnrolled: boolean;
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
  /** Checks on which an agent's vote differs. */
  readonly checks: ReadonlySet<string>;
  /** Checks for which only a run under way differs: what they come to can wait. */
  readonly runs: ReadonlySet<string>;
}

/** Counted votes on a check; good until the next are counted. */
export interface Count {
  readonly regions: Iterable<RegionTally>;
  /** True when an agent has a run under way that may change its vote. */
  readonly hasRuns: boolean;
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

/** Whose word on a check is asked for. */
export interface Question {
  readonly id: string;
  readonly staleAfterMs: number;
  /** Agents and agent regions that are asked; undefined: all. */
  readonly from: ReadonlySet<string> | undefined;
}

/** No word on a check is older than this and still counts; see `staleAfterMs`. */
const alwaysStaleMs = 60_000;
const silentMs = 3 * reportIntervalMs;
/** So long a region that fell silent is waited for before another decides alone, milliseconds. */
export const regionMemoryMs = 600_000;
/** And so long one that is enrolled but was never heard. */
const firstWordMs = 60_000;
const nothing: ReadonlySet<string> = new Set();
const refused: Touched = { accepted: false, known: false, checks: nothing, runs: nothing };
const runChecksMask = 0x0000_ff00;

/** Keeps the agents' latest reports; pure but for its memory. */
export class Roster {
  readonly #agents = new Map<string, AgentRecord>();
  readonly #tallies = new Map<string, RegionTally>();

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
      const { agent, region, canariesOk } = report;
      this.#agents.set(agent, {
        agent,
        region,
        tally: this.#tallyOf(region),
        report,
        receivedMs: nowMs,
        countedMs: canariesOk ? nowMs : Number.NEGATIVE_INFINITY,
        isEnrolled: false,
        expiredAgeMs: 0,
      });
      return { accepted: true, known: true, checks: new Set(report.layout.ids), runs: nothing };
    }
    if (before !== undefined && !isNewer(report, before)) return refused;
    const silenceMs = nowMs - record.receivedMs;
    const moved = record.region !== report.region;
    if (moved) this.#move(record, report.region);
    record.report = report;
    record.receivedMs = nowMs;
    if (report.canariesOk) record.countedMs = nowMs;
    record.expiredAgeMs = 0;
    if (before === undefined) {
      return { accepted: true, known: true, checks: new Set(report.layout.ids), runs: nothing };
    }
    const everything = moved || before.canariesOk !== report.canariesOk;
    const { checks, runs } = compareReports(before, report, made);
    if (!everything && silenceMs < silentMs) return { accepted: true, known: false, checks, runs };
    const again = report.layout.ids.filter((id) => {
      return everything || silenceMs >= (staleAfterMs(id) ?? Number.POSITIVE_INFINITY);
    });
    return { accepted: true, known: moved, checks: new Set([...again, ...checks]), runs };
  }

  /**
   * Knows of an agent from before a restart: it counts as one that is silent, until it reports or has
   * been silent for an hour.
   */
  expect({ agent, region }: KnownAgent, nowMs: number): void {
    if (!this.#agents.has(agent)) this.#await(agent, region, false, nowMs);
  }

  /** Every agent that is enrolled or reported within the last hour, and where it stands. */
  known(): KnownAgent[] {
    return [...this.#agents.values()].map(({ agent, region }) => ({ agent, region }));
  }

  /**
   * Finds what went stale since it was last asked, and forgets agents that were silent for an hour
   * and are not enrolled. `staleAfterMs` gives a check's limit, undefined for checks that are no
   * more.
   */
  expire(nowMs: number, staleAfterMs: (check: string) => number | undefined): Touched {
    const checks = new Set<string>();
    let known = false;
    for (const [agent, record] of this.#agents) {
      const ageMs = nowMs - record.receivedMs;
      if (ageMs < silentMs) continue;
      if (ageMs >= limits.agentMemoryMs && !record.isEnrolled) {
        this.#agents.delete(agent);
        known = true;
        continue;
      }
      if (record.report === undefined || record.expiredAgeMs >= alwaysStaleMs) continue;
      for (const target of record.report.layout.ids) {
        const limitMs = staleAfterMs(target);
        if (limitMs !== undefined && record.expiredAgeMs < limitMs && ageMs >= limitMs) {
          checks.add(target);
        }
      }
      record.expiredAgeMs = ageMs;
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
      this.#agents.delete(agent);
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
    const { id, from, staleAfterMs } = question;
    for (const tally of this.#tallies.values()) {
      tally.voters = 0;
      tally.notUp = 0;
      tally.down = 0;
    }
    let layout: Layout | undefined;
    let at = -1;
    let runs = 0;
    for (const record of this.#agents.values()) {
      const { report, tally } = record;
      if (report === undefined || !isAsked(record, from)) continue;
      if (report.layout !== layout) {
        layout = report.layout;
        at = (layout.places.get(id) ?? -1) * wordsPerCheck;
      }
      if (at < 0 || !report.canariesOk || nowMs - record.receivedMs >= staleAfterMs) continue;
      const word = report.words[at] ?? 0;
      runs |= word & runChecksMask;
      const code = word & 3;
      if (code === 0) continue;
      tally.voters++;
      if (code >= 2) tally.notUp++;
      if (code === 3) tally.down++;
    }
    return { regions: this.#tallies.values(), hasRuns: runs !== 0 };
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

  /** Everything that agents last said of a check, stale words included, by name of the agent. */
  words(question: Question, nowMs: number): AgentWord[] {
    const words: AgentWord[] = [];
    this.#each(question, (record, report, place) => {
      const { agent, region, receivedMs } = record;
      const isVote = counts(record, report, question, nowMs);
      words.push({ agent, region, receivedMs, counts: isVote, state: report.detail(place) });
    });
    return words.sort((a, b) => (a.agent < b.agent ? -1 : 1));
  }

  /**
   * True when another agent region than this one had an opinion on a check, fell silent and may yet
   * come back, or is enrolled and may yet be heard: its word is worth waiting for.
   */
  isAwaited(question: Question, region: string, nowMs: number): boolean {
    for (const record of this.#agents.values()) {
      if (record.region === region || !isAsked(record, question.from)) continue;
      if (nowMs - record.countedMs >= regionMemoryMs) continue;
      const { report } = record;
      if (report === undefined) return true;
      const place = report.layout.places.get(question.id);
      if (place === undefined || counts(record, report, question, nowMs)) continue;
      if (stateOf(report.words[place * wordsPerCheck] ?? 0) !== 'unknown') return true;
    }
    return false;
  }

  /** How many agents are enrolled or reported within the last hour. */
  get agentCount(): number {
    return this.#agents.size;
  }

  /** In how many regions these stand. */
  regionCount(): number {
    return new Set([...this.#agents.values()].map(({ region }) => region)).size;
  }

  /** Makes room for an agent that was not heard yet; false when there are too many. */
  #await(agent: string, region: string, isEnrolled: boolean, nowMs: number): boolean {
    if (this.#agents.size >= limits.agents) return false;
    this.#agents.set(agent, {
      ...{ agent, region, isEnrolled },
      tally: this.#tallyOf(region),
      report: undefined,
      receivedMs: nowMs,
      countedMs: nowMs - regionMemoryMs + firstWordMs,
      expiredAgeMs: 0,
    });
    return true;
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

function counts(
  { receivedMs }: AgentRecord,
  { canariesOk }: PackedReport,
  { staleAfterMs }: Question,
  nowMs: number,
): boolean {
  return canariesOk && nowMs - receivedMs < staleAfterMs;
}

function isAsked({ agent, region }: AgentRecord, from: Question['from']): boolean {
  return from === undefined || from.has(region) || from.has(agent);
}
