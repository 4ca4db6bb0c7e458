import type { AgentRegion, AgentWord, KnownAgent } from './agent-record.ts';
import type { CheckMade } from './compare-reports.ts';
import { undamped } from './damping.ts';
import type {
  Changed,
  Check,
  MemberState,
  ServicePlan,
  ServiceState,
  Target,
  Vip,
} from './fleet-state.ts';
import { stepLoad } from './load.ts';
import { MembersByPlace } from './members-by-place.ts';
import type { Monitor } from './monitor.ts';
import type { PackedReport } from './packed-report.ts';
import { checksToChange, judgeTallies, type Ruling } from './quorum.ts';
import { type CheckTarget, checkId, type Report, staleAfterMs } from './report.ts';
import { Roster, type Touched } from './roster.ts';
import { Settlement } from './settlement.ts';
import type { MemberHealth, ServiceHealth } from './verdict.ts';
import { vipVerdict } from './vip-verdict.ts';

const unjudged: Ruling = { verdict: 'unknown', voters: 0, agreeing: 0, downRegions: [] };
const unknownHealth: MemberHealth = { vips: new Map(), ramp: 1 };

/**
 * Runs under way that are looked at as they come, per tick; the others wait for it. While all
 * targets fail for all agents there are tens of thousands a second, and nothing but a TTL hangs on
 * them.
 */
const runsPerTick = 500;

/** Told how long an agent's connection to a member took: the shortest of the checks just made. */
export type OnConnectTime = (agent: string, member: string, connectMs: number) => void;

/**
 * Turns agents' reports into the health of services. Each call takes the receiver's monotonic time,
 * touches only what it changes, and says what that is. No I/O, no timers: someone calls `tick`.
 */
