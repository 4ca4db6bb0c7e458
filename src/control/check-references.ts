import type { Service, Traffic } from '../policy/traffic.ts';
import { at, type Findings } from './findings.ts';
import { hint } from './suggest.ts';

/** Says where an object stands: a JSON pointer, or a path that the findings turn into a line. */
export type ObjectPath = (kind: 'region' | 'monitor' | 'service', name: string) => string;

/** Names that exist; a Map or a Set. */
export interface Names {
  has(name: string): boolean;
  keys(): Iterable<string>;
}

/** Checks that every region and monitor that services name exists. */
export function checkTrafficReferences(
  traffic: Traffic,
  pathOf: ObjectPath,
  findings: Findings,
  known: { readonly regions: Names; readonly monitors: Names },
): void {
  for (const [name, service] of traffic.services) {
    checkServiceReferences(name, service, pathOf, findings, known);
  }
}

/** Checks that every region and monitor that one service names exists. */
export function checkServiceReferences(
  name: string,
  service: Service,
  pathOf: ObjectPath,
  findings: Findings,
  known: { readonly regions: Names; readonly monitors: Names },
): void {
  const path = pathOf('service', name);
  for (const region of service.members.keys()) {
    if (known.regions.has(region)) continue;
    const message =
      `service "${name}" has a member in region "${region}", which does not exist` +
      `${hint(region, [...known.regions.keys()])}; add the region or correct the name`;
    findings.error('E_REGION_UNKNOWN', at(at(path, 'members'), region), message);
  }
  for (const [index, monitor] of service.monitors.entries()) {
    if (known.monitors.has(monitor)) continue;
    const message =
      `service "${name}" uses monitor "${monitor}", which does not exist` +
      `${hint(monitor, [...known.monitors.keys()])}; add the monitor or correct the name`;
    findings.error('E_MONITOR_UNKNOWN', at(at(path, 'monitors'), index), message);
  }
}
