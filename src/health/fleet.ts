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
import { checksToChange, judge, type Ruling } from './quorum.ts';
import { isRamping, stepRamp } from './ramp.ts';
import { type CheckTarget, checkId, type Report, staleAfterMs } from './report.ts';
import { type AgentWord, type KnownAgent, Roster, type Touched } from './roster.ts';
import { guardVelocity, velocityWindowMs } from './velocity-guard.ts';
import type { MemberHealth, ServiceHealth } from './verdict.ts';
import { vipVerdict } from './vip-verdict.ts';

const unjudged: Ruling = { verdict: 'unknown', voters: 0, agreeing: 0, downRegions: [] };
const unknownHealth: MemberHealth = { vips: new Map(), ramp: 1 };

/** How long a verdict from before a restart is believed without a fresh one, in check intervals. */
const restoredIntervals = 6;

/**
 * Turns agents' reports into the health of services. Each call takes the receiver's monotonic time,
 * touches only what it changes, and says what that is. No I/O, no timers: someone calls `tick`.
 */
export class Fleet {
  readonly #roster = new Roster();
  readonly #checks = new Map<string, Check>();
  readonly #services = new Map<string, ServiceState>();
  /** Targets that time may change: held by damping or guard, or restored. */
  readonly #waiting = new Set<Target>();
  /** Members that time may change: ramping, or with a load that goes stale. */
  readonly #moving = new Set<MemberState>();

  /** Takes one agent's report: report → quorum → velocity guard → damping → health of members. */
  receive(report: Report, nowMs: number): Changed {
    return this.#rejudge(this.#roster.accept(report, nowMs), nowMs);
  }

  /** Lets time do its work: staleness, holds, ramps, loads. Once a second is enough. */
  tick(nowMs: number): Changed {
    const stale = this.#roster.expire(nowMs, (id) => this.#checks.get(id)?.staleAfterMs);
    const changed = this.#rejudge(stale, nowMs);
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
    return this.#roster.words(check.id, check.staleAfterMs, nowMs);
  }

  /** The quorum's ruling on a check, before guard and damping; undefined for unknown checks. */
  ruling(id: string): Ruling | undefined {
    return this.#checks.get(id)?.ruling;
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

  /**
   * Knows of agents from before a restart, so that the first of them to report again does not speak
   * for all: velocity guard and quorums of n agents count the silent ones too.
   */
  expectAgents(agents: readonly KnownAgent[], nowMs: number): void {
    for (const agent of agents) this.#roster.expect(agent, nowMs);
  }

  /** The agents of the last hour, silent ones included. */
  knownAgents(): KnownAgent[] {
    return this.#roster.known();
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
        ruling: unjudged,
        secondsToChange: undefined,
        targets: new Set(),
      };
      this.#checks.set(id, check);
      this.#judge(check, nowMs);
    } else if (check.monitor !== monitor) {
      check.monitor = monitor;
      check.staleAfterMs = staleAfterMs(monitor);
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
    for (const id of touched.checks) {
      const check = this.#checks.get(id);
      if (check !== undefined) checks.push(check);
    }
    if (touched.known) {
      for (const check of this.#checks.values()) {
        const { quorum } = check.monitor;
        if (typeof quorum === 'number' && !touched.checks.has(check.id)) checks.push(check);
      }
    }
    // All rulings first: the velocity guard adds up everything that one report would take down.
    for (const check of checks) this.#judge(check, nowMs);
    for (const check of checks) {
      for (const target of check.targets) {
        this.#settle(target, nowMs, changed);
        this.#refresh(target.vip.member, nowMs, changed);
      }
    }
    return changed;
  }

  #judge(check: Check, nowMs: number): void {
    const votes = this.#roster.votes(check.id, check.staleAfterMs, nowMs);
    const { quorum, intervalMs } = check.monitor;
    check.ruling = judge(votes, quorum, this.#roster.agentCount);
    const checks = checksToChange(votes, quorum, this.#roster.agentCount);
    check.secondsToChange =
      checks === undefined ? undefined : Math.ceil((checks * intervalMs) / 1000);
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
    const oneRegion = goesDown && others.length === 0 ? region : undefined;
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

  #isGuarded(target: Target, region: string, nowMs: number, changed: Changed): boolean {
    const { member, address } = target.vip;
    const { service } = member;
    const regions = this.#roster.regionCount();
    const decision = guardVelocity(service.falls, wantedShare(service), regions, nowMs);
    if (decision === 'pass') return false;
    const held = decision === 'hold';
    if (service.alarmedMs === undefined || nowMs - service.alarmedMs >= velocityWindowMs) {
      service.alarmedMs = nowMs;
      const verdict = target.vip.verdict;
      changed.alarms.push({
        service: service.name,
        member: member.name,
        address,
        verdict,
        region,
        held,
      });
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
