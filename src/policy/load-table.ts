import { limits } from '../base/limits.ts';
import { freshLoad, type LoadState, stepLoad } from '../health/load.ts';

/**
 * Reported loads of all members, smoothed; what `leastLoad` and `spill` see of them. Not part of the
 * evaluator, which is a pure function of the loads that it is given.
 */
export class LoadTable {
  /** service → member → state; both maps in the order of the last report, oldest first. */
  readonly #services = new Map<string, Map<string, LoadState>>();

  /**
   * Takes a report in the unit of the member's capacity at a monotonic time. Reports that are not
   * finite and non-negative are refused; returns whether the report was taken.
   */
  report(service: string, member: string, load: number, nowMs: number): boolean {
    if (!Number.isFinite(load) || load < 0) return false;
    const members = this.#services.get(service) ?? new Map<string, LoadState>();
    const next = stepLoad(members.get(member), load, nowMs);
    members.delete(member);
    members.set(member, next);
    shedOldest(members, limits.membersPerService);
    this.#services.delete(service);
    this.#services.set(service, members);
    shedOldest(this.#services, limits.services);
    return true;
  }

  /** The smoothed load; undefined when nothing was reported for 60 s. */
  load(service: string, member: string, nowMs: number): number | undefined {
    return freshLoad(this.#services.get(service)?.get(member), nowMs);
  }

  /** Forgets a service that is no longer there. */
  forget(service: string): void {
    this.#services.delete(service);
  }
}

function shedOldest(map: Map<string, unknown>, most: number): void {
  while (map.size > most) {
    const oldest = map.keys().next();
    if (oldest.done) return;
    map.delete(oldest.value);
  }
}
