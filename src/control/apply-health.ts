import type { Clock } from '../base/clock.ts';
import type { Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { AgentRegion, AgentWord, KnownAgent } from '../health/agent-record.ts';
import { Fleet, type OnConnectTime } from '../health/fleet.ts';
import type { Changed, Target } from '../health/fleet-state.ts';
import type { PackedReport } from '../health/packed-report.ts';
import type { CheckTarget, Report } from '../health/report.ts';
import type { ServiceHealth } from '../health/verdict.ts';
import type { Service, Traffic } from '../policy/traffic.ts';
import { AgentRegionWatch } from './agent-region-watch.ts';
import type { HealthEvent, HealthView, LoadSample, TargetStatus, Vote } from './controller.ts';
import { activeAgents, isSameTo, servicePlan } from './fleet-plan.ts';
import { alarmText, HealthEvents, maintenanceText, turnText } from './health-events.ts';
import { Maintenance } from './maintenance.ts';

/** Where the way of health begins and ends. */
export interface HealthControlOptions {
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Services whose answers may differ now; called inside `receive`, so that they change at once.
   */
  onServicesChanged(names: readonly string[]): void;
  /** A new plan for the agents: every check once. */
  onPlan?(targets: readonly CheckTarget[]): void;
  /** Told of each change, as the event log has it. */
  onEvent?(event: HealthEvent): void;
  /**
   * Told how long an agent's connections to members took, by the agent's name and the region of the
   * member: of the checks that a report brings news of the shortest, and nothing where there is none.
   */
  readonly onConnectTimes?: OnConnectTime;
}

/**
 * What is down at a moment, and whose word that is taken from; kept on disk so that a restart neither
 * brings dead VIPs back nor believes the first agent that reports as if it were the only one.
 */
export interface HealthSnapshot {
  readonly version: 1;
  /** When it was made, milliseconds since 1970. */
  readonly atEpochMs: number;
  /** Targets that are down, and for how long, milliseconds. */
  readonly down: readonly {
    readonly service: string;
    readonly member: string;
    readonly address: string;
    readonly monitor: string;
    readonly forMs: number;
  }[];
  /** The agents that were known; absent in snapshots of earlier versions. */
  readonly agents?: readonly KnownAgent[];
}

/** The control plane's side of health. */
export interface HealthControl extends HealthView {
  /**
   * Health of a service, as steering needs it; empty (all unknown) for a service it does not know.
   */
  health(service: string): ServiceHealth;
  /**
   * Takes the regions, services and monitors of a new revision; verdicts of what stays are kept.
   */
  setTraffic(traffic: Traffic): void;
  /** What agents are to check. */
  plan(): readonly CheckTarget[];
  /** Takes an agent's report. Old and repeated ones change nothing. */
  receive(report: Report | PackedReport): void;
  reportLoad(samples: readonly LoadSample[]): {
    readonly accepted: number;
    readonly problems: readonly Problem[];
  };
  snapshot(): HealthSnapshot;
  /**
   * Takes what was down before a restart; call it before or after the first `setTraffic`. Restored
   * targets are down until fresh reports judge them. A snapshot older than ten minutes is ignored.
   */
  restore(snapshot: HealthSnapshot): void;
  close(): void;
}

const tickMs = 1000;
const noHealth: ServiceHealth = new Map();
/** After so long a time nothing is known of what was down, milliseconds. */
export const snapshotMaxAgeMs = 600_000;

/**
 * The way of a report: thresholds (in the agent) → quorum → damping → services whose answers
 * change.
 */
export function createHealthControl(options: HealthControlOptions): HealthControl {
  return new HealthSpine(options);
}

class HealthSpine implements HealthControl {
  readonly #options: HealthControlOptions;
  readonly #fleet: Fleet;
  readonly #maintenance = new Maintenance();
  readonly #events = new HealthEvents(limits.healthEvents);
  readonly #regions: AgentRegionWatch;
  #traffic: Traffic | undefined;
  #plan: readonly CheckTarget[] = [];
  #pending: HealthSnapshot | undefined;
  #stopTick: () => void;
  #tickedMs: number;

  constructor(options: HealthControlOptions) {
    this.#options = options;
    this.#fleet = new Fleet(options.onConnectTimes);
    this.#regions = new AgentRegionWatch(options.log);
    this.#tickedMs = options.clock.monotonicMs();
    this.#stopTick = options.clock.setTimer(tickMs, () => this.#tick());
  }

  receive(report: Report | PackedReport): void {
    this.#publish(this.#fleet.receive(report, this.#nowMs()));
  }

  /**
   * A tick that comes late means that this process stood still, and reports wait unread beside it:
   * they are let in first, so that its own stall is not taken for the agents' silence.
   */
  #tick(): void {
    const nowMs = this.#nowMs();
    const isLate = nowMs - this.#tickedMs >= 2 * tickMs;
    this.#tickedMs = nowMs;
    this.#stopTick = this.#options.clock.setTimer(tickMs, () => this.#tick());
    this.#followMaintenance();
    if (isLate) return;
    this.#publish(this.#fleet.tick(nowMs));
    this.#regions.look(this.#fleet.agentRegions(nowMs));
  }

  /** Tells the log first and then whoever makes answers, so that no change goes unexplained. */
  #publish(changed: Changed): void {
    const { log } = this.#options;
    for (const turn of changed.turns) {
      // Planned work is no news; GET /v1/health shows the verdict all the same.
      if (turn.planned === true) continue;
      const { service, member, address, from, to } = turn;
      const text = turnText(turn);
      this.#note({ service, member, address, from, to, text });
      const fields = { service, member, address, from, to, check: turn.check };
      if (to === 'down') log.warn(fields, text);
      else log.info(fields, text);
    }
    for (const alarm of changed.alarms) {
      const { service, member, address, verdict } = alarm;
      const text = alarmText(alarm);
      this.#note({ service, member, address, from: verdict, to: verdict, text });
      log.warn({ service, agentRegion: alarm.region, held: alarm.held }, text);
    }
    if (changed.services.size > 0) this.#options.onServicesChanged([...changed.services]);
  }

  /** Tells the fleet where planned work begins and ends; what is not well at its end is news. */
  #followMaintenance(): void {
    const moved = this.#maintenance.step(this.#options.clock.epochMs());
    for (const { service, member, isPlanned } of moved) {
      this.#fleet.setMaintenance(service, member, isPlanned);
      if (isPlanned) continue;
      for (const [address, verdict] of this.#fleet.health(service)?.get(member)?.vips ?? []) {
        if (verdict !== 'down' && verdict !== 'degraded') continue;
        const text = maintenanceText(service, member, address, verdict);
        this.#note({ service, member, address, from: verdict, to: verdict, text });
        this.#options.log.warn({ service, member, address, verdict }, text);
      }
    }
  }

  #note(event: Omit<HealthEvent, 'sequence' | 'at'>): void {
    const at = new Date(this.#options.clock.epochMs()).toISOString();
    const added = this.#events.add({ at, ...event });
    this.#options.onEvent?.(added);
  }

  setTraffic(traffic: Traffic): void {
    const before = this.#traffic;
    const nowMs = this.#nowMs();
    this.#traffic = traffic;
    const all = unchanged();
    for (const name of before?.services.keys() ?? []) {
      if (!traffic.services.has(name)) this.#fleet.removeService(name);
    }
    for (const [name, service] of traffic.services) {
      if (before !== undefined && isSameTo(name, before, traffic)) continue;
      const plan = servicePlan(name, service);
      merge(all, this.#fleet.setService(plan, traffic.monitors, nowMs));
    }
    this.#maintenance.setTraffic(traffic);
    this.#followMaintenance();
    if (before?.agents !== traffic.agents)
      merge(all, this.#fleet.enrol(activeAgents(traffic), nowMs));
    if (this.#pending !== undefined) merge(all, this.#restorePending(this.#pending, nowMs));
    this.#plan = this.#fleet.checkTargets();
    this.#publish(all);
    this.#options.onPlan?.(this.#plan);
  }

  plan(): readonly CheckTarget[] {
    return this.#plan;
  }

  health(service: string): ServiceHealth {
    return this.#fleet.health(service) ?? noHealth;
  }

  service(name: string): ServiceHealth | undefined {
    return this.#fleet.health(name);
  }

  agentRegions(): readonly AgentRegion[] {
    return this.#fleet.agentRegions(this.#nowMs());
  }

  events(before: number, limit: number): readonly HealthEvent[] {
    return this.#events.list(before, limit);
  }

  targets(service: string, member?: string): readonly TargetStatus[] {
    const nowMs = this.#nowMs();
    return [...this.#fleet.targets(service, member)].map((target) => this.#status(target, nowMs));
  }

  #status(target: Target, nowMs: number): TargetStatus {
    const { check, vip, damping, heldUntilMs, guarded } = target;
    return {
      service: vip.member.service.name,
      member: vip.member.name,
      address: vip.address,
      monitor: check.monitorName,
      verdict: damping.verdict,
      since: this.#timeOf(damping.sinceMs, nowMs),
      ...(heldUntilMs === undefined ? {} : { heldUntil: this.#timeOf(heldUntilMs, nowMs) }),
      ...(guarded ? { guarded: true, awaits: this.#fleet.awaited(target, nowMs) } : {}),
      ...(vip.member.inMaintenance ? { maintenance: true } : {}),
      votes: this.#fleet.words(check, nowMs).map((word) => this.#vote(word, nowMs)),
    };
  }

  #vote(word: AgentWord, nowMs: number): Vote {
    const { agent, region, counts, isForgotten, receivedMs, state } = word;
    const { connectMs, tlsMs, firstByteMs, error, errorText } = state;
    return {
      agent,
      region,
      state: counts ? state.state : 'unknown',
      since: this.#timeOf(receivedMs - state.forMs, nowMs),
      counts,
      ...(isForgotten ? { forgotten: true } : {}),
      ...(connectMs === undefined ? {} : { connectMs: tenths(connectMs) }),
      ...(tlsMs === undefined ? {} : { tlsMs: tenths(tlsMs) }),
      ...(firstByteMs === undefined ? {} : { firstByteMs: tenths(firstByteMs) }),
      ...(error === undefined ? {} : { error }),
      ...(errorText === undefined ? {} : { errorText }),
      ...(state.downgraded === true ? { downgraded: true } : {}),
    };
  }

  reportLoad(samples: readonly LoadSample[]): { accepted: number; problems: Problem[] } {
    const nowMs = this.#nowMs();
    const all = unchanged();
    const problems: Problem[] = [];
    for (const [place, { service, member, load }] of samples.entries()) {
      const where = `/samples/${place}`;
      if (!Number.isFinite(load) || load < 0) {
        const message = `load ${load} is no load; give a number of 0 or more`;
        problems.push({ code: 'E_LOAD', message, where: `${where}/load` });
        continue;
      }
      const changed = this.#fleet.reportLoad(service, member, load, nowMs);
      if (changed === undefined) {
        const message = `service "${service}" has no member "${member}"; see GET /v1/services`;
        problems.push({ code: 'E_LOAD', message, where });
      } else merge(all, changed);
    }
    this.#publish(all);
    return { accepted: samples.length - problems.length, problems };
  }

  snapshot(): HealthSnapshot {
    // What waits for the first traffic is still all that is known.
    if (this.#pending !== undefined) return this.#pending;
    const nowMs = this.#nowMs();
    const down: HealthSnapshot['down'][number][] = [];
    for (const service of this.#fleet.serviceNames()) {
      for (const { check, vip, damping } of this.#fleet.targets(service)) {
        if (damping.verdict !== 'down') continue;
        const { member, address } = vip;
        const forMs = Math.round(nowMs - damping.sinceMs);
        const monitor = check.monitorName;
        down.push({ service, member: member.name, address, monitor, forMs });
      }
    }
    const agents = this.#fleet.knownAgents(nowMs);
    return { version: 1, atEpochMs: this.#options.clock.epochMs(), down, agents };
  }

  restore(snapshot: HealthSnapshot): void {
    const ageMs = this.#options.clock.epochMs() - snapshot.atEpochMs;
    if (snapshot.version !== 1 || ageMs < 0 || ageMs > snapshotMaxAgeMs) {
      this.#options.log.info({ ageMs }, 'health from before the restart is too old and is ignored');
      return;
    }
    this.#fleet.expectAgents(snapshot.agents ?? [], this.#nowMs());
    this.#pending = snapshot;
    if (this.#traffic !== undefined) {
      this.#publish(this.#restorePending(snapshot, this.#nowMs()));
    }
  }

  /** Puts back what was down, except where that would leave a service without a VIP of a family. */
  #restorePending({ atEpochMs, down }: HealthSnapshot, nowMs: number): Changed {
    this.#pending = undefined;
    const changed = unchanged();
    const ageMs = this.#options.clock.epochMs() - atEpochMs;
    const forMs = new Map(
      down.map((entry) => [
        [entry.service, entry.member, entry.address, entry.monitor].join('\n'),
        entry.forMs,
      ]),
    );
    for (const [name, service] of this.#traffic?.services ?? []) {
      const wanted: { target: Target; forMs: number }[] = [];
      for (const target of this.#fleet.targets(name)) {
        const { check, vip } = target;
        const key = [name, vip.member.name, vip.address, check.monitorName].join('\n');
        const lasted = forMs.get(key);
        if (lasted !== undefined) wanted.push({ target, forMs: lasted + ageMs });
      }
      if (leavesNothing(service, wanted)) continue;
      for (const { target, forMs } of wanted) {
        this.#fleet.restoreDown(target, forMs, nowMs, changed);
      }
    }
    return changed;
  }

  close(): void {
    this.#stopTick();
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #timeOf(monotonicMs: number, nowMs: number): string {
    return new Date(this.#options.clock.epochMs() - (nowMs - monotonicMs)).toISOString();
  }
}

/** True when a service has a family whose every VIP is among the targets. */
function leavesNothing(service: Service, wanted: readonly { target: Target }[]): boolean {
  const down = new Set(
    wanted.map(({ target }) => `${target.vip.member.name} ${target.vip.address}`),
  );
  return (['a', 'aaaa'] as const).some((family) => {
    const vips = [...service.members].flatMap(([name, member]) =>
      member[family].map((address) => `${name} ${address}`),
    );
    return vips.length > 0 && vips.every((vip) => down.has(vip));
  });
}

/** Milliseconds to a tenth, as reports have them. */
function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

function unchanged(): Changed {
  return { services: new Set(), turns: [], alarms: [] };
}

function merge(into: Changed, from: Changed): void {
  for (const service of from.services) into.services.add(service);
  into.turns.push(...from.turns);
  into.alarms.push(...from.alarms);
}
