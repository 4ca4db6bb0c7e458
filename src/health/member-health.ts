import type { MemberState, ServiceState } from './fleet-state.ts';
import { freshLoad } from './load.ts';
import { rampShare } from './ramp.ts';
import type { MemberHealth, Verdict } from './verdict.ts';

/**
 * Loads that differ by less than this part are one load, so that answers are not remade all the
 * time.
 */
const loadTolerance = 0.02;

/** A member's health as steering sees it, from its VIPs, ramp and load. */
export function memberHealth(member: MemberState, nowMs: number): MemberHealth {
  const load = steadyLoad(member.health.load, freshLoad(member.load, nowMs));
  const secondsToChange = soonestChange(member, nowMs);
  return {
    vips: new Map([...member.vips].map(([address, vip]) => [address, vip.verdict])),
    ramp: rampShare(member.ramp, member.service.plan.rampMs, nowMs),
    ...(load === undefined ? {} : { load }),
    ...(secondsToChange === undefined ? {} : { secondsToChange }),
  };
}

/** True when every VIP is down; a member without VIPs is not. */
export function isMemberDown(member: MemberState): boolean {
  for (const vip of member.vips.values()) if (vip.verdict !== 'down') return false;
  return member.vips.size > 0;
}

/** True when answers cannot differ between the two, but for TTLs that watch `secondsToChange`. */
export function sameAnswers(a: MemberHealth, b: MemberHealth): boolean {
  return a.ramp === b.ramp && a.load === b.load && sameVerdicts(a.vips, b.vips);
}

/** The part of a service that is not down yet but that exactly one agent region says is. */
export function wantedShare(service: ServiceState): number {
  let share = 0;
  for (const { vips, inMaintenance } of service.members.values()) {
    if (inMaintenance) continue;
    for (const vip of vips.values()) {
      if (vip.verdict === 'down') continue;
      const isWanted = vip.targets.some(
        ({ check }) => check.ruling.verdict === 'down' && check.ruling.downRegions.length === 1,
      );
      if (isWanted) share += vip.share;
    }
  }
  return share;
}

function steadyLoad(before: number | undefined, now: number | undefined): number | undefined {
  if (before === undefined || now === undefined) return now;
  return Math.abs(now - before) <= loadTolerance * Math.max(before, now) ? before : now;
}

/** Seconds until the member could change at the earliest; holds count in steps of 5 s. */
function soonestChange(member: MemberState, nowMs: number): number | undefined {
  let least: number | undefined;
  for (const { targets } of member.vips.values()) {
    for (const { check, heldUntilMs } of targets) {
      const seconds =
        heldUntilMs === undefined
          ? check.secondsToChange
          : Math.max(5, Math.ceil((heldUntilMs - nowMs) / 5000) * 5);
      if (seconds !== undefined && (least === undefined || seconds < least)) least = seconds;
    }
  }
  return least;
}

function sameVerdicts(a: ReadonlyMap<string, Verdict>, b: ReadonlyMap<string, Verdict>): boolean {
  if (a.size !== b.size) return false;
  for (const [address, verdict] of b) if (a.get(address) !== verdict) return false;
  return true;
}
