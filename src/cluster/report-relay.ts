import { Relay, type RelayParts } from './relay.ts';

/** Whose report it is, and which. */
export interface ReportName {
  readonly agent: string;
  readonly boot: number;
  readonly sequence: number;
}

export interface ReportRelayParts extends Omit<RelayParts, 'stream' | 'gatherMs' | 'hasOthers'> {
  /** Ids of the other controllers that live. */
  others(): readonly string[];
}

/** `[agent, boot, sequence]`: what a controller has last heard of an agent from itself. */
type Heard = readonly [string, number, number];

const tellMs = 500;
/** What one message costs is most of what one report in it does: they travel by the dozen. */
const gatherMs = 50;
/** So old what a controller has heard is no longer told, or believed of another: several tellings may be late. */
const heardForMs = 2500;
/** So many of an agent's latest reports may be under way to a controller that is taken to hear it. */
const reportsUnderWay = 2;

interface Own extends ReportName {
  readonly atMs: number;
}

/**
 * Passes agents' reports on to those controllers that do not hear the agents themselves. Most agents tell
 * every controller; each controller says twice a second whom it has heard, so that their reports need not
 * come a second time:
 *
 *   agent ──▶ controller 1 ──┬── reports that 2 lacks ──▶ controller 2
 *     │                      │◀── "heard: eu1 up to 17" ──     ▲
 *     └──────────────────────┼─────────────────────────────────┘
 *
 * A report is passed on unless all others have heard one of the two before it, or a later one. So who loses
 * an agent's reports misses two of them and has the next: its word counts for three seconds at least.
 */
export class ReportRelay {
  readonly #parts: ReportRelayParts;
  readonly #relay: Relay;
  /** By agent. */
  readonly #own = new Map<string, Own>();
  /** By controller. */
  readonly #heard = new Map<string, { atMs: number; reports: ReadonlyMap<string, ReportName> }>();
  /** Reports that were passed on, and those that everybody had. */
  readonly reports = { passedOn: 0, spared: 0 };
  #cancelTell: () => void;

  constructor(parts: ReportRelayParts) {
    this.#parts = parts;
    this.#relay = new Relay({
      ...parts,
      ...{ stream: 'reports', gatherMs },
      hasOthers: () => parts.others().length > 0,
      take: (item, from) => this.#take(item, from),
    });
    this.#cancelTell = parts.clock.setTimer(tellMs, () => this.#tell());
  }

  get counters(): Relay['counters'] {
    return this.#relay.counters;
  }

  /** Passes on what nobody else can have heard; JSON or octets. */
  pass(item: unknown): void {
    this.#relay.pass(item);
  }

  /**
   * Takes note of a report that came from an agent itself, and passes it on to who lacks it. `item` is
   * undefined where another controller has passed it on before it came.
   */
  hear(report: ReportName, item: unknown): void {
    const { agent, boot, sequence } = report;
    const atMs = this.#parts.clock.monotonicMs();
    this.#own.set(agent, { agent, boot, sequence, atMs });
    if (item === undefined) return;
    const others = this.#parts.others();
    if (others.every((id) => this.#hasHeard(id, report, atMs))) {
      if (others.length > 0) this.reports.spared += 1;
      return;
    }
    this.reports.passedOn += 1;
    this.#relay.pass(item);
  }

  async close(): Promise<void> {
    this.#cancelTell();
    await this.#relay.close();
  }

  #hasHeard(id: string, report: ReportName, nowMs: number): boolean {
    const heard = this.#heard.get(id);
    if (heard === undefined || nowMs - heard.atMs >= heardForMs) return false;
    const last = heard.reports.get(report.agent);
    if (last === undefined) return false;
    if (last.boot !== report.boot) return last.boot > report.boot;
    return last.sequence >= report.sequence - reportsUnderWay;
  }

  #tell(): void {
    this.#cancelTell = this.#parts.clock.setTimer(tellMs, () => this.#tell());
    const nowMs = this.#parts.clock.monotonicMs();
    for (const [id, { atMs }] of this.#heard)
      if (nowMs - atMs >= heardForMs) this.#heard.delete(id);
    const heard: Heard[] = [];
    for (const { agent, boot, sequence, atMs } of this.#own.values()) {
      if (nowMs - atMs < heardForMs) heard.push([agent, boot, sequence]);
      else this.#own.delete(agent);
    }
    if (heard.length > 0) this.#relay.pass({ heard });
  }

  #take(item: unknown, from: string): void {
    const { heard } = item as { readonly heard?: readonly Heard[] };
    if (heard === undefined) {
      this.#parts.take(item, from);
      return;
    }
    const reports = new Map(
      heard.map(([agent, boot, sequence]) => [agent, { agent, boot, sequence }]),
    );
    this.#heard.set(from, { atMs: this.#parts.clock.monotonicMs(), reports });
  }
}
