import type { Monitor } from './monitor.ts';
import type { Verdict } from './verdict.ts';

/** What one agent says of a target. Only fresh agents with good canaries are asked. */
export interface AgentVote {
  readonly agent: string;
  readonly region: string;
  readonly state: Verdict;
  /** `CheckState.next`. */
  readonly next?: { readonly state: Verdict; readonly checks: number };
}

/** The fleet's word on a target before damping, and whose word it was. */
export interface Ruling {
  readonly verdict: Verdict;
  /** Agents that had an opinion. */
  readonly voters: number;
  /** Of these, those that say the verdict or worse; for `up`, those that say up. */
  readonly agreeing: number;
  /** Distinct regions of the agents that say down. */
  readonly downRegions: readonly string[];
}

type Quorum = Monitor['quorum'];

/**
 * Judges a target. A state is reached when enough voters say it **or worse**:
 *
 * - `majority`: each agent region votes by the majority of its own voters, and more than half of the
 *   regions say so; so where voters stand in two regions or more, at least two agree, however many
 *   agents one of them has;
 * - `all`: every voter;
 * - n: at least n agents (or all known agents, when there are fewer), from two regions where voters
 *   stand in two and n is over 1;
 * - `any`: one agent.
 *
 * An agent without an opinion is no voter; without voters the verdict is unknown, never down
 * (invariant 7). `knownAgents` counts the agents of the fleet that are asked, silent ones included.
 */
export function judge(votes: readonly AgentVote[], quorum: Quorum, knownAgents: number): Ruling {
  return judgeTallies(count(votes), quorum, knownAgents);
}

/** The same from the counted votes of each agent region; those without a voter do not matter. */
export function judgeTallies(
  counted: Iterable<RegionTally>,
  quorum: Quorum,
  knownAgents: number,
): Ruling {
  const all: Tally = { voters: 0, down: 0, notUp: 0 };
  const regions: Tally[] = [];
  const downRegions: string[] = [];
  for (const tally of counted) {
    if (tally.voters === 0) continue;
    all.voters += tally.voters;
    all.down += tally.down;
    all.notUp += tally.notUp;
    regions.push(tally);
    if (tally.down > 0) downRegions.push(tally.region);
  }
  const ruling = (verdict: Verdict, agreeing: number): Ruling => {
    return { verdict, voters: all.voters, agreeing, downRegions };
  };
  if (all.voters === 0) return ruling('unknown', 0);
  if (isReached('down', all, regions, quorum, knownAgents)) return ruling('down', all.down);
  if (isReached('notUp', all, regions, quorum, knownAgents)) return ruling('degraded', all.notUp);
  return ruling('up', all.voters - all.notUp);
}

/** How many have an opinion, and how many of these say down, or degraded and worse. */
interface Tally {
  voters: number;
  down: number;
  notUp: number;
}

/** The votes of one agent region. */
export interface RegionTally extends Tally {
  readonly region: string;
}

function count(votes: readonly AgentVote[]): Iterable<RegionTally> {
  const regions = new Map<string, RegionTally>();
  for (const { region, state } of votes) {
    if (state === 'unknown') continue;
    let own = regions.get(region);
    if (own === undefined) {
      own = { region, voters: 0, down: 0, notUp: 0 };
      regions.set(region, own);
    }
    own.voters++;
    if (state === 'up') continue;
    own.notUp++;
    if (state !== 'down') continue;
    own.down++;
  }
  return regions.values();
}

function isReached(
  what: 'down' | 'notUp',
  all: Tally,
  regions: readonly Tally[],
  quorum: Quorum,
  knownAgents: number,
): boolean {
  const saying = all[what];
  if (saying === 0) return false;
  if (quorum === 'any' || quorum === 1) return true;
  if (quorum === 'all') return saying === all.voters;
  const ofTwoRegions = (agrees: (region: Tally) => boolean): boolean => {
    if (regions.length < 2) return true;
    let agreeing = 0;
    for (const region of regions) if (agrees(region)) agreeing++;
    return agreeing >= 2;
  };
  if (quorum === 'majority') {
    let agreeing = 0;
    for (const own of regions) if (own[what] * 2 > own.voters) agreeing++;
    return agreeing * 2 > regions.length;
  }
  const needed = Math.min(quorum, Math.max(1, knownAgents));
  return saying >= needed && ofTwoRegions((own) => own[what] > 0);
}

/**
 * The least number of further checks after which the ruling could be another, if every run of
 * contrary results that is under way goes on; undefined when none of them would change it.
 */
export function checksToChange(
  votes: readonly AgentVote[],
  quorum: Quorum,
  knownAgents: number,
): number | undefined {
  // Most of the time nobody has a run under way.
  if (!votes.some(({ next }) => next !== undefined)) return undefined;
  const steps = new Set<number>();
  for (const { next } of votes) if (next !== undefined) steps.add(next.checks);
  const now = judge(votes, quorum, knownAgents).verdict;
  for (const checks of [...steps].sort((a, b) => a - b)) {
    const then = votes.map((vote) =>
      vote.next !== undefined && vote.next.checks <= checks
        ? { ...vote, state: vote.next.state }
        : vote,
    );
    if (judge(then, quorum, knownAgents).verdict !== now) return checks;
  }
  return undefined;
}
