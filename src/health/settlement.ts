import { damp, undamped } from './damping.ts';
import type { Changed, MemberState, Target } from './fleet-state.ts';
import { isMemberDown, memberHealth, sameAnswers, wantedShare } from './member-health.ts';
import { isRamping, stepRamp } from './ramp.ts';
import type { Roster } from './roster.ts';
import { guardVelocity, velocityWindowMs } from './velocity-guard.ts';
import { vipVerdict } from './vip-verdict.ts';

/** How long a verdict from before a restart is believed without a fresh one, in check intervals. */
const restoredIntervals = 6;

/**
 * Brings verdicts in line with what the quorum rules: ruling → velocity guard → damping → VIP →
 * health of the member. Remembers what time alone may change.
 */
export class Settlement {
  readonly #roster: Roster;
  /** Targets that time may change: held by damping or guard, or restored. */
  readonly #waiting = new Set<Target>();
  /** Members that time may change: ramping, or with a load that goes stale. */
  readonly #moving = new Set<MemberState>();

  constructor(roster: Roster) {
    this.#roster = roster;
  }

  /** Lets time do its work on what waits for it. */
  tick(nowMs: number, changed: Changed): void {
    for (const target of [...this.#waiting]) {
      this.settle(target, nowMs, changed);
      this.refresh(target.vip.member, nowMs, changed);
    }
    for (const member of [...this.#moving]) this.refresh(member, nowMs, changed);
  }

  /** Has an eye on a target that was taken over from before. */
  watch(target: Target): void {
    this.#waiting.add(target);
  }

  /** Lets go of a member and its targets. */
  forget(member: MemberState): void {
    this.#moving.delete(member);
    for (const vip of member.vips.values()) {
      for (const target of vip.targets) this.#waiting.delete(target);
    }
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
   * Brings a target's verdict in line with its check's ruling, as far as guard and damping let it.
   */
  settle(target: Target, nowMs: number, changed: Changed): void {
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
   * True when one agent region may not take a target down: another one belongs to the fleet and its
   * word is missed (invariant 7), or it would be too much at once.
   */
  #isGuarded(target: Target, region: string, nowMs: number, changed: Changed): boolean {
    const { member, address, verdict } = target.vip;
    const { service } = member;
    const { quorum } = target.check.monitor;
    // Who asks for one agent's word has it; where one region's is enough, no other is waited for.
    const isAlone =
      quorum !== 'any' && quorum !== 1 && this.#roster.isAwaited(target.check, region, nowMs);
    const regions = this.#roster.regionCount(target.check.from);
    const decision = guardVelocity(service.falls, wantedShare(service), regions, nowMs);
    if (decision === 'pass' && !isAlone) return false;
    const held = isAlone || decision === 'hold';
    if (service.alarmedMs === undefined || nowMs - service.alarmedMs >= velocityWindowMs) {
      service.alarmedMs = nowMs;
      const reason = decision === 'pass' ? 'alone' : 'share';
      const awaited = this.#roster.awaited(target.check, region, nowMs);
      const about = { service: service.name, member: member.name, address, verdict };
      changed.alarms.push({ ...about, region, held, reason, awaited });
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
    const error = to === 'up' ? undefined : this.#roster.commonError(check, nowMs);
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
    this.refresh(vip.member, nowMs, changed);
    return true;
  }

  /** Makes a member's health anew and notes whether answers may depend on the difference. */
  refresh(member: MemberState, nowMs: number, changed: Changed): void {
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
