import { damp, undamped } from './damping.ts';
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
import { isMemberDown, memberHealth, sameAnswers, wantedShare } from './member-health.ts';
import type { Monitor } from './monitor.ts';
import type { PackedReport } from './packed-report.ts';
import { checksToChange, judge, type Ruling } from './quorum.ts';
import { isRamping, stepRamp } from './ramp.ts';
import { type CheckTarget, checkId, type Report, staleAfterMs } from './report.ts';
import { type AgentWord, type CheckMade, Roster, type Touched } from './roster.ts';
import { guardVelocity, velocityWindowMs } from './velocity-guard.ts';
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

/** How long a verdict from before a restart is believed without a fresh one, in check intervals. */
const restoredIntervals = 6;

/** Told how long an agent's connection to a member took. */
export type OnConnectTime = (agent: string, member: string, connectMs: number) => void;

/**
 * Turns agents' reports into the health of services. Each call takes the receiver's monotonic time,
 * touches only what it changes, and says what that is. No I/O, no timers: someone calls `tick`.
 */
export class Fleet {
  readonly #roster = new Roster();
  #made: CheckMade | undefined;
  readonly #checks = new Map<string, Check>();
  readonly #services = new Map<string, ServiceState>();
  /** Targets that time may change: held by damping or guard, or restored. */
  readonly #waiting = new Set<Target>();
  /** Members that time may change: ramping, or with a load that goes stale. */
  readonly #moving = new Set<MemberState>();
  /** Checks whose runs under way wait for the next tick. */
  readonly #runsDue = new Set<string>();
  #runsLeft = runsPerTick;

