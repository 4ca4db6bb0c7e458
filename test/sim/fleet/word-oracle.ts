import type { Monitor } from '../../../src/health/monitor.ts';
import type { Report } from '../../../src/health/report.ts';
import type { Verdict } from '../../../src/health/verdict.ts';

/** What the quorum has to say, and from which regions it was said that a target is down. */
export interface OracleRuling {
  readonly verdict: Verdict;
  readonly downRegions: readonly string[];
  /** Whether anybody's word was fresh. */
  readonly heard: boolean;
}

interface Word {
  readonly region: string;
  readonly state: Verdict;
}

/** So long an agent that fell silent is waited for. */
const memoryMs = 3_600_000;

/** The quorum of DESIGN.md §6 by brute force: remembers every agent's last report, and counts. */
export class WordOracle {
  readonly #last = new Map<string, { report: Report; atMs: number }>();
  /** Agents that ever spoke, or did before a restart, and where they stand. */
  readonly #known = new Map<string, string>();

  /** Agents that were known before a restart. */
  expect(agents: readonly { readonly agent: string; readonly region: string }[]): void {
    for (const { agent, region } of agents) this.#known.set(agent, region);
  }

  /** How many regions agents are known to stand in. */
  get regionCount(): number {
    return new Set(this.#known.values()).size;
  }

  /**
   * The other agent regions whose word on a target is missed: agents that spoke within an hour, or
   * did before a restart, are silent or not well now, and had an opinion or said nothing yet.
   */
  missedBesides(region: string, target: string, monitor: Monitor, nowMs: number): string[] {
    const missed = new Set<string>();
    for (const [agent, home] of this.#known) {
      if (home === region) continue;
      const last = this.#last.get(agent);
      if (last === undefined) {
        missed.add(home);
        continue;
      }
      const ageMs = nowMs - last.atMs;
      if (ageMs >= memoryMs || (last.report.canariesOk && ageMs < staleMs(monitor))) continue;
      const said = last.report.results.find((result) => result.target === target);
      if (said?.state !== 'unknown') missed.add(home);
    }
    return [...missed].sort();
  }

  /** Takes a report that reaches a controller, by that controller's clock. */
  take(report: Report, nowMs: number): void {
    this.#known.set(report.agent, report.region);
    const before = this.#last.get(report.agent)?.report;
    const isOld =
      before !== undefined &&
      (report.boot < before.boot ||
        (report.boot === before.boot && report.sequence <= before.sequence));
    if (!isOld) this.#last.set(report.agent, { report, atMs: nowMs });
  }

  ruling(target: string, monitor: Monitor, nowMs: number): OracleRuling {
    const limitMs = staleMs(monitor);
    const fresh = [...this.#last.values()].filter(({ atMs }) => nowMs - atMs < limitMs);
    const words = fresh
      .filter(({ report }) => report.canariesOk)
      .flatMap(({ report }) =>
        report.results
          .filter((result) => result.target === target && result.state !== 'unknown')
          .map(({ state }): Word => ({ region: report.region, state })),
      );
    const down = words.filter(({ state }) => state === 'down');
    const notUp = words.filter(({ state }) => state !== 'up');
    const downRegions = [...new Set(down.map(({ region }) => region))];
    const known = this.#known.size;
    let verdict: Verdict = 'up';
    if (words.length === 0) verdict = 'unknown';
    else if (reaches(down, words, monitor.quorum, known)) verdict = 'down';
    else if (reaches(notUp, words, monitor.quorum, known)) verdict = 'degraded';
    return { verdict, downRegions, heard: words.length > 0 };
  }
}

function staleMs({ intervalMs }: Monitor): number {
  return Math.min(60_000, Math.max(3000, 3 * intervalMs));
}

function reaches(
  saying: readonly Word[],
  all: readonly Word[],
  quorum: Monitor['quorum'],
  known: number,
): boolean {
  if (saying.length === 0) return false;
  if (quorum === 'any' || quorum === 1) return true;
  if (quorum === 'all') return saying.length === all.length;
  const regions = [...new Set(all.map(({ region }) => region))];
  const inRegion = (words: readonly Word[], region: string) =>
    words.filter((word) => word.region === region).length;
  if (quorum === 'majority') {
    const agreeing = regions.filter((one) => inRegion(saying, one) > inRegion(all, one) / 2);
    return agreeing.length > regions.length / 2;
  }
  const enough = saying.length >= Math.min(quorum, Math.max(1, known));
  return enough && (regions.length === 1 || new Set(saying.map((one) => one.region)).size >= 2);
}
