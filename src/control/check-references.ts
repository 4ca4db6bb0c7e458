import type { Monitor } from '../health/monitor.ts';
import { embeddedVantages } from '../health/report.ts';
import type { FleetAgent, Service, Traffic } from '../policy/traffic.ts';
import { at, type Findings } from './findings.ts';
import { hint } from './suggest.ts';

/** Says where an object stands: a JSON pointer, or a path that the findings turn into a line. */
export type ObjectPath = (kind: 'region' | 'monitor' | 'service' | 'agent', name: string) => string;

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
  for (const [name, agent] of traffic.agents ?? []) {
    checkAgentReferences(name, agent, pathOf, findings, known);
  }
}

/** Checks that the monitors exist by which an agent checks its canaries. */
export function checkAgentReferences(
  name: string,
  agent: FleetAgent,
  pathOf: ObjectPath,
  findings: Findings,
  known: { readonly monitors: Names },
): void {
  for (const monitor of agent.canaries.keys()) {
    if (known.monitors.has(monitor)) continue;
    const message =
      `agent "${name}" checks canaries by monitor "${monitor}", which does not exist` +
      `${hint(monitor, [...known.monitors.keys()])}; add the monitor or correct the name`;
    findings.error(
      'E_MONITOR_UNKNOWN',
      at(at(pathOf('agent', name), 'canaries'), monitor),
      message,
    );
  }
}

/** Warns where nobody is there to make a monitor's checks; its targets stay unknown. */
export function checkVantages(
  name: string,
  monitor: Monitor,
  pathOf: ObjectPath,
  findings: Findings,
  agents: Traffic['agents'],
): void {
  const known = new Set<string>(embeddedVantages);
  for (const [agent, { region }] of agents ?? []) known.add(agent).add(region);
  for (const [index, vantage] of (monitor.from ?? []).entries()) {
    if (known.has(vantage)) continue;
    const message =
      `monitor "${name}" is checked from "${vantage}", and no agent or agent region is called so` +
      `${hint(vantage, [...known])}; without any, its targets stay unknown`;
    findings.warn('E_VANTAGE_UNKNOWN', at(at(pathOf('monitor', name), 'from'), index), message);
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
