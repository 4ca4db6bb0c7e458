import { limits } from '../base/limits.ts';
import type { Coordinates } from '../geo/client.ts';
import type { MemberHealth, ServiceHealth, Verdict } from '../health/verdict.ts';
import type { Choice, DropReason, Vip } from './choice.ts';
import { keyOf } from './sticky-key.ts';
import type { Member, Region, Service } from './traffic.ts';

/** A degraded VIP takes this share of what it would take when up. */
export const degradedFactor = 0.5;

/**
 * How one member stands for one family: whether it may answer, with what, and how much of its share
 * it may take. The same for every client.
 */
export interface Standing {
  readonly member: string;
  readonly region: string;
  /** Why it may not answer; undefined means eligible. `no-address` and `drained` are not failures. */
  readonly drop: DropReason | undefined;
  /** Eligible VIPs; empty when dropped. */
  readonly vips: readonly Vip[];
  /** The member's own answer: its eligible VIPs, several of them rotated. */
  readonly choice: Choice;
  /** The member's VIPs as sticky nodes hash them, each on its own. */
  readonly stickyParts: readonly StickyPart[];
  /** As configured, 0 to 65535. */
  readonly weight: number;
  /** dial × ramp, 0.01 to 1 in steps of 0.01. */
  readonly keep: number;
  /** capacity / load when spilling and overloaded, 0.01 to 1 in steps of 0.01; else 1. */
  readonly spill: number;
  /** Mean factor of the eligible VIPs: 1 for up and unknown, `degradedFactor` for degraded. */
  readonly soundness: number;
  /** Eligible VIPs / configured VIPs. */
  readonly vipShare: number;
  readonly capacity: number | undefined;
  readonly load: number | undefined;
  readonly coordinates: Coordinates | undefined;
  readonly secondsToChange: number | undefined;
}

/** One eligible VIP: what it takes of the member's clients. */
export interface StickyPart {
  /** Of the member's name and the place of the VIP in it, so that renumbering moves nobody. */
  readonly key: number;
  /** Its health factor / configured VIPs, 0 to 1; whoever else is eligible. */
  readonly part: number;
  /** The VIP, and the others behind it. */
  readonly choice: Choice;
}

export interface StandingsInput {
  readonly service: Service;
  readonly regions: ReadonlyMap<string, Region>;
  readonly health: ServiceHealth;
  readonly family: 4 | 6;
}

/** Works out the standing of every member, in the order of the service. */
export function standingsOf(input: StandingsInput): ReadonlyMap<string, Standing> {
  const standings = new Map<string, Standing>();
  for (const [name, member] of input.service.members) {
    const health = input.health.get(name);
    const region = input.regions.get(member.region);
    const drop = staticDrop(member, region, input.family);
    const verdicts = addressesOf(member, input.family).map(
      (address) => [address, effectiveVerdict(member, region, health?.vips.get(address))] as const,
    );
    const eligible = drop === undefined ? verdicts.filter(([, verdict]) => verdict !== 'down') : [];
    const forced = (member.state === 'active' ? region?.state : member.state) === 'down';
    const standing = makeStanding(
      name,
      input,
      eligible,
      drop ?? (eligible.length > 0 ? undefined : forced ? 'admin-down' : 'down'),
    );
    standings.set(name, standing);
  }
  return standings;
}

/**
 * Standings for failing open: the best of the members that health has dropped count as unknown. In
 * order of preference: every member that is not drained, else every member of the family.
 */
export function standingsFailingOpen(input: StandingsInput): ReadonlyMap<string, Standing> {
  const configured = [...input.service.members].filter(
    ([, member]) => addressesOf(member, input.family).length > 0,
  );
  const open = configured.filter(
    ([, member]) => !isDrained(member, input.regions.get(member.region)),
  );
  const chosen = new Set((open.length > 0 ? open : configured).map(([name]) => name));
  const standings = new Map<string, Standing>();
  for (const [name, member] of input.service.members) {
    const vips = chosen.has(name)
      ? addressesOf(member, input.family).map((address) => [address, 'unknown'] as const)
      : [];
    const drop = chosen.has(name)
      ? undefined
      : (staticDrop(member, regionOf(input, member), input.family) ?? 'down');
    standings.set(name, makeStanding(name, { ...input, health: new Map() }, vips, drop));
  }
  return standings;
}

