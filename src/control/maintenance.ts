import { isInMaintenance, type MaintenanceWindow } from '../health/maintenance.ts';
import type { Traffic } from '../policy/traffic.ts';

/** A member on which planned work has begun or ended. */
export interface MaintenanceTurn {
  readonly service: string;
  readonly member: string;
  readonly isPlanned: boolean;
}

interface Planned {
  readonly service: string;
  readonly member: string;
  readonly windows: readonly MaintenanceWindow[];
}

/** Knows on which members planned work goes on: their own windows, their service's, their region's. */
export class Maintenance {
  #planned: readonly Planned[] = [];
  /** `service/member` of those where it goes on. */
  #open = new Set<string>();

  setTraffic({ services, regions }: Traffic): void {
    const planned: Planned[] = [];
    for (const [service, { members, maintenance: own = [] }] of services) {
      for (const [member, { maintenance = [] }] of members) {
        const windows = [...own, ...maintenance, ...(regions.get(member)?.maintenance ?? [])];
        const isOpen = this.#open.has(`${service}/${member}`);
        if (windows.length > 0 || isOpen) planned.push({ service, member, windows });
      }
    }
    this.#planned = planned;
  }

  /** Where planned work has begun or ended since the last call. */
  step(epochMs: number): MaintenanceTurn[] {
    const turns: MaintenanceTurn[] = [];
    const open = new Set<string>();
    for (const { service, member, windows } of this.#planned) {
      const key = `${service}/${member}`;
      const isPlanned = isInMaintenance(windows, epochMs);
      if (isPlanned) open.add(key);
      if (isPlanned !== this.#open.has(key)) turns.push({ service, member, isPlanned });
    }
    this.#open = open;
    return turns;
  }
}
