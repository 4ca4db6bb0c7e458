import { limits } from '../base/limits.ts';
import { memberOfKey, type TrafficSums } from '../server/traffic.ts';

/** Who stands in which slot of the image. */
export interface SlotNames {
  /** Zone by slot. */
  readonly zones: ReadonlyMap<number, string>;
  /** Service by slot, with its members in the order that they are numbered. */
  readonly services: ReadonlyMap<
    number,
    { readonly name: string; readonly members: readonly string[] }
  >;
}

/** Counts by zone, and by service and member. */
export interface NamedTraffic {
  readonly zones: readonly (readonly [string, number])[];
  readonly members: readonly (readonly [service: string, member: string, count: number])[];
}

interface Owner {
  readonly name: string;
  /** What was counted before the slot was this owner's. */
  readonly base: number;
}

/**
 * Gives the counts of slots their names. A slot that has got another owner since the last look counts
 * from there on; of zones, and of members, only those asked for most are told, limits.metricSeries.
 */
export class TrafficMetrics {
  #zones = new Map<number, Owner>();
  #members = new Map<number, Owner>();

  read(sums: TrafficSums, names: SlotNames): NamedTraffic {
    const zones = named(sums.zones, this.#zones, (slot) => names.zones.get(slot));
    const members = named(sums.members, this.#members, (key) => {
      const { serviceSlot, member } = memberOfKey(key);
      const service = names.services.get(serviceSlot);
      const memberName = service?.members[member];
      return memberName === undefined ? undefined : `${service?.name} ${memberName}`;
    });
    this.#zones = zones.owners;
    this.#members = members.owners;
    return {
      zones: zones.counts,
      members: members.counts.map(([both, count]) => {
        const [service = '', member = ''] = both.split(' ');
        return [service, member, count] as const;
      }),
    };
  }
}

function named(
  sums: ReadonlyMap<number, number>,
  before: ReadonlyMap<number, Owner>,
  nameOf: (key: number) => string | undefined,
) {
  const owners = new Map<number, Owner>();
  const counts: [string, number][] = [];
  for (const [key, sum] of sums) {
    const name = nameOf(key);
    if (name === undefined) {
      owners.set(key, { name: '', base: sum });
      continue;
    }
    const known = before.get(key);
    const owner = known === undefined ? { name, base: 0 } : known;
    const current = owner.name === name ? owner : { name, base: sum };
    owners.set(key, current);
    counts.push([name, sum - current.base]);
  }
  counts.sort(([, a], [, b]) => b - a);
  return { owners, counts: counts.slice(0, limits.metricSeries) };
}
