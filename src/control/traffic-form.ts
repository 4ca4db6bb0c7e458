import { limits } from '../base/limits.ts';
import type { Monitor } from '../health/monitor.ts';
import type { FleetAgent, NetworkOverride, Region, Service, Traffic } from '../policy/traffic.ts';
import { checkTrafficReferences } from './check-references.ts';
import { at, type Findings } from './findings.ts';
import { checkObjectName } from './object-names.ts';
import { formatAgent, parseAgent } from './parse-agent.ts';
import { formatMonitor, parseMonitor } from './parse-monitor.ts';
import { formatNetwork, parseNetwork } from './parse-network.ts';
import { formatRegion, parseRegion } from './parse-region.ts';
import { formatService, parseService } from './parse-service.ts';
import { isRecord, readObject, readTable } from './read-form.ts';

/** The tables of a traffic file, in the order in which they are written. */
export const trafficTables = ['regions', 'monitors', 'services', 'networks', 'agents'] as const;

/** A fleet without agents but the embedded one. */
export const noAgents: ReadonlyMap<string, FleetAgent> = new Map();

/** An empty traffic: nothing is steered. */
export const noTraffic: Traffic = {
  regions: new Map(),
  monitors: new Map(),
  services: new Map(),
  networks: [],
};

/**
 * Reads a whole traffic object: `{ regions, monitors, services, networks, agents }`. What is right is in the
 * result even where something else is wrong; `findings` says what was left out and why.
 */
export function parseTraffic(value: unknown, findings: Findings): Traffic {
  const form = readObject(value, '', 'the traffic file', trafficTables, findings) ?? {};
  const regions = readNamed<Region>(form['regions'], 'region', parseRegion, findings);
  const monitors = readNamed<Monitor>(form['monitors'], 'monitor', parseMonitor, findings);
  const services = readNamed<Service>(form['services'], 'service', parseService, findings);
  const agents = readNamed<FleetAgent>(form['agents'], 'agent', parseAgent, findings);
  const networks = new Map<string, NetworkOverride>();
  for (const [cidr, entry] of readTable(form['networks'], '/networks', 'networks', findings) ??
    []) {
    const path = at('/networks', cidr);
    const network = parseNetwork(cidr, entry, path, findings);
    if (network === undefined) continue;
    if (networks.has(network.cidr)) {
      const message = `network ${network.cidr} is listed twice; join the two entries`;
      findings.error('E_FORM_DUPLICATE', path, message);
    } else networks.set(network.cidr, network);
  }
  const rest = agents.size === 0 ? {} : { agents };
  const traffic = { regions, monitors, services, networks: [...networks.values()], ...rest };
  // What was written but is wrong has been reported; calling it unknown as well would only distract.
  const written = (table: unknown) => new Set(isRecord(table) ? Object.keys(table) : []);
  const known = { regions: written(form['regions']), monitors: written(form['monitors']) };
  checkTrafficReferences(traffic, (kind, name) => at(`/${kind}s`, name), findings, known);
  return traffic;
}

/** Writes a whole traffic object in the operator's form; reads back equal. */
export function formatTraffic(traffic: Traffic): Record<string, Record<string, unknown>> {
  const table = <T>(entries: Iterable<readonly [string, T]>, format: (entry: T) => unknown) =>
    Object.fromEntries([...entries].map(([name, entry]) => [name, format(entry)]));
  const networks = traffic.networks.map((network) => [network.cidr, network] as const);
  return {
    regions: table(traffic.regions, formatRegion),
    monitors: table(traffic.monitors, formatMonitor),
    services: table(traffic.services, formatService),
    networks: table(networks, formatNetwork),
    agents: table(traffic.agents ?? noAgents, formatAgent),
  };
}

function readNamed<T>(
  value: unknown,
  what: 'region' | 'monitor' | 'service' | 'agent',
  parse: (value: unknown, path: string, findings: Findings) => T | undefined,
  findings: Findings,
): Map<string, T> {
  const table = `/${what}s`;
  const found = new Map<string, T>();
  const entries = readTable(value, table, `${what}s`, findings) ?? [];
  const max = limits[`${what}s`];
  if (entries.length > max) {
    findings.error('E_LIMIT', table, `there are ${entries.length} ${what}s; at most ${max}`);
    return found;
  }
  for (const [name, entry] of entries) {
    const path = at(table, name);
    if (!checkObjectName(name, path, `a ${what}`, findings)) continue;
    const parsed = parse(entry, path, findings);
    if (parsed !== undefined) found.set(name, parsed);
  }
  return found;
}
