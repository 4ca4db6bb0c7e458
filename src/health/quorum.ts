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
 * - `majority`: more than half of the voters and, where voters stand in two regions or more, more than
 *   half of those within each of at least two regions;
 * - `all`: every voter;
 * - n: at least n agents (or all known agents, when there are fewer), from two regions where voters
 *   stand in two and n is over 1;
 * - `any`: one agent.
 *
 * An agent without an opinion is no voter; without voters the verdict is unknown, never down
 * (invariant 7). `knownAgents` counts the agents of the fleet, silent ones included.
 */
export function judge(votes: readonly AgentVote[], quorum: Quorum, knownAgents: number): Ruling {
  const voters = votes.filter((vote) => vote.state !== 'unknown');
  const down = voters.filter((vote) => vote.state === 'down');
  const ruling = (verdict: Verdict, agreeing: number): Ruling => ({
    verdict,
    voters: voters.length,
    agreeing,
    downRegions: [...new Set(down.map((vote) => vote.region))],
  });
  if (voters.length === 0) return ruling('unknown', 0);
  if (isReached(voters, down, quorum, knownAgents)) return ruling('down', down.length);
  const notUp = voters.filter((vote) => vote.state !== 'up');
  if (isReached(voters, notUp, quorum, knownAgents)) {
    return ruling('degraded', notUp.length);
  }
  return ruling('up', voters.length - notUp.length);
}

function isReached(
  voters: readonly AgentVote[],
  saying: readonly AgentVote[],
  quorum: Quorum,
  knownAgents: number,
): boolean {
  if (saying.length === 0) return false;
  if (quorum === 'any' || quorum === 1) return true;
  if (quorum === 'all') return saying.length === voters.length;
  const present = countByRegion(voters);
  const agreeing = countByRegion(saying);
  if (quorum !== 'majority') {
    const needed = Math.min(quorum, Math.max(1, knownAgents));
    return saying.length >= needed && (present.size < 2 || agreeing.size >= 2);
  }
  if (saying.length * 2 <= voters.length) return false;
  if (present.size < 2) return true;
  let regions = 0;
  for (const [region, count] of agreeing) if (count * 2 > (present.get(region) ?? 0)) regions++;
  return regions >= 2;
}

function countByRegion(votes: readonly AgentVote[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { region } of votes) counts.set(region, (counts.get(region) ?? 0) + 1);
  return counts;
}

/**
 * The least number of further checks after which the ruling could be another, if every run of contrary
 * results that is under way goes on; undefined when none of them would change it.
 */
export function checksToChange(
  votes: readonly AgentVote[],
  quorum: Quorum,
  knownAgents: number,
): number | undefined {
  const steps = new Set<number>();
  for (const { next } of votes) if (next !== undefined) steps.add(next.checks);
  if (steps.size === 0) return undefined;
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
