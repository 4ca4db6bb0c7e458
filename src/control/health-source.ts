import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { TableContent } from '../cluster/table-message.ts';
import type { AgentRegion } from '../health/agent-record.ts';
import type { PackedReport } from '../health/packed-report.ts';
import type { CheckTarget, Report } from '../health/report.ts';
import type { ServiceHealth } from '../health/verdict.ts';
import type { Traffic } from '../policy/traffic.ts';
import type { HealthControl, HealthSnapshot } from './apply-health.ts';
import type { HealthEvent, HealthView, LoadSample, TargetStatus } from './controller.ts';
import { HealthTable } from './health-table.ts';

/** A fleet of this process's own, and how it ends. */
export interface OwnFleet {
  readonly health: HealthControl;
  /** Absent for one that runs at all times. */
  close?(): void;
}

export interface HealthSourceParts {
  readonly clock: Clock;
  readonly log: Log;
  /** True while this process leads: its own fleet is then the cluster's word. */
  isLeading(): boolean;
  /** Milliseconds since the leader's health table last said anything; undefined: never yet. */
  tableAgeMs(): number | undefined;
  /** The fleet of this process: the one that runs anyhow, or a new one. */
  openFleet(): OwnFleet;
  /** Whether the fleet runs at all times, as on controllers, so that a standby is warm. */
  readonly isWarm: boolean;
  /** Services whose answers may differ now. */
  onServicesChanged(names: readonly string[]): void;
}

const tickMs = 500;

/**
 * Whose word on health a member of a cluster steers by:
 *
 *   leader ─────────────────────────────▶ its own fleet, which it publishes
 *   everybody else, the table speaks ───▶ the leader's table
 *                   the table is silent ▶ its own fleet, which begins from the table's last words
 */
export class HealthSource implements HealthView {
  readonly #parts: HealthSourceParts;
  readonly #table = new HealthTable();
  readonly #startedMs: number;
  #traffic: Traffic | undefined;
  #fleet: OwnFleet | undefined;
  #usesFleet = false;
  #cancel: () => void = () => {};

  constructor(parts: HealthSourceParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.monotonicMs();
    if (parts.isWarm) this.#fleet = parts.openFleet();
    this.#schedule();
  }

  /** True while this process steers by its own fleet. */
  get usesOwnFleet(): boolean {
    return this.#usesFleet;
  }

  health(service: string): ServiceHealth {
    return this.#usesFleet && this.#fleet !== undefined
      ? this.#fleet.health.health(service)
      : this.#table.health(service);
  }

  service(name: string): ServiceHealth | undefined {
    return this.#traffic?.services.has(name) === true ? this.health(name) : undefined;
  }

  /** With the agents' votes where this process has a fleet; else the table's verdicts. */
  targets(service: string, member?: string): readonly TargetStatus[] {
    if (this.#fleet !== undefined) return this.#fleet.health.targets(service, member);
    const { clock } = this.#parts;
    const found: TargetStatus[] = [];
    const monitor = this.#traffic?.services.get(service)?.monitors.join(' ') ?? '';
    for (const [name, { vips }] of this.#table.health(service)) {
      if (member !== undefined && name !== member) continue;
      for (const [address, verdict] of vips) {
        const sinceMs = this.#table.sinceMs(service, name, address) ?? clock.monotonicMs();
        const since = new Date(clock.epochMs() - (clock.monotonicMs() - sinceMs)).toISOString();
        found.push({ service, member: name, address, monitor, verdict, since, votes: [] });
      }
    }
    return found;
  }

  agentRegions(): readonly AgentRegion[] {
    return this.#fleet?.health.agentRegions() ?? [];
  }

  events(before: number, limit: number): readonly HealthEvent[] {
    const fleet = this.#parts.isWarm ? this.#fleet : undefined;
    return fleet === undefined
      ? this.#table.events(before, limit)
      : fleet.health.events(before, limit);
  }

  /** Load counts where there is a fleet; nodes get what came of it with the table. */
  reportLoad(samples: readonly LoadSample[]): ReturnType<HealthControl['reportLoad']> {
    return this.#fleet?.health.reportLoad(samples) ?? { accepted: 0, problems: [] };
  }

  plan(): readonly CheckTarget[] {
    return this.#fleet?.health.plan() ?? [];
  }

  /** An agent's report, from itself or as another controller passes it on. */
  receive(report: Report | PackedReport): void {
    this.#fleet?.health.receive(report);
  }

  /** Takes a message of the leader's table. */
  take(content: TableContent): void {
    const { clock, onServicesChanged } = this.#parts;
    const changed = this.#table.take(content, clock.monotonicMs(), clock.epochMs());
    this.choose();
    if (!this.#usesFleet && changed.size > 0) onServicesChanged([...changed]);
  }

  /** The fleet's verdicts have moved. */
  fleetMoved(names: readonly string[]): void {
    if (this.#usesFleet) this.#parts.onServicesChanged(names);
  }

  setTraffic(traffic: Traffic): void {
    this.#traffic = traffic;
    this.#fleet?.health.setTraffic(traffic);
  }

  snapshot(): HealthSnapshot {
    const { clock } = this.#parts;
    if (this.#usesFleet && this.#fleet !== undefined) return this.#fleet.health.snapshot();
    return this.#traffic === undefined
      ? { version: 1, atEpochMs: clock.epochMs(), down: [] }
      : this.#table.snapshot(this.#traffic, clock.monotonicMs(), clock.epochMs());
  }

  restore(snapshot: HealthSnapshot): void {
    const { clock } = this.#parts;
    this.#table.restore(snapshot, clock.monotonicMs(), clock.epochMs());
    this.#fleet?.health.restore(snapshot);
  }

  /** Finds out anew whose word counts: after a change of leadership, and now and then. */
  choose(): void {
    const { clock, log, isLeading, tableAgeMs, openFleet, onServicesChanged } = this.#parts;
    const silentMs = tableAgeMs() ?? clock.monotonicMs() - this.#startedMs;
    const wantsFleet = isLeading() || silentMs >= limits.tableSilenceMs;
    if (wantsFleet === this.#usesFleet) return;
    const before = this.snapshot();
    if (wantsFleet) {
      this.#fleet ??= openFleet();
      // What nobody has judged here yet stays as the leader left it.
      this.#fleet.health.restore(before);
      if (this.#traffic !== undefined && !this.#parts.isWarm) {
        this.#fleet.health.setTraffic(this.#traffic);
      }
      if (!isLeading()) log.warn({ silentMs }, 'no word of the leader on health: judging alone');
    } else {
      log.info({}, 'the health of targets is what the leader says');
    }
    this.#usesFleet = wantsFleet;
    if (!wantsFleet && !this.#parts.isWarm) this.#closeFleet();
    onServicesChanged([...(this.#traffic?.services.keys() ?? [])]);
  }

  close(): void {
    this.#cancel();
    this.#closeFleet();
  }

  #closeFleet(): void {
    const fleet = this.#fleet;
    this.#fleet = undefined;
    fleet?.close?.();
  }

  #schedule(): void {
    this.#cancel = this.#parts.clock.setTimer(tickMs, () => {
      this.choose();
      this.#schedule();
    });
  }
}