/** Configured VIPs of a member in one family, canonical text. */
export function addressesOf(member: Member, family: 4 | 6): readonly string[] {
  return family === 4 ? member.a : member.aaaa;
}

/** All VIPs of a member whatever its health, as the fallback that `whenAllDown` names. */
export function wholeMember(input: StandingsInput, name: string): Standing | undefined {
  const member = input.service.members.get(name);
  if (member === undefined || addressesOf(member, input.family).length === 0) return undefined;
  const vips = addressesOf(member, input.family).map((address) => [address, 'unknown'] as const);
  return makeStanding(name, { ...input, health: new Map() }, vips, undefined);
}

const regionOf = (input: StandingsInput, member: Member) => input.regions.get(member.region);

function isDrained(member: Member, region: Region | undefined): boolean {
  return member.state === 'drained' || region?.state === 'drained' || region?.dial === 0;
}

function staticDrop(
  member: Member,
  region: Region | undefined,
  family: 4 | 6,
): DropReason | undefined {
  if (addressesOf(member, family).length === 0) return 'no-address';
  return isDrained(member, region) ? 'drained' : undefined;
}

/** The member's admin state outranks its region's, either outranks the verdict (DESIGN.md §4). */
function effectiveVerdict(
  member: Member,
  region: Region | undefined,
  verdict: Verdict | undefined,
): Verdict {
  const state = member.state === 'active' ? region?.state : member.state;
  if (state === 'down' || state === 'up') return state;
  return verdict ?? 'unknown';
}

function makeStanding(
  name: string,
  input: StandingsInput,
  eligible: readonly (readonly [string, Verdict])[],
  drop: DropReason | undefined,
): Standing {
  const member = input.service.members.get(name)!;
  const region = regionOf(input, member);
  const health: MemberHealth | undefined = input.health.get(name);
  const vips = eligible.map(([address]): Vip => ({ member: name, address }));
  const configured = addressesOf(member, input.family);
  const degraded = eligible.filter(([, verdict]) => verdict === 'degraded').length;
  const overload =
    input.service.spill && member.capacity !== undefined && (health?.load ?? 0) > member.capacity;
  return {
    member: name,
    region: member.region,
    drop,
    vips,
    choice: memberChoice(vips),
    stickyParts: stickyPartsOf(name, configured, eligible),
    weight: member.weight,
    keep: wholePercent(((region?.dial ?? 100) / 100) * (health?.ramp ?? 1)),
    spill: overload ? wholePercent((member.capacity ?? 0) / (health?.load ?? 1)) : 1,
    soundness: vips.length === 0 ? 0 : 1 - (degraded / vips.length) * (1 - degradedFactor),
    vipShare: configured.length === 0 ? 0 : vips.length / configured.length,
    capacity: member.capacity,
    load: health?.load,
    coordinates: region?.coordinates,
    secondsToChange: health?.secondsToChange,
  };
}

/**
 * Rounded up to a whole percent, at least 1: a member that has only just come back takes part a
 * little, and a policy has at most a hundred degrees of taking part to compile.
 */
function wholePercent(share: number): number {
  return Math.min(100, Math.max(1, Math.ceil(share * 100 - 1e-9))) / 100;
}

function memberChoice(vips: readonly Vip[]): Choice {
  if (vips.length === 0) return { kind: 'empty' };
  if (vips.length === 1) return { kind: 'fixed', vips };
  return { kind: 'rotate', vips, answers: Math.min(vips.length, limits.answersPerQuery) };
}

function stickyPartsOf(
  name: string,
  configured: readonly string[],
  eligible: readonly (readonly [string, Verdict])[],
): readonly StickyPart[] {
  return eligible.map(([address, verdict], index) => {
    const order = [...eligible.slice(index), ...eligible.slice(0, index)];
    const vips = order.map(([one]): Vip => ({ member: name, address: one }));
    return {
      key: keyOf(`vip ${name} ${configured.indexOf(address)}`),
      part: (verdict === 'degraded' ? degradedFactor : 1) / configured.length,
      choice: { kind: 'fixed', vips: vips.slice(0, limits.answersPerQuery) },
    };
  });
}
