import { limits } from '../base/limits.ts';

/** Where a thread's counts of zones and members stand; can be sent to other threads. */
export type TrafficMemory = SharedArrayBuffer;

/** Zones beyond this share its count; members are told apart in so many places of a table. */
const zonePlaces = limits.countedZones + 1;
const memberPlaces = limits.countedMembers;
const maxProbes = 16;

/** Members of a service are numbered below this. */
const membersPerService = 1024;

/** Makes a thread's counts, all zero. Pages of it take memory once something there is counted. */
export function createTrafficMemory(): TrafficMemory {
  return new SharedArrayBuffer((zonePlaces + memberPlaces + 1) * 8 + memberPlaces * 4);
}

/**
 * What one thread counts by zone and by member; only this thread writes, so that others read it at no
 * cost to the query path.
 *
 *   zones    │ slot 0 │ slot 1 │ … │ all slots beyond │
 *   members  │ count │ count │ … │ whoever found no place │      by place in keys
 *   keys     │ service slot × 1024 + member + 1, 0 where free │ …       open addressing
 */
export class Traffic {
  readonly #zones: Float64Array;
  readonly #members: Float64Array;
  readonly #keys: Int32Array;

  constructor(memory: TrafficMemory) {
    this.#zones = new Float64Array(memory, 0, zonePlaces);
    this.#members = new Float64Array(memory, zonePlaces * 8, memberPlaces + 1);
    this.#keys = new Int32Array(memory, (zonePlaces + memberPlaces + 1) * 8, memberPlaces);
  }

  /** A query for a name in the zone of this slot. */
  countZone(slot: number): void {
    this.#zones[slot < zonePlaces ? slot : zonePlaces - 1]! += 1;
  }

  /** An answer that begins with an address of this member of the service of this slot. */
  countMember(serviceSlot: number, member: number): void {
    const key = serviceSlot * membersPerService + member + 1;
    let place = (Math.imul(key, 0x9e37_79b1) >>> 8) & (memberPlaces - 1);
    for (let probe = 0; probe < maxProbes; probe += 1) {
      const found = this.#keys[place]!;
      if (found === 0) this.#keys[place] = key;
      if (found === key || found === 0) {
        this.#members[place]! += 1;
        return;
      }
      place = (place + 1) & (memberPlaces - 1);
    }
    this.#members[memberPlaces]! += 1;
  }

  /** Adds the counts that are not 0 to `sums`: zones by slot, members by key (`memberOfKey`). */
  addTo(sums: TrafficSums): void {
    for (let slot = 0; slot < zonePlaces; slot += 1) add(sums.zones, slot, this.#zones[slot]!);
    for (let place = 0; place < memberPlaces; place += 1) {
      add(sums.members, this.#keys[place]!, this.#members[place]!);
    }
    add(sums.members, 0, this.#members[memberPlaces]!);
  }
}

/** Counts of all threads together; those of 0 are absent. */
export interface TrafficSums {
  /** By zone slot. */
  readonly zones: Map<number, number>;
  /** By key; 0 holds those for whom there was no place. */
  readonly members: Map<number, number>;
}

/** Service slot and number of the member within it that a key (not 0) stands for. */
export function memberOfKey(key: number): { serviceSlot: number; member: number } {
  const serviceSlot = Math.floor((key - 1) / membersPerService);
  return { serviceSlot, member: (key - 1) % membersPerService };
}

/** Adds up the counts of several threads. Looks through all places: some milliseconds. */
export function sumTraffic(all: readonly Traffic[]): TrafficSums {
  const sums: TrafficSums = { zones: new Map(), members: new Map() };
  for (const traffic of all) traffic.addTo(sums);
  return sums;
}

function add(counts: Map<number, number>, key: number, count: number): void {
  if (count > 0) counts.set(key, (counts.get(key) ?? 0) + count);
}
