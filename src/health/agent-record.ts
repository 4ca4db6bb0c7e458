import { type PackedReport, stateOf, wordsPerCheck } from './packed-report.ts';
import type { RegionTally } from './quorum.ts';
import type { CheckState } from './report.ts';

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
export interface AgentRecord {
  readonly agent: string;
  region: string;
  /** Where its votes are counted. */
  tally: RegionTally;
  /** Undefined for an agent that is expected but was not heard yet. */
  report: PackedReport | undefined;
  /** For one that was not heard yet: since when it is waited for. */
  receivedMs: number;
  /** Part of the fleet by configuration. */
  isEnrolled: boolean;
  /** Enrolled, and silent for so long that nobody waits for it: as if it was revoked. */
  isForgotten: boolean;
  /** The age up to which `expire` has announced what went stale. */
  expiredAgeMs: number;
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
  /** How long nothing was heard of it, milliseconds; absent: not long. */
  readonly silentMs?: number;
}

/** How the agents of one agent region are. */
export interface AgentRegion {
  readonly region: string;
  /** Agents that belong to the fleet, and how many of them are heard and well. */
  readonly agents: number;
  readonly fresh: number;
  /** How many of them are heard and not to be believed, as their canaries fail. */
  readonly unwell: number;
  /** How many of them were silent for so long that nobody waits for them. */
  readonly forgotten: number;
  /** Since the last word from there, milliseconds. */
  readonly silentMs: number;
}

/** What one agent last said of a check, for people to read. */
export interface AgentWord {
  readonly agent: string;
  readonly region: string;
  readonly receivedMs: number;
  /** True when it counts as a vote. */
  readonly counts: boolean;
  /** True when it was silent for so long that nobody waits for it. */
  readonly isForgotten: boolean;
  readonly state: CheckState;
}

/** Whose word on a check is asked for. */
export interface Question {
  readonly id: string;
  readonly staleAfterMs: number;
  /** Agents and agent regions that are asked; undefined: all. */
  readonly from: ReadonlySet<string> | undefined;
}

/** True when an agent's word on a check is a vote: fresh, and its canaries are well. */
export function counts(
  { receivedMs }: AgentRecord,
  { canariesOk }: PackedReport,
  { staleAfterMs }: Question,
  nowMs: number,
): boolean {
  return canariesOk && nowMs - receivedMs < staleAfterMs;
}

/** True when a check wants an agent's word. */
export function isAsked({ agent, region }: AgentRecord, from: Question['from']): boolean {
  return from === undefined || from.has(region) || from.has(agent);
}

/** True for an agent whose word is waited for. One that is heard and knows nothing is not. */
export function isMissed(record: AgentRecord, question: Question, nowMs: number): boolean {
  const { report, isForgotten } = record;
  if (isForgotten || (report !== undefined && counts(record, report, question, nowMs)))
    return false;
  const place = report?.layout.places.get(question.id);
  if (report === undefined || place === undefined) return true;
  return stateOf(report.words[place * wordsPerCheck] ?? 0) !== 'unknown';
}
