import { distanceKm } from '../geo/distance.ts';
import type { ServiceHealth, Verdict } from '../health/verdict.ts';
import type { EstimateLatency } from '../latency/estimate.ts';
import { ClientFacts } from '../policy/client-facts.ts';
import { Decider } from '../policy/evaluate.ts';
import { choiceShares } from '../policy/shares.ts';
import type { Member, Region, Service } from '../policy/traffic.ts';
import type { ClassPopulation } from './population-classes.ts';

/** Where a service's clients go, over a whole population. Shares are 0 to 1. */
export interface ServiceTraffic {
  /** Every member, those without a client included. */
  readonly shares: ReadonlyMap<string, number>;
  /** Great-circle distance from a client's home to the region that it is sent to. */
  readonly meanDistanceKm: number;
  /** By the estimates that policies use; undefined when some clients have none, or no answer. */
  readonly meanLatencyMs: number | undefined;
  /** Clients that are sent to a member without a live VIP. */
  readonly deadShare: number;
  /** Clients that get no address at all. */
  readonly emptyShare: number;
}

export interface ServiceQuestion {
  readonly name: string;
  readonly service: Service;
  readonly regions: ReadonlyMap<string, Region>;
  readonly health: ServiceHealth;
  readonly estimate: EstimateLatency;
  readonly classes: readonly ClassPopulation[];
  /** Regions that are lost: whatever an operator declares of members there, nothing answers. */
  readonly lost?: ReadonlySet<string>;
}

/** Runs a service's policy for every class of a population, as the images are compiled. */
export function serviceTraffic(question: ServiceQuestion): ServiceTraffic {
  const { service, regions, classes, estimate } = question;
  const family = [...service.members.values()].some((member) => member.a.length > 0) ? 4 : 6;
  const decider = new Decider({ ...question, family });
  const dead = deadMembers(question, family);
  const people = new Map([...service.members.keys()].map((member) => [member, 0]));
  const sums = { all: 0, sent: 0, km: 0, placed: 0, ms: 0, untimed: 0, dead: 0, empty: 0 };
  for (const { client, inhabitants, homes } of classes) {
    const { choice } = decider.decide(new ClientFacts(client, estimate));
    const shares = choiceShares(choice);
    sums.all += inhabitants;
    if (shares.size === 0) sums.empty += inhabitants;
    for (const [member, share] of shares) {
      const sent = inhabitants * share;
      people.set(member, (people.get(member) ?? 0) + sent);
      if (dead.has(member)) sums.dead += sent;
      sums.sent += sent;
      const there = regions.get(member)?.coordinates;
      const ms = estimate(client, member, there)?.ms;
      if (ms === undefined) sums.untimed += sent;
      else sums.ms += ms * sent;
      if (there === undefined) continue;
      for (const home of homes) {
        sums.km += distanceKm(home.coordinates, there) * home.inhabitants * share;
        sums.placed += home.inhabitants * share;
      }
    }
  }
  const all = Math.max(sums.all, 1);
  return {
    shares: new Map([...people].map(([member, count]) => [member, count / all])),
    meanDistanceKm: sums.km / Math.max(sums.placed, 1),
    meanLatencyMs: sums.sent === 0 || sums.untimed > 0 ? undefined : sums.ms / sums.sent,
    deadShare: sums.dead / all,
    emptyShare: sums.empty / all,
  };
}

/** Members none of whose VIPs would answer, whatever the policy says: down, or declared so. */
function deadMembers(question: ServiceQuestion, family: 4 | 6): ReadonlySet<string> {
  const dead = new Set<string>();
  for (const [name, member] of question.service.members) {
    const region = question.regions.get(name);
    const vips = family === 4 ? member.a : member.aaaa;
    if (question.lost?.has(name)) dead.add(name);
    else if (
      vips.every((vip) => verdictOf(vip, member, region, question.health.get(name)) === 'down')
    ) {
      dead.add(name);
    }
  }
  return dead;
}

function verdictOf(
  vip: string,
  member: Member,
  region: Region | undefined,
  health: { readonly vips: ReadonlyMap<string, Verdict> } | undefined,
): Verdict {
  for (const state of [member.state, region?.state]) {
    if (state === 'up' || state === 'down') return state;
  }
  return health?.vips.get(vip) ?? 'unknown';
}