  /** @param onConnectTime told of each check that was made, once per member that it is of */
  constructor(onConnectTime?: OnConnectTime) {
    if (onConnectTime === undefined) return;
    this.#made = (agent, id, connectMs) => {
      let last: string | undefined;
      for (const { vip } of this.#checks.get(id)?.targets ?? []) {
        // Services that share a check have it in one region, but for mistakes.
        if (vip.member.name !== last) onConnectTime(agent, vip.member.name, connectMs);
        last = vip.member.name;
      }
    };
  }

  /** Takes one agent's report: report → quorum → velocity guard → damping → health of members. */
  receive(report: Report | PackedReport, nowMs: number): Changed {
    return this.#rejudge(this.#roster.accept(report, nowMs, this.#made), nowMs);
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
    const stale = this.#roster.expire(nowMs, (id) => this.#checks.get(id)?.staleAfterMs);
    const checks = new Set([...stale.checks, ...this.#runsDue]);
    this.#runsDue.clear();
    this.#runsLeft = runsPerTick;
    const changed = this.#rejudge({ ...stale, checks }, nowMs);
    for (const target of [...this.#waiting]) {
      this.#settle(target, nowMs, changed);
      this.#refresh(target.vip.member, nowMs, changed);
    }
    for (const member of [...this.#moving]) this.#refresh(member, nowMs, changed);
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
        for (const target of vip.targets) this.#settle(target, nowMs, changed);
      }
      this.#refresh(member, nowMs, changed);
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
    this.#refresh(state, nowMs, changed);
    return changed;
  }

  /**
   * Believes that a target is still down, as it was `forMs` before now, until fresh reports say
   * otherwise or some intervals pass without one. False when there is no such target or it has been
   * judged already.
   */
  restoreDown(target: Target, forMs: number, nowMs: number, changed: Changed): boolean {
    if (target.damping.verdict !== 'unknown') return false;
    const { intervalMs } = target.check.monitor;
    target.damping = { verdict: 'down', sinceMs: nowMs - forMs, lastKnown: 'down' };
    target.restoredUntilMs = nowMs + Math.max(60_000, restoredIntervals * intervalMs);
    this.#waiting.add(target);
    this.#updateVip(target, 'restored', nowMs, changed);
    const { member } = target.vip;
    if (isMemberDown(member)) member.ramp = { downSinceMs: nowMs - forMs };
    return true;
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
    vip.targets.push(target);
    if (target.restoredUntilMs !== undefined) this.#waiting.add(target);
  }

  /** Lets go of a service's targets, and of checks that nobody else uses. */
  #drop(service: ServiceState): void {
    for (const member of service.members.values()) {
      this.#moving.delete(member);
      for (const vip of member.vips.values()) {
        for (const target of vip.targets) {
          this.#waiting.delete(target);
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
      if (this.#runsLeft-- > 0) take(id);
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
        this.#settle(target, nowMs, changed);
        this.#refresh(target.vip.member, nowMs, changed);
      }
    }
    return changed;
  }

  /** Rules on a check; true when that may matter to its targets. */
  #judge(check: Check, nowMs: number): boolean {
    const { ruling: before, secondsToChange: secondsBefore } = check;
    const votes = this.#roster.votes(check, nowMs);
    const { quorum, intervalMs } = check.monitor;
    check.ruling = judge(votes, quorum, this.#roster.agentCount);
    const checks = checksToChange(votes, quorum, this.#roster.agentCount);
    check.secondsToChange =
      checks === undefined ? undefined : Math.ceil((checks * intervalMs) / 1000);
    const { verdict, downRegions } = check.ruling;
    return (
      verdict !== before.verdict ||
      check.secondsToChange !== secondsBefore ||
      verdict === 'down' ||
      downRegions.length !== before.downRegions.length
    );
  }

  /**
   * Brings a target's verdict in line with its check's ruling, as far as guard and damping let it.
   */
  #settle(target: Target, nowMs: number, changed: Changed): void {
    const { ruling } = target.check;
    const wasRestored = target.restoredUntilMs !== undefined;
    if (target.restoredUntilMs !== undefined) {
      if (ruling.verdict === 'unknown' && nowMs < target.restoredUntilMs) return;
      target.restoredUntilMs = undefined;
      if (ruling.verdict !== 'down') target.damping = undamped(nowMs);
    }
    const goesDown = ruling.verdict === 'down' && target.damping.verdict !== 'down';
    const [region, ...others] = ruling.downRegions;
    const isAlone = goesDown && others.length === 0 && !target.vip.member.inMaintenance;
    const oneRegion = isAlone ? region : undefined;
    target.guarded = oneRegion !== undefined && this.#isGuarded(target, oneRegion, nowMs, changed);
    if (target.guarded) {
      target.heldUntilMs = undefined;
      this.#waiting.add(target);
      return;
    }
    const { state, heldUntilMs } = damp(target.damping, ruling.verdict, nowMs);
    const turned = state !== target.damping;
    target.damping = state;
    target.heldUntilMs = heldUntilMs;
    if (heldUntilMs === undefined) this.#waiting.delete(target);
    else this.#waiting.add(target);
    if (!turned && !wasRestored) return;
    const cause = ruling.verdict === 'unknown' ? 'silence' : 'votes';
    const vipTurned = this.#updateVip(target, cause, nowMs, changed);
    if (vipTurned && oneRegion !== undefined && target.vip.verdict === 'down') {
      const { service } = target.vip.member;
      service.falls = service.falls.filter((fall) => nowMs - fall.atMs < velocityWindowMs);
      service.falls.push({ atMs: nowMs, share: target.vip.share });
    }
  }

  /**
   * True when one agent region may not take a target down: another one, which had its own opinion,
   * is silent and worth waiting for (invariant 7), or it would be too much at once.
   */
  #isGuarded(target: Target, region: string, nowMs: number, changed: Changed): boolean {
    const { member, address, verdict } = target.vip;
    const { service } = member;
    const { quorum } = target.check.monitor;
    // Who asks for one agent's word has it; where one region's is enough, no other is waited for.
    const isAlone =
      quorum !== 'any' && quorum !== 1 && this.#roster.isAwaited(target.check, region, nowMs);
    const regions = this.#roster.regionCount();
    const decision = guardVelocity(service.falls, wantedShare(service), regions, nowMs);
    if (decision === 'pass' && !isAlone) return false;
    const held = isAlone || decision === 'hold';
    if (service.alarmedMs === undefined || nowMs - service.alarmedMs >= velocityWindowMs) {
      service.alarmedMs = nowMs;
      const reason = decision === 'pass' ? 'alone' : 'share';
      const about = { service: service.name, member: member.name, address, verdict };
      changed.alarms.push({ ...about, region, held, reason });
    }
    return held;
  }

  /** Works out a VIP's verdict again; true when it changed. */
  #updateVip(
    target: Target,
    cause: 'votes' | 'silence' | 'restored',
    nowMs: number,
    changed: Changed,
  ): boolean {
    const { vip, check } = target;
    const from = vip.verdict;
    const to = vipVerdict(vip.targets.map(({ damping }) => damping.verdict));
    if (from === to) return false;
    vip.verdict = to;
    const error = to === 'up' ? undefined : this.#commonError(check, nowMs);
    const { agreeing, voters } = check.ruling;
    changed.turns.push({
      service: vip.member.service.name,
      member: vip.member.name,
      address: vip.address,
      from,
      to,
      cause,
      check: check.id,
      agreeing,
      voters,
      ...(error === undefined ? {} : { error }),
      ...(vip.member.inMaintenance ? { planned: true } : {}),
    });
    this.#refresh(vip.member, nowMs, changed);
    return true;
  }

  #commonError(check: Check, nowMs: number): string | undefined {
    const counts = new Map<string, number>();
    for (const { counts: votes, state } of this.words(check, nowMs)) {
      if (!votes || state.state === 'up' || state.error === undefined) continue;
      counts.set(state.error, (counts.get(state.error) ?? 0) + 1);
    }
    return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
  }

  /** Makes a member's health anew and notes whether answers may depend on the difference. */
  #refresh(member: MemberState, nowMs: number, changed: Changed): void {
    const { service, health: before } = member;
    const { rampMs, watchesChange } = service.plan;
    member.ramp = stepRamp(member.ramp, isMemberDown(member), nowMs);
    const health = memberHealth(member, nowMs);
    const moves = health.load !== undefined || isRamping(member.ramp, rampMs, nowMs);
    if (moves) this.#moving.add(member);
    else this.#moving.delete(member);
    const same = sameAnswers(before, health);
    if (same && before.secondsToChange === health.secondsToChange) return;
    member.health = health;
    service.health = undefined;
    if (!same || watchesChange) changed.services.add(service.name);
  }
}

function vantage({ from }: Monitor): ReadonlySet<string> | undefined {
  return from === undefined ? undefined : new Set(from);
}