export class Fleet {
  readonly #roster = new Roster();
  readonly #settlement = new Settlement(this.#roster);
  readonly #onConnectTime: OnConnectTime | undefined;
  /** Of the report that is being taken: member → the shortest time to it. */
  readonly #connectTimes = new Map<string, number>();
  readonly #checks = new Map<string, Check>();
  readonly #services = new Map<string, ServiceState>();
  /** Checks whose runs under way wait for the next tick. */
  readonly #runsDue = new Set<string>();
  #runsLeft = runsPerTick;
  readonly #places = new MembersByPlace((id) => this.#checks.get(id));
  readonly #made: CheckMade = (layout, place, connectMs) => {
    for (const member of this.#places.of(layout)[place] ?? []) {
      const before = this.#connectTimes.get(member);
      if (before === undefined || connectMs < before) this.#connectTimes.set(member, connectMs);
    }
  };
  readonly #staleAfterMs = (id: string) => this.#checks.get(id)?.staleAfterMs;

  /** @param onConnectTime told of the checks that were made, once per report and member */
  constructor(onConnectTime?: OnConnectTime) {
    this.#onConnectTime = onConnectTime;
  }

  /** Takes one agent's report: report → quorum → velocity guard → damping → health of members. */
  receive(report: Report | PackedReport, nowMs: number): Changed {
    const made = this.#onConnectTime === undefined ? undefined : this.#made;
    const touched = this.#roster.accept(report, nowMs, this.#staleAfterMs, made);
    for (const [member, connectMs] of this.#connectTimes) {
      this.#onConnectTime?.(report.agent, member, connectMs);
    }
    this.#connectTimes.clear();
    return this.#rejudge(touched, nowMs);
  }

  /**
   * Takes the agents that belong to the fleet, name → agent region. Those that were in it and are
   * no more lose their votes at once; those that were not heard yet count as silent.
   */
  enrol(agents: ReadonlyMap<string, string>, nowMs: number): Changed {
    return this.#rejudge(this.#roster.enrol(agents, nowMs), nowMs);
  }

  /** Lets time do its work: staleness, holds, ramps, loads. Once a second is enough. */
  tick(nowMs: number): Changed {
    const stale = this.#roster.expire(nowMs, this.#staleAfterMs);
    const checks = new Set([...stale.checks, ...this.#runsDue]);
    this.#runsDue.clear();
    this.#runsLeft = runsPerTick;
    const changed = this.#rejudge({ ...stale, checks }, nowMs);
    this.#settlement.tick(nowMs, changed);
    return changed;
  }

  /** Adds a service or changes its plan; VIPs and monitors that stay keep their verdicts. */
  setService(plan: ServicePlan, monitors: ReadonlyMap<string, Monitor>, nowMs: number): Changed {
    const changed: Changed = { services: new Set(), turns: [], alarms: [] };
    const before = this.#services.get(plan.name);
    const service: ServiceState = {
      name: plan.name,
      plan,
      members: new Map(),
      falls: before?.falls ?? [],
      alarmedMs: before?.alarmedMs,
      health: undefined,
    };
    this.#services.set(plan.name, service);
    for (const planned of plan.members) {
      const old = before?.members.get(planned.name);
      const member: MemberState = {
        service,
        name: planned.name,
        vips: new Map(),
        ramp: old?.ramp ?? {},
        load: old?.load,
        inMaintenance: old?.inMaintenance ?? false,
        health: unknownHealth,
      };
      service.members.set(planned.name, member);
      const share = planned.share / Math.max(1, planned.addresses.length);
      for (const address of planned.addresses) {
        const oldVip = old?.vips.get(address);
        const vip: Vip = { member, address, share, targets: [], verdict: 'unknown' };
        member.vips.set(address, vip);
        for (const name of new Set(plan.monitors)) {
          const monitor = monitors.get(name);
          if (monitor === undefined) continue;
          const check = this.#useCheck(name, monitor, address, nowMs);
          const oldTarget = oldVip?.targets.find((target) => target.check === check);
          this.#addTarget(vip, check, oldTarget, nowMs);
        }
        vip.verdict = vipVerdict(vip.targets.map((target) => target.damping.verdict));
      }
    }
    if (before !== undefined) this.#drop(before);
    for (const member of service.members.values()) {
      for (const vip of member.vips.values()) {
        for (const target of vip.targets) this.#settlement.settle(target, nowMs, changed);
      }
      this.#settlement.refresh(member, nowMs, changed);
    }
    changed.services.add(plan.name);
    return changed;
  }

  removeService(name: string): void {
    const service = this.#services.get(name);
    if (service === undefined) return;
    this.#services.delete(name);
    this.#drop(service);
  }

  /** What agents have to check, each check once whatever number of services share it. */
  checkTargets(): CheckTarget[] {
    return [...this.#checks.values()].map(({ id, address, monitor }) => ({ id, address, monitor }));
  }

  /** Health of a service's members; undefined when there is no such service. */
  health(name: string): ServiceHealth | undefined {
    const service = this.#services.get(name);
    if (service === undefined) return undefined;
    service.health ??= new Map(
      [...service.members].map(([member, { health }]) => [member, health]),
    );
    return service.health;
  }

  /** The targets of a service, or of one member, for people to read. */
  *targets(service: string, member?: string): Iterable<Target> {
    for (const state of this.#services.get(service)?.members.values() ?? []) {
      if (member !== undefined && state.name !== member) continue;
      for (const vip of state.vips.values()) yield* vip.targets;
    }
  }

  /** What agents last said of a check, stale words included. */
  words(check: Check, nowMs: number): AgentWord[] {
    return this.#roster.words(check, nowMs);
  }

  /** The quorum's ruling on a check, before guard and damping; undefined for unknown checks. */
  ruling(id: string): Ruling | undefined {
    return this.#checks.get(id)?.ruling;
  }

  /**
   * Says whether planned work on a member is going on; true when that is news. Verdicts and answers
   * follow its health as ever; changes are marked as planned.
   */
  setMaintenance(service: string, member: string, isPlanned: boolean): boolean {
    const state = this.#services.get(service)?.members.get(member);
    if (state === undefined || state.inMaintenance === isPlanned) return false;
    state.inMaintenance = isPlanned;
    return true;
  }

  serviceNames(): Iterable<string> {
    return this.#services.keys();
  }

  /** Takes a member's load; undefined when there is no such member. */
  reportLoad(service: string, member: string, load: number, nowMs: number): Changed | undefined {
    const state = this.#services.get(service)?.members.get(member);
    if (state === undefined) return undefined;
    const changed: Changed = { services: new Set(), turns: [], alarms: [] };
    state.load = stepLoad(state.load, load, nowMs);
    this.#settlement.refresh(state, nowMs, changed);
    return changed;
  }

  /**
   * Believes that a target is still down, as it was `forMs` before now, until fresh reports say
   * otherwise or some intervals pass without one. False when there is no such target or it has been
   * judged already.
   */
  restoreDown(target: Target, forMs: number, nowMs: number, changed: Changed): boolean {
    return this.#settlement.restoreDown(target, forMs, nowMs, changed);
  }

  /**
   * Knows of agents from before a restart, so that the first of them to report again does not speak
   * for all: velocity guard and quorums of n agents count the silent ones too.
   */
  expectAgents(agents: readonly KnownAgent[], nowMs: number): void {
    for (const agent of agents) this.#roster.expect(agent, nowMs);
  }

  /** The agents of the fleet, silent ones included. */
  knownAgents(nowMs: number): KnownAgent[] {
    return this.#roster.known(nowMs);
  }

  /** How the agents are, by agent region. */
  agentRegions(nowMs: number): AgentRegion[] {
    return this.#roster.regions(nowMs);
  }

  /** Agent regions whose word on a check is missed, where one region alone says that it is down. */
  awaited({ check }: Target, nowMs: number): string[] {
    const [region, ...others] = check.ruling.downRegions;
    if (region === undefined || others.length > 0) return [];
    return this.#roster.awaited(check, region, nowMs);
  }

  #useCheck(name: string, monitor: Monitor, address: string, nowMs: number): Check {
    const id = checkId(name, address);
    let check = this.#checks.get(id);
    if (check === undefined) {
      check = {
        id,
        address,
        monitorName: name,
        monitor,
        staleAfterMs: staleAfterMs(monitor),
        from: vantage(monitor),
        ruling: unjudged,
        secondsToChange: undefined,
        targets: new Set(),
      };
      this.#checks.set(id, check);
      this.#judge(check, nowMs);
    } else if (check.monitor !== monitor) {
      check.monitor = monitor;
      check.staleAfterMs = staleAfterMs(monitor);
      check.from = vantage(monitor);
      this.#judge(check, nowMs);
    }
    return check;
  }

  #addTarget(vip: Vip, check: Check, old: Target | undefined, nowMs: number): void {
    const target: Target = {
      check,
      vip,
      damping: old?.damping ?? undamped(nowMs),
      heldUntilMs: old?.heldUntilMs,
      guarded: old?.guarded ?? false,
      restoredUntilMs: old?.restoredUntilMs,
    };
    check.targets.add(target);
    this.#places.clear();
    vip.targets.push(target);
    if (target.restoredUntilMs !== undefined) this.#settlement.watch(target);
  }

  /** Lets go of a service's targets, and of checks that nobody else uses. */
  #drop(service: ServiceState): void {
    this.#places.clear();
    for (const member of service.members.values()) {
      this.#settlement.forget(member);
      for (const vip of member.vips.values()) {
        for (const target of vip.targets) {
          target.check.targets.delete(target);
          if (target.check.targets.size === 0) this.#checks.delete(target.check.id);
        }
      }
    }
  }

  #rejudge(touched: Touched, nowMs: number): Changed {
    const changed: Changed = { services: new Set(), turns: [], alarms: [] };
    const checks: Check[] = [];
    const take = (id: string) => {
      const check = this.#checks.get(id);
      if (check !== undefined) checks.push(check);
    };
    for (const id of touched.checks) take(id);
    for (const id of touched.runs) {
      if (this.#runsLeft > 0) take(id);
      else this.#runsDue.add(id);
    }
    if (touched.known) {
      for (const check of this.#checks.values()) {
        const { quorum } = check.monitor;
        if (typeof quorum === 'number' && !touched.checks.has(check.id)) checks.push(check);
      }
    }
    // All rulings first: the velocity guard adds up everything that one report would take down.
    const moved = checks.filter((check) => this.#judge(check, nowMs));
    for (const check of moved) {
      for (const target of check.targets) {
        this.#settlement.settle(target, nowMs, changed);
        this.#settlement.refresh(target.vip.member, nowMs, changed);
      }
    }
    return changed;
  }

  /** Rules on a check; true when that may matter to its targets. */
  #judge(check: Check, nowMs: number): boolean {
    const { ruling: before, secondsToChange: secondsBefore } = check;
    const { regions, hasRuns } = this.#roster.count(check, nowMs);
    const { quorum, intervalMs } = check.monitor;
    // Only a quorum of n agents asks how many there are.
    const agentCount = typeof quorum === 'number' ? this.#roster.agentCount(check.from) : 0;
    check.ruling = judgeTallies(regions, quorum, agentCount);
    if (!hasRuns) check.secondsToChange = undefined;
    else if (this.#runsLeft-- > 0) {
      const checks = checksToChange(this.#roster.votes(check, nowMs), quorum, agentCount);
      check.secondsToChange =
        checks === undefined ? undefined : Math.ceil((checks * intervalMs) / 1000);
    } else this.#runsDue.add(check.id);
    const { verdict, downRegions } = check.ruling;
    return (
      verdict !== before.verdict ||
      check.secondsToChange !== secondsBefore ||
      verdict === 'down' ||
      downRegions.length !== before.downRegions.length
    );
  }
}

function vantage({ from }: Monitor): ReadonlySet<string> | undefined {
  return from === undefined ? undefined : new Set(from);
}
